//! ResourceQuotas: recounts what is used when a quota is new or changed, and when something that it counts went away.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Controller;
use crate::admission::quota::{self, Amounts, QUOTAS};
use crate::meta;
use crate::quantity::Quantity;
use crate::store::{Change, ChangeKind};
use crate::world::World;

/// The controller.
pub(crate) struct Quotas;

impl Controller for Quotas {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let (id, object): (&str, _) = (&change.resource, &change.object);
        if id == QUOTAS {
            let counted = object.pointer("/status/hard") == object.pointer("/spec/hard");
            if change.kind != ChangeKind::Deleted && !counted {
                return vec![(Duration::ZERO, meta::key(object))];
            }
            return Vec::new();
        }
        let freed = match change.kind {
            ChangeKind::Deleted => true,
            ChangeKind::Added => false,
            ChangeKind::Modified => match id {
                "pods" => object
                    .pointer("/status/phase")
                    .is_some_and(|phase| phase == "Succeeded" || phase == "Failed"),
                "services" | "persistentvolumeclaims" => {
                    change.old.as_deref().and_then(|old| old.get("spec")) != object.get("spec")
                }
                _ => false,
            },
        };
        let namespace = meta::namespace(object);
        if !freed || namespace.is_empty() {
            return Vec::new();
        }
        let quotas = world.list(QUOTAS, Some(namespace));
        quotas.iter().map(|quota| (Duration::ZERO, meta::key(quota))).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let found = world.get(QUOTAS, namespace, name)?;
        let hard = quota::amounts(found.pointer("/spec/hard"));
        let mut used: Amounts = hard.keys().map(|name| (name.clone(), Quantity::ZERO)).collect();
        let ids: BTreeSet<&str> = hard.keys().filter_map(|name| counts(name)).collect();
        for id in ids {
            for object in world.list(id, Some(namespace)) {
                if !quota::in_scope(&found, id, &object) {
                    continue;
                }
                for (name, amount) in quota::counted(id, &object) {
                    if let Some(sum) = used.get_mut(&name) {
                        *sum = sum.plus(amount);
                    }
                }
            }
        }
        let changed = world.modify(QUOTAS, namespace, name, |quota| {
            let status = meta::child_map(quota, "status");
            status.insert("hard".to_owned(), quota::written(&hard));
            status.insert("used".to_owned(), quota::written(&used));
        });
        if let Err(refusal) = changed {
            tracing::debug!(
                name,
                message = refusal.message,
                "a quota could not be brought up to date"
            );
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        world.list(QUOTAS, None).iter().map(|quota| meta::key(quota)).collect()
    }
}

/// The resource that a name of a quota is about.
fn counts(name: &str) -> Option<&str> {
    if let Some(id) = name.strip_prefix("count/") {
        return Some(id);
    }
    let plain = name.rsplit_once('/').map_or(name, |(_, last)| last);
    Some(match plain {
        "requests.storage" | "persistentvolumeclaims" => "persistentvolumeclaims",
        "services" | "services.nodeports" | "services.loadbalancers" => "services",
        "configmaps" | "secrets" | "resourcequotas" | "replicationcontrollers" => plain,
        _ => "pods",
    })
}

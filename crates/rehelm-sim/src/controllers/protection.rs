//! Claims and volumes that are in use stay until they are not (`pvcprotection`, `pvprotection`).

use std::time::Duration;

use serde_json::Value;

use super::Controller;
use super::binder::change;
use super::volumes::{CLAIMS, PACE, VOLUMES, claims_of, is_over, phase, pods_of, text};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

const OF_CLAIMS: &str = "kubernetes.io/pvc-protection";
const OF_VOLUMES: &str = "kubernetes.io/pv-protection";

pub(crate) struct Protection;

impl Controller for Protection {
    fn notice(&self, _world: &World, change: &Change) -> Vec<(Duration, String)> {
        let gone = change.kind == ChangeKind::Deleted;
        let object = &change.object;
        let keys: Vec<String> = match &*change.resource {
            CLAIMS if !gone && is_due(object, OF_CLAIMS) => vec![meta::key(object)],
            VOLUMES if !gone && is_due(object, OF_VOLUMES) => vec![meta::name(object).to_owned()],
            "pods" if gone || is_over(object) || text(object, "/spec/nodeName").is_empty() => claims_of(object)
                .into_iter()
                .map(|claim| format!("{}/{claim}", meta::namespace(object)))
                .collect(),
            _ => Vec::new(),
        };
        keys.into_iter().map(|key| (PACE.protect, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let (resource, finalizer) = if namespace.is_empty() {
            (VOLUMES, OF_VOLUMES)
        } else {
            (CLAIMS, OF_CLAIMS)
        };
        let object = world.get(resource, namespace, name)?;
        if !is_due(&object, finalizer) {
            return None;
        }
        if !meta::is_terminating(&object) {
            change(world, resource, &object, |object| {
                meta::add_finalizer(object, finalizer)
            });
        } else if !is_used(world, &object) {
            change(world, resource, &object, |object| {
                meta::drop_finalizer(object, finalizer)
            });
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let of = |resource: &str, finalizer: &'static str| {
            let all = world.list(resource, None).into_iter();
            all.filter(move |object| is_due(object, finalizer))
                .map(|object| meta::key(&object))
        };
        of(CLAIMS, OF_CLAIMS).chain(of(VOLUMES, OF_VOLUMES)).collect()
    }
}

/// Lacks the finalizer, or is asked to go and still has it.
fn is_due(object: &Value, finalizer: &str) -> bool {
    meta::is_terminating(object) == meta::finalizers(object).contains(&finalizer)
}

/// A volume is used while it is bound. A claim is used by every pod that has a node, also by one whose containers have
/// ended; only the claim that was made for such a pod alone is free when the pod is about to go.
fn is_used(world: &World, object: &Value) -> bool {
    if meta::namespace(object).is_empty() {
        return phase(object) == "Bound";
    }
    let placed = |pod: &Value| !text(pod, "/spec/nodeName").is_empty();
    pods_of(world, object).iter().any(|pod| placed(pod))
}

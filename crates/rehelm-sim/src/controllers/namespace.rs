//! Namespaces that end: everything in them is deleted, and when nothing is left their own finalizer goes.
//! Rules: kubernetes `pkg/controller/namespace/deletion` of 1.35.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use super::read::{self, Condition};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const NAMESPACES: &str = "namespaces";
const FINALIZER: &str = "kubernetes";

/// The controller.
pub(crate) struct Namespaces;

impl Controller for Namespaces {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let name = match &*change.resource {
            NAMESPACES if change.kind != ChangeKind::Deleted => meta::name(&change.object),
            // The real one looks again after a while; what it would see then is that something went.
            _ => meta::namespace(&change.object),
        };
        let ends = |name: &str| {
            world
                .get(NAMESPACES, "", name)
                .is_some_and(|ns| meta::is_terminating(&ns))
        };
        if name.is_empty() || !ends(name) {
            return Vec::new();
        }
        vec![(world.options.timing.sync, name.to_owned())]
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let namespace = world.get(NAMESPACES, "", key)?;
        if !meta::is_terminating(&namespace) {
            return None;
        }
        empty(world, key);
        let left = remaining(world, key);
        write_status(world, key, &left);
        if left.is_empty() {
            let writer = Writer::new(CONTROLLERS, "finalize");
            let finalized = world.modify_as(NAMESPACES, "", key, &writer, |namespace| {
                if let Some(all) = namespace.pointer_mut("/spec/finalizers").and_then(Value::as_array_mut) {
                    all.retain(|finalizer| finalizer != FINALIZER);
                }
            });
            if let Err(refusal) = finalized {
                tracing::debug!(key, message = refusal.message, "a namespace could not be finalized");
            }
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let all = world.list(NAMESPACES, None);
        let ending = all.iter().filter(|namespace| meta::is_terminating(namespace));
        ending.map(|namespace| meta::name(namespace).to_owned()).collect()
    }
}

/// Asks for the deletion of everything that has not been asked yet.
fn empty(world: &mut World, namespace: &str) {
    for resource in world.store.resources() {
        for object in world.list(&resource, Some(namespace)) {
            if meta::is_terminating(&object) {
                continue;
            }
            if let Err(refusal) = world.remove(&resource, namespace, meta::name(&object)) {
                tracing::debug!(message = refusal.message, "content of a namespace could not be deleted");
            }
        }
    }
}

/// What is left, by resource.
type Left = BTreeMap<String, Vec<Arc<Value>>>;

fn remaining(world: &World, namespace: &str) -> Left {
    let resources = world.store.resources();
    let each = resources
        .iter()
        .map(|resource| (resource.to_string(), world.list(resource, Some(namespace))));
    each.filter(|(_, objects)| !objects.is_empty()).collect()
}

fn write_status(world: &mut World, name: &str, left: &Left) {
    // As the controller names them: `pods.`, `deployments.apps`.
    let named = |resource: &str| {
        if resource.contains('.') {
            resource.to_owned()
        } else {
            format!("{resource}.")
        }
    };
    let kinds: Vec<String> = left
        .iter()
        .map(|(resource, objects)| format!("{} has {} resource instances", named(resource), objects.len()))
        .collect();
    let mut finalizers: BTreeMap<&str, usize> = BTreeMap::new();
    for object in left.values().flatten() {
        for finalizer in meta::finalizers(object) {
            *finalizers.entry(finalizer).or_default() += 1;
        }
    }
    let held: Vec<String> = finalizers
        .iter()
        .map(|(finalizer, count)| format!("{finalizer} in {count} resource instances"))
        .collect();
    let some = format!("Some resources are remaining: {}", kinds.join(", "));
    let holding = format!(
        "Some content in the namespace has finalizers remaining: {}",
        held.join(", ")
    );
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        if left.is_empty() {
            (
                "NamespaceContentRemaining",
                "False",
                "ContentRemoved",
                "All content successfully removed",
            )
        } else {
            (
                "NamespaceContentRemaining",
                "True",
                "SomeResourcesRemain",
                some.as_str(),
            )
        },
        if held.is_empty() {
            (
                "NamespaceFinalizersRemaining",
                "False",
                "ContentHasNoFinalizers",
                "All content-preserving finalizers finished",
            )
        } else {
            (
                "NamespaceFinalizersRemaining",
                "True",
                "SomeFinalizersRemain",
                holding.as_str(),
            )
        },
    ];
    let now = world.now();
    let writer = Writer::new(CONTROLLERS, "status");
    let written = world.modify_as(NAMESPACES, "", name, &writer, |namespace| {
        meta::child_map(namespace, "status");
        let status = &mut namespace["status"];
        status["phase"] = json!("Terminating");
        for (kind, state, reason, message) in conditions {
            let condition = Condition {
                kind,
                status: state,
                reason,
                message,
            };
            read::set_condition(status, condition, now);
        }
    });
    if let Err(refusal) = written {
        tracing::debug!(
            name,
            message = refusal.message,
            "a namespace's status could not be written"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;
    use crate::controllers::read;
    use crate::meta;

    #[test]
    fn a_namespace_ends_when_nothing_is_left_in_it() {
        let lab = Lab::new();
        assert_eq!(lab.names("serviceaccounts"), ["default"]);
        assert_eq!(lab.names("configmaps"), ["kube-root-ca.crt"]);
        lab.workload("Deployment", "dep", json!({"replicas": 2}));
        let held = json!({"name": "held", "finalizers": ["example.com/hold"]});
        lab.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held}));
        lab.rest();
        lab.delete("namespaces", "lab", "Background");
        lab.rest();
        let namespace = lab.get("namespaces", "lab");
        assert_eq!(namespace["status"]["phase"], "Terminating");
        let told = |kind| read::condition(&namespace, kind).map(|c| read::text(c, "/message").to_owned());
        assert_eq!(
            told("NamespaceFinalizersRemaining").as_deref(),
            Some("Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances")
        );
        assert_eq!(
            told("NamespaceContentRemaining").as_deref(),
            Some("Some resources are remaining: configmaps. has 1 resource instances")
        );
        assert!(lab.list("pods").is_empty());
        lab.change("configmaps", "held", |map| meta::unset(map, "finalizers"));
        lab.rest();
        assert!(lab.find("namespaces", "lab").is_none());
    }

    #[test]
    fn balancers_get_addresses_of_their_own() {
        let lab = Lab::new();
        for name in ["a", "b"] {
            let spec = json!({"type": "LoadBalancer", "ports": [{"port": 80}]});
            lab.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
            lab.rest();
        }
        let address = |name| read::text(&lab.get("services", name), "/status/loadBalancer/ingress/0/ip").to_owned();
        assert!(address("a").starts_with("198.18."), "{}", address("a"));
        assert_ne!(address("a"), address("b"));
        lab.change("services", "a", |service| service["spec"]["type"] = "ClusterIP".into());
        lab.rest();
        assert_eq!(address("a"), "");
    }
}

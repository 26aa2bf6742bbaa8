//! What a new cluster has: namespaces, machines, the API's own Service, system roles and classes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::World;

/// A machine of a new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// Name; the label `kubernetes.io/hostname` has the same value.
    pub name: String,
    /// More labels.
    pub labels: BTreeMap<String, String>,
    /// Capacity and allocatable; empty stands for more than any test needs.
    pub capacity: BTreeMap<String, String>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            name: "node-a".to_owned(),
            labels: BTreeMap::new(),
            capacity: BTreeMap::new(),
        }
    }
}

fn create(world: &mut World, resource: &str, object: Value) {
    if let Err(refusal) = world.create(resource, object) {
        tracing::error!(
            resource,
            message = refusal.message,
            "an object of every cluster was refused"
        );
    }
}

/// Makes a new cluster.
pub(crate) fn bootstrap(world: &mut World) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        create(world, "namespaces", namespace);
    }
    for node in world.options.nodes.clone() {
        create(world, "nodes", machine(&node));
    }
}

fn machine(options: &NodeOptions) -> Value {
    let mut labels = options.labels.clone();
    for (key, value) in [
        ("kubernetes.io/hostname", &*options.name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.name,
            "labels": labels,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {},
    });
    if !options.capacity.is_empty() {
        node["status"] = json!({"capacity": options.capacity, "allocatable": options.capacity});
    }
    node
}

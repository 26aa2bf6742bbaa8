//! Which volumes must be attached, and what a new cluster's drivers are.

use serde_json::{Value, json};

use crate::controllers::volumes::table;
use crate::meta;
use crate::world::World;

const DRIVERS: &str = "csidrivers.storage.k8s.io";
const NODES: &str = "csinodes.storage.k8s.io";

/// Whether a volume must be attached to a node before a pod there can use it: what its driver's CSIDriver says, which is
/// yes when there is none.
pub(crate) fn needs_attachment(world: &World, volume: &Value) -> bool {
    let Some((driver, _)) = table::table().disk_of(volume, world.options.minor) else {
        return false;
    };
    let attaches = |object: &Value| object.pointer("/spec/attachRequired").and_then(Value::as_bool);
    match world.get(DRIVERS, "", &driver) {
        Some(object) => attaches(&object).unwrap_or(true),
        None => table::table()
            .drivers
            .iter()
            .find(|d| d.name == driver)
            .is_none_or(|d| d.attach),
    }
}

/// Gives a new cluster the drivers of the table.
pub(crate) fn bootstrap(world: &mut World) {
    for driver in &table::table().drivers {
        let object = json!({
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": driver.name},
            "spec": {"attachRequired": driver.attach},
        });
        if let Err(refusal) = world.create(DRIVERS, object) {
            tracing::error!(driver = driver.name, message = refusal.message, "a driver was refused");
        }
    }
}

/// The drivers of a node of a new cluster, as its kubelet registers them; the CSINode of a loaded one stays.
pub(super) fn register_node(world: &mut World, name: &str) {
    let Some(node) = world.get("nodes", "", name).filter(|_| world.options.bootstrap) else {
        return;
    };
    if world.get(NODES, "", name).is_some() {
        return;
    }
    let table = table::table();
    let minor = world.options.minor;
    let drivers: Vec<Value> = table
        .drivers
        .iter()
        .map(|driver| json!({"name": driver.name, "nodeID": name, "topologyKeys": driver.topology_keys}))
        .collect();
    let plugins: Vec<&str> = table
        .migrated
        .iter()
        .filter(|m| m.since <= minor && table.drivers.iter().any(|driver| driver.name == m.driver))
        .map(|m| m.plugin.as_str())
        .collect();
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": meta::uid(&node)});
    let object = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {
            "name": name,
            "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": plugins.join(",")},
            "ownerReferences": [owner],
        },
        "spec": {"drivers": drivers},
    });
    if let Err(refusal) = world.create(NODES, object) {
        tracing::debug!(name, message = refusal.message, "a CSINode was refused");
    }
}

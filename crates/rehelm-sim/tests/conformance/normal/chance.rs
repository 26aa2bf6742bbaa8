//! What differs between two runs on the same server.

use serde_json::{Map, Value};

use super::sorted;

/// Kinds that controllers write to at any time: what they write is only compared where a script waited for it.
const CONTROLLED: &[&str] = &[
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "ResourceQuota",
];

/// Takes out what differs between two runs on the same server: how often a slice was rewritten, how many pods are just
/// ending, and what a provisioner calls the volume that it made.
pub(super) fn forget_chance(object: &mut Map<String, Value>) {
    object.shift_remove("terminatingReplicas");
    if object
        .get("metadata")
        .is_some_and(|meta| meta["labels"]["endpointslice.kubernetes.io/managed-by"].is_string())
        && let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        meta.shift_remove("generation");
        if let Some(ports) = object.get_mut("ports").and_then(Value::as_array_mut) {
            ports.sort_by_cached_key(sorted);
        }
    }
    let made = object
        .get("metadata")
        .is_some_and(|meta| meta["annotations"]["pv.kubernetes.io/provisioned-by"].is_string());
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut).filter(|_| made) {
        let sources = [
            "nfs",
            "csi",
            "hostPath",
            "awsElasticBlockStore",
            "azureDisk",
            "azureFile",
        ];
        let had = sources
            .iter()
            .filter(|source| spec.shift_remove(**source).is_some())
            .count();
        spec.insert("source".to_owned(), had.into());
        // Where the volume can be reached follows from where its maker put it.
        spec.shift_remove("nodeAffinity");
    }
}

/// Takes out what a controller may or may not have written by now.
pub(super) fn forget_controllers(body: &mut Value) {
    if !body["kind"].as_str().is_some_and(|kind| CONTROLLED.contains(&kind)) {
        return;
    }
    if let Some(map) = body.as_object_mut() {
        map.shift_remove("status");
    }
    if let Some(meta) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = meta.get_mut("annotations").and_then(Value::as_object_mut);
        let empty = annotations
            .is_some_and(|map| map.shift_remove("deployment.kubernetes.io/revision").is_some() && map.is_empty());
        if empty {
            meta.shift_remove("annotations");
        }
    }
}

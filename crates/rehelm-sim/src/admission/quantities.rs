//! Quantities are kept in their canonical form: `1024Mi` is stored as `1Gi`.

use serde_json::Value;

use crate::quantity::Quantity;

/// Rewrites the quantities of the kinds that have any, where they have them.
pub(super) fn canonical(id: &str, object: &mut Value) {
    match id {
        "pods" => pod_spec(object.get_mut("spec")),
        "deployments.apps"
        | "replicasets.apps"
        | "statefulsets.apps"
        | "daemonsets.apps"
        | "jobs.batch"
        | "replicationcontrollers" => {
            pod_spec(object.pointer_mut("/spec/template/spec"));
            if let Some(claims) = list(object.pointer_mut("/spec/volumeClaimTemplates")) {
                claims.iter_mut().for_each(|claim| {
                    resources(claim.pointer_mut("/spec/resources"));
                });
            }
        }
        "cronjobs.batch" => pod_spec(object.pointer_mut("/spec/jobTemplate/spec/template/spec")),
        "persistentvolumeclaims" => {
            resources(object.pointer_mut("/spec/resources"));
            amounts(object.pointer_mut("/status/capacity"));
        }
        "persistentvolumes" => amounts(object.pointer_mut("/spec/capacity")),
        "resourcequotas" => ["/spec/hard", "/status/hard", "/status/used"]
            .into_iter()
            .for_each(|at| amounts(object.pointer_mut(at))),
        "nodes" => ["/status/capacity", "/status/allocatable"]
            .into_iter()
            .for_each(|at| amounts(object.pointer_mut(at))),
        "limitranges" => {
            for limit in list(object.pointer_mut("/spec/limits")).into_iter().flatten() {
                for part in ["default", "defaultRequest", "max", "min", "maxLimitRequestRatio"] {
                    amounts(limit.get_mut(part));
                }
            }
        }
        _ => {}
    }
}

fn list(value: Option<&mut Value>) -> Option<&mut Vec<Value>> {
    value.and_then(Value::as_array_mut)
}

fn pod_spec(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    for part in ["initContainers", "containers", "ephemeralContainers"] {
        for container in list(spec.get_mut(part)).into_iter().flatten() {
            resources(container.get_mut("resources"));
        }
    }
    resources(spec.get_mut("resources"));
    amounts(spec.get_mut("overhead"));
    for volume in list(spec.get_mut("volumes")).into_iter().flatten() {
        one(volume.pointer_mut("/emptyDir/sizeLimit"));
        resources(volume.pointer_mut("/ephemeral/volumeClaimTemplate/spec/resources"));
    }
}

fn resources(value: Option<&mut Value>) {
    let Some(value) = value else { return };
    amounts(value.get_mut("limits"));
    amounts(value.get_mut("requests"));
}

fn amounts(value: Option<&mut Value>) {
    let Some(map) = value.and_then(Value::as_object_mut) else {
        return;
    };
    map.values_mut().for_each(|amount| one(Some(amount)));
}

fn one(value: Option<&mut Value>) {
    let Some(value) = value else { return };
    let Some(quantity) = Quantity::of(value) else { return };
    let text = quantity.to_string();
    if value.as_str() != Some(&text) {
        *value = text.into();
    }
}

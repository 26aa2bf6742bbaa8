//! What a new object's status is. Clients cannot set it: only `status` writes it later.

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::timeline::Time;

/// Replaces the status of a new object by the one that its kind begins with.
pub(super) fn begin(now: Time, kind: &Kind, object: &mut Value) {
    if kind.crd.is_some() {
        if kind.has_subresource("status") {
            set(object, None);
        }
        return;
    }
    let status = match &*kind.id {
        "pods" => json!({"phase": "Pending", "qosClass": super::pods::qos_class(object)}),
        "persistentvolumeclaims" => json!({"phase": "Pending"}),
        "persistentvolumes" => json!({"phase": "Pending", "lastPhaseTransitionTime": now.rfc3339()}),
        "namespaces" => json!({"phase": "Active"}),
        "services" | "ingresses.networking.k8s.io" => json!({"loadBalancer": {}}),
        "deployments.apps" | "jobs.batch" | "cronjobs.batch" | "resourcequotas" => json!({}),
        "replicasets.apps" | "replicationcontrollers" => json!({"replicas": 0}),
        "statefulsets.apps" => json!({"replicas": 0, "availableReplicas": 0}),
        "daemonsets.apps" => json!({
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        }),
        "horizontalpodautoscalers.autoscaling" => json!({"desiredReplicas": 0, "currentMetrics": null}),
        "poddisruptionbudgets.policy" => json!({
            "disruptionsAllowed": 0,
            "currentHealthy": 0,
            "desiredHealthy": 0,
            "expectedPods": 0,
        }),
        "volumeattachments.storage.k8s.io" => json!({"attached": false}),
        _ => return,
    };
    set(object, Some(status));
}

fn set(object: &mut Value, status: Option<Value>) {
    let Some(map) = object.as_object_mut() else { return };
    map.shift_remove("status");
    if let Some(status) = status {
        map.insert("status".to_owned(), status);
    }
}

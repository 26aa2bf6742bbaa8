//! `metadata.generation`: counts changes of what a client asked for.

use serde_json::Value;

use crate::kinds::Kind;
use crate::meta;

/// Written by a controller together with the status: no change of what was asked for.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Top-level fields whose change counts; None when the kind has no generation.
fn counted(minor: u32, id: &str) -> Option<&'static [&'static str]> {
    Some(match id {
        "deployments.apps"
        | "replicasets.apps"
        | "statefulsets.apps"
        | "daemonsets.apps"
        | "replicationcontrollers"
        | "jobs.batch"
        | "cronjobs.batch"
        | "ingresses.networking.k8s.io"
        | "ingressclasses.networking.k8s.io"
        | "networkpolicies.networking.k8s.io"
        | "poddisruptionbudgets.policy"
        | "customresourcedefinitions.apiextensions.k8s.io"
        | "flowschemas.flowcontrol.apiserver.k8s.io"
        | "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
        | "validatingadmissionpolicies.admissionregistration.k8s.io"
        | "validatingadmissionpolicybindings.admissionregistration.k8s.io"
        | "deviceclasses.resource.k8s.io"
        | "resourceslices.resource.k8s.io" => &["spec"],
        "pods" if minor >= 34 => &["spec"],
        "podtemplates" if minor >= 32 => &["template"],
        "priorityclasses.scheduling.k8s.io" => &[],
        "endpointslices.discovery.k8s.io" => &["addressType", "endpoints", "ports"],
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => &["webhooks"],
        _ => return None,
    })
}

/// Sets the generation: 1 at first, one more after a change that counts; whatever the client says.
pub(super) fn mutate(minor: u32, kind: &Kind, object: &mut Value, old: Option<&Value>, subresource: &str) {
    let Some(old) = old else {
        if kind.crd.is_some() || counted(minor, &kind.id).is_some() {
            meta::set(object, "generation", 1.into());
            if &*kind.id == "daemonsets.apps" {
                meta::set_annotation(object, TEMPLATE, "1");
            }
        }
        return;
    };
    let before = meta::get(old, "generation").and_then(Value::as_i64);
    let changed = if matches!(subresource, "status" | "binding") {
        false
    } else if kind.crd.is_some() {
        custom_changed(kind, object, old)
    } else {
        let fields = counted(minor, &kind.id).unwrap_or_default();
        fields.iter().any(|field| object.get(field) != old.get(field)) || annotations_count(&kind.id, object, old)
    };
    match before {
        Some(before) => meta::set(object, "generation", (before + i64::from(changed)).into()),
        None if changed => meta::set(object, "generation", 1.into()),
        None => meta::unset(object, "generation"),
    }
    if &*kind.id == "daemonsets.apps" {
        count_template(object, old);
    }
}

/// Custom resources: everything but metadata counts; status does not when it is a subresource.
fn custom_changed(kind: &Kind, object: &Value, old: &Value) -> bool {
    let status = kind.has_subresource("status");
    let (Some(new), Some(old)) = (object.as_object(), old.as_object()) else {
        return false;
    };
    let counts = |key: &str| key != "metadata" && !(status && key == "status");
    let keys = new.keys().chain(old.keys()).filter(|key| counts(key));
    keys.into_iter().any(|key| new.get(key) != old.get(key))
}

/// A Deployment's annotations count, too; an EndpointSlice's labels and annotations.
fn annotations_count(id: &str, object: &Value, old: &Value) -> bool {
    let differ = |field: &str| {
        let (new, old) = (meta::get(object, field), meta::get(old, field));
        let map = |value: Option<&Value>| {
            let mut map = value.and_then(Value::as_object).cloned().unwrap_or_default();
            map.shift_remove(REVISION);
            map
        };
        new != old && map(new) != map(old)
    };
    match id {
        "deployments.apps" => differ("annotations"),
        "endpointslices.discovery.k8s.io" => differ("annotations") || differ("labels"),
        _ => false,
    }
}

/// A DaemonSet counts the changes of its template in an annotation.
const TEMPLATE: &str = "deprecated.daemonset.template.generation";

fn count_template(object: &mut Value, old: &Value) {
    let before: i64 = meta::annotation(old, TEMPLATE)
        .and_then(|count| count.parse().ok())
        .unwrap_or(1);
    let changed = object.pointer("/spec/template") != old.pointer("/spec/template");
    meta::set_annotation(object, TEMPLATE, &(before + i64::from(changed)).to_string());
}

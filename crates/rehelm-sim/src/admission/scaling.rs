//! Autoscalers and disruption budgets.

use serde_json::Value;

use super::look::{At, Causes};
use crate::refusal::Cause;

pub(super) fn autoscaler(object: &Value, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    let (least, most) = (spec.child("minReplicas"), spec.child("maxReplicas"));
    let highest = most.number().unwrap_or(0);
    let value = highest.into();
    if least.number().is_some_and(|least| least < 1) {
        causes.invalid(&least, "must be greater than or equal to 1");
    }
    if highest < 1 {
        causes
            .0
            .push(Cause::invalid(&most.path, &value, "must be greater than 0"));
    }
    if least.number().is_some_and(|least| highest < least) {
        let why = "must be greater than or equal to `minReplicas`";
        causes.0.push(Cause::invalid(&most.path, &value, why));
    }
    let target = spec.child("scaleTargetRef");
    for field in ["kind", "name"] {
        let field = target.child(field);
        if field.is_empty() {
            causes.required(&field, "");
        }
    }
    let version = target.child("apiVersion");
    let core_kind = matches!(target.child("kind").text(), "ReplicationController");
    if !version.text().contains('/') && !core_kind {
        let value = version.text().into();
        causes.0.push(Cause::invalid(
            &version.path,
            &value,
            "apiVersion must specify API group",
        ));
    }
    let metrics = spec.child("metrics");
    let external = metrics
        .items()
        .any(|metric| matches!(metric.child("type").text(), "Object" | "External"));
    if least.number() == Some(0) && !external {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        causes.forbidden(&metrics, why);
    }
}

pub(super) fn budget(object: &Value, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    if spec.child("minAvailable").is_set() && spec.child("maxUnavailable").is_set() {
        let why = "minAvailable and maxUnavailable cannot be both set";
        let value = serde_json::json!({
            "MinAvailable": spec.value.get("minAvailable"),
            "Selector": spec.value.get("selector").map(super::godump::sorted),
            "MaxUnavailable": spec.value.get("maxUnavailable"),
            "UnhealthyPodEvictionPolicy": spec.value.get("unhealthyPodEvictionPolicy"),
        });
        causes.0.push(Cause::invalid("spec", &value, why));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        causes.not_negative(&spec.child(field));
    }
}

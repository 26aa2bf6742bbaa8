//! HorizontalPodAutoscaler of `autoscaling/v1`: one target for CPU; all else is in annotations.

use serde_json::{Value, json};

use super::metrics;
use crate::meta;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn is_cpu_utilization(metric: &Value) -> bool {
    metric["type"] == "Resource"
        && metric["resource"]["name"] == "cpu"
        && metric["resource"]["target"]["averageUtilization"].is_number()
}

fn take(object: &mut Value, parent: &str, field: &str) -> Option<Value> {
    let value = object.get_mut(parent)?.as_object_mut()?.shift_remove(field)?;
    Some(value).filter(|value| !value.is_null())
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

fn annotate(object: &mut Value, key: &str, value: &Value) {
    meta::set_annotation(object, key, &value.to_string());
}

pub(super) fn to_v1(object: &mut Value) {
    let mut rest = list(take(object, "spec", "metrics"));
    if let Some(at) = rest.iter().position(is_cpu_utilization) {
        let cpu = rest.remove(at);
        object["spec"]["targetCPUUtilizationPercentage"] = cpu["resource"]["target"]["averageUtilization"].clone();
    }
    if !rest.is_empty() {
        rest.iter_mut().for_each(metrics::spec_to_old);
        annotate(object, METRICS, &rest.into());
    }
    if let Some(behavior) = take(object, "spec", "behavior") {
        annotate(object, BEHAVIOR, &behavior);
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        // The older type writes it even when it is nothing.
        status.entry("currentReplicas").or_insert_with(|| 0.into());
    }
    let mut current = list(take(object, "status", "currentMetrics"));
    if !current.is_empty() {
        let cpu = current
            .iter()
            .find(|m| m["type"] == "Resource" && m["resource"]["name"] == "cpu");
        let percentage = cpu
            .and_then(|m| m.pointer("/resource/current/averageUtilization"))
            .cloned();
        if let Some(percentage) = percentage {
            object["status"]["currentCPUUtilizationPercentage"] = percentage;
        }
        current.iter_mut().for_each(metrics::status_to_old);
        annotate(object, CURRENT, &current.into());
    }
    let conditions = list(take(object, "status", "conditions"));
    if !conditions.is_empty() {
        annotate(object, CONDITIONS, &conditions.into());
    }
}

pub(super) fn from_v1(object: &mut Value) {
    let annotation = |object: &mut Value, key: &str| -> Option<Value> {
        let text = meta::annotation(object, key)?.to_owned();
        let annotations = meta::map_mut(object).get_mut("annotations")?.as_object_mut()?;
        annotations.shift_remove(key);
        if annotations.is_empty() {
            meta::unset(object, "annotations");
        }
        serde_json::from_str(&text).ok()
    };
    let mut all = list(annotation(object, METRICS));
    all.iter_mut().for_each(metrics::spec_from_old);
    if let Some(percentage) = take(object, "spec", "targetCPUUtilizationPercentage") {
        let target = json!({"type": "Utilization", "averageUtilization": percentage});
        all.insert(
            0,
            json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}),
        );
    }
    if !all.is_empty() {
        object["spec"]["metrics"] = all.into();
    }
    if let Some(behavior) = annotation(object, BEHAVIOR) {
        object["spec"]["behavior"] = behavior;
    }
    let mut current = list(annotation(object, CURRENT));
    let conditions = list(annotation(object, CONDITIONS));
    let percentage = take(object, "status", "currentCPUUtilizationPercentage");
    current.iter_mut().for_each(metrics::status_from_old);
    let known = current
        .iter()
        .any(|m| m["type"] == "Resource" && m["resource"]["name"] == "cpu");
    if let (Some(percentage), false) = (percentage, known) {
        let current_cpu = json!({"averageUtilization": percentage});
        current.push(json!({"type": "Resource", "resource": {"name": "cpu", "current": current_cpu}}));
    }
    for (key, list) in [("currentMetrics", current), ("conditions", conditions)] {
        if !list.is_empty() {
            meta::child_map(object, "status").insert(key.to_owned(), list.into());
        }
    }
}

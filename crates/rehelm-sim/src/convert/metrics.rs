//! Metrics of a HorizontalPodAutoscaler: `autoscaling/v2beta1` (and the annotations of `v1`) write targets as fields of
//! their own, `v2` as one object.

use serde_json::{Map, Value, json};

use super::each;

/// Type of a metric → name of its field.
const SOURCES: [(&str, &str); 5] = [
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
    ("Pods", "pods"),
    ("Object", "object"),
    ("External", "external"),
];

pub(super) fn to_v2beta1(object: &mut Value) {
    for metric in each(object, "/spec/metrics") {
        spec_to_old(metric);
    }
    for metric in each(object, "/status/currentMetrics") {
        status_to_old(metric);
    }
}

pub(super) fn from_v2beta1(object: &mut Value) {
    for metric in each(object, "/spec/metrics") {
        spec_from_old(metric);
    }
    for metric in each(object, "/status/currentMetrics") {
        status_from_old(metric);
    }
}

fn source(metric: &mut Value) -> Option<(&'static str, &mut Map<String, Value>)> {
    let kind = metric.get("type")?.as_str()?;
    let (_, field) = SOURCES.into_iter().find(|(known, _)| *known == kind)?;
    Some((field, metric.get_mut(field)?.as_object_mut()?))
}

fn put(map: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

/// Names of the metric itself in the old form: selector and name.
fn names(field: &str) -> Option<(&'static str, &'static str)> {
    match field {
        "pods" | "object" => Some(("metricName", "selector")),
        "external" => Some(("metricName", "metricSelector")),
        _ => None,
    }
}

/// Old field → field of the target.
fn targets(field: &str) -> &'static [(&'static str, &'static str)] {
    match field {
        "resource" | "containerResource" => &[
            ("targetAverageUtilization", "averageUtilization"),
            ("targetAverageValue", "averageValue"),
        ],
        "pods" => &[("targetAverageValue", "averageValue")],
        "object" => &[("averageValue", "averageValue"), ("targetValue", "value")],
        _ => &[("targetAverageValue", "averageValue"), ("targetValue", "value")],
    }
}

pub(super) fn spec_to_old(metric: &mut Value) {
    let Some((field, map)) = source(metric) else { return };
    let target = map.shift_remove("target").unwrap_or_default();
    for (old, new) in targets(field) {
        put(map, old, target.get(*new).cloned());
    }
    // The old form requires the value of an object's metric, whichever target it has.
    if field == "object" && !map.contains_key("targetValue") {
        put(map, "targetValue", target.get("averageValue").cloned());
    }
    metric_to_old(field, map);
    if let Some(described) = map.shift_remove("describedObject") {
        map.insert("target".to_owned(), described);
    }
}

pub(super) fn spec_from_old(metric: &mut Value) {
    let Some((field, map)) = source(metric) else { return };
    let described = map.shift_remove("target");
    let mut target = Map::new();
    for (old, new) in targets(field) {
        if let Some(value) = map.shift_remove(*old)
            && (target.is_empty() || *new != "value")
        {
            target.insert((*new).to_owned(), value);
        }
    }
    let kind = match target.keys().next().map(String::as_str) {
        Some("averageUtilization") => "Utilization",
        Some("value") => "Value",
        _ => "AverageValue",
    };
    target.insert("type".to_owned(), kind.into());
    map.insert("target".to_owned(), Value::Object(target));
    metric_from_old(field, map);
    put(map, "describedObject", described);
}

fn metric_to_old(field: &str, map: &mut Map<String, Value>) {
    let (Some((name, selector)), Some(metric)) = (names(field), map.shift_remove("metric")) else {
        return;
    };
    put(map, name, metric.get("name").cloned());
    put(map, selector, metric.get("selector").cloned());
}

fn metric_from_old(field: &str, map: &mut Map<String, Value>) {
    let Some((name, selector)) = names(field) else { return };
    let mut metric = json!({"name": map.shift_remove(name).unwrap_or_default()});
    if let Some(selector) = map.shift_remove(selector) {
        metric["selector"] = selector;
    }
    map.insert("metric".to_owned(), metric);
}

/// Old field → field of `current`.
fn currents(field: &str) -> &'static [(&'static str, &'static str)] {
    match field {
        "resource" | "containerResource" => &[
            ("currentAverageUtilization", "averageUtilization"),
            ("currentAverageValue", "averageValue"),
        ],
        "object" => &[("averageValue", "averageValue"), ("currentValue", "value")],
        _ => &[("currentAverageValue", "averageValue"), ("currentValue", "value")],
    }
}

pub(super) fn status_to_old(metric: &mut Value) {
    let Some((field, map)) = source(metric) else { return };
    let current = map.shift_remove("current").unwrap_or_default();
    for (old, new) in currents(field) {
        put(map, old, current.get(*new).cloned());
    }
    metric_to_old(field, map);
    if let Some(described) = map.shift_remove("describedObject") {
        map.insert("target".to_owned(), described);
    }
}

pub(super) fn status_from_old(metric: &mut Value) {
    let Some((field, map)) = source(metric) else { return };
    let mut current = Map::new();
    for (old, new) in currents(field) {
        put(&mut current, new, map.shift_remove(*old));
    }
    map.insert("current".to_owned(), Value::Object(current));
    metric_from_old(field, map);
    let described = map.shift_remove("target");
    put(map, "describedObject", described);
}

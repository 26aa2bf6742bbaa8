//! What pods have and templates of pods do not.

use serde_json::{Value, json};

use crate::meta;
use crate::quantity::Quantity;

/// Completes a pod.
pub(super) fn complete(object: &mut Value) {
    status(object);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if spec.get("enableServiceLinks").is_none_or(Value::is_null) {
        spec.insert("enableServiceLinks".to_owned(), true.into());
    }
    let host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if host {
                host_ports(container);
            }
            requests(container);
        }
    }
    requests(object.get_mut("spec").unwrap_or(&mut Value::Null));
}

fn host_ports(container: &mut Value) {
    for port in container
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let unset = port
            .get("hostPort")
            .is_none_or(|port| *port == json!(0) || port.is_null());
        if let (true, Some(number)) = (unset, port.get("containerPort").cloned()) {
            port["hostPort"] = number;
        }
    }
}

/// A limit is what is asked for, when nothing else is.
fn requests(container: &mut Value) {
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else {
        return;
    };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    if limits.is_empty() {
        return;
    }
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if requests.is_null() {
        *requests = json!({});
    }
    if let Some(requests) = requests.as_object_mut() {
        for (name, amount) in limits {
            requests.entry(name).or_insert(amount);
        }
    }
}

/// A new pod waits; its class of service follows from what it asks for, and never changes.
fn status(object: &mut Value) {
    let class = quality(object);
    let status = meta::child_map(object, "status");
    for (key, value) in [("phase", "Pending"), ("qosClass", class)] {
        if status.get(key).is_none_or(Value::is_null) {
            status.insert(key.to_owned(), value.into());
        }
    }
}

/// `Guaranteed` when every container asks for exactly its limits of CPU and memory, `BestEffort` when none asks for anything.
fn quality(object: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].into_iter().flat_map(|list| {
        let list = object
            .get("spec")
            .and_then(|spec| spec.get(list))
            .and_then(Value::as_array);
        list.into_iter().flatten()
    });
    let (mut asks, mut guaranteed) = (false, true);
    for container in containers {
        for name in ["cpu", "memory"] {
            let amount = |of: &str| {
                let amount = container.get("resources")?.get(of)?.get(name).and_then(Quantity::of)?;
                (!amount.is_zero()).then_some(amount)
            };
            let (request, limit) = (amount("requests"), amount("limits"));
            asks |= request.is_some() || limit.is_some();
            let exact = limit.is_some_and(|limit| request.is_none_or(|request| request == limit));
            guaranteed &= exact;
        }
    }
    match (asks, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

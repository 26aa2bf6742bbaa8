//! What a type of Service has; what an update keeps, and what a change of type takes away.

use serde_json::{Map, Value};

use super::text;

type Spec = Map<String, Value>;

pub(super) fn has_cluster_ip(spec: &Spec) -> bool {
    text(spec, "type") != "ExternalName"
}

pub(super) fn has_node_ports(spec: &Spec) -> bool {
    match text(spec, "type") {
        "NodePort" => true,
        "LoadBalancer" => spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)),
        _ => false,
    }
}

pub(super) fn has_health_port(spec: &Spec) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn number(spec: &Spec, key: &str) -> i64 {
    spec.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn copy(spec: &mut Spec, before: &Spec, key: &str) {
    if let Some(value) = before.get(key) {
        spec.insert(key.to_owned(), value.clone());
    }
}

/// An update that leaves out what was allocated keeps it.
pub(super) fn keep_allocated(spec: &mut Spec, before: &Spec) {
    if has_cluster_ip(spec) && has_cluster_ip(before) {
        if text(spec, "clusterIP").is_empty() {
            copy(spec, before, "clusterIP");
        }
        if spec
            .get("clusterIPs")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            copy(spec, before, "clusterIPs");
        }
        if !spec.contains_key("ipFamilies") {
            copy(spec, before, "ipFamilies");
        }
    }
    let ported = |spec: &Spec| matches!(text(spec, "type"), "NodePort" | "LoadBalancer");
    if ported(spec) && ported(before) {
        keep_node_ports(spec, before);
    }
    if has_health_port(spec) && has_health_port(before) && number(spec, "healthCheckNodePort") == 0 {
        copy(spec, before, "healthCheckNodePort");
    }
}

fn ports(spec: &Spec) -> &[Value] {
    spec.get("ports")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn keep_node_ports(spec: &mut Spec, before: &Spec) {
    let key = |port: &Value| {
        let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
        (protocol, port.get("port").and_then(Value::as_i64))
    };
    let node = |port: &Value| port.get("nodePort").and_then(Value::as_i64).filter(|port| *port != 0);
    let mut used: Vec<i64> = ports(spec).iter().filter_map(node).collect();
    let Some(list) = spec.get_mut("ports").and_then(Value::as_array_mut) else {
        return;
    };
    for port in list.iter_mut().filter(|port| node(port).is_none()) {
        let old = ports(before).iter().find(|old| key(old) == key(port)).and_then(node);
        if let (Some(old), Some(map)) = (old.filter(|old| !used.contains(old)), port.as_object_mut()) {
            used.push(old);
            map.insert("nodePort".to_owned(), old.into());
        }
    }
}

/// A change of type drops what the new type cannot have, unless the client changed it, too.
pub(super) fn drop_what_the_type_has_not(spec: &mut Spec, before: &Spec) {
    if has_cluster_ip(before) && !has_cluster_ip(spec) {
        if spec.get("clusterIPs") == before.get("clusterIPs") {
            spec.shift_remove("clusterIP");
            spec.shift_remove("clusterIPs");
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            if spec.get(field) == before.get(field) {
                spec.shift_remove(field);
            }
        }
        if spec.get("internalTrafficPolicy") == before.get("internalTrafficPolicy") {
            spec.shift_remove("internalTrafficPolicy");
        }
    }
    let ported = |spec: &Spec| matches!(text(spec, "type"), "NodePort" | "LoadBalancer");
    if ported(before) && !ported(spec) {
        let nodes =
            |spec: &Spec| -> Vec<Value> { ports(spec).iter().filter_map(|p| p.get("nodePort").cloned()).collect() };
        if nodes(spec) == nodes(before) {
            for port in spec
                .get_mut("ports")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(port) = port.as_object_mut() {
                    port.shift_remove("nodePort");
                }
            }
        }
        if spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy") {
            spec.shift_remove("externalTrafficPolicy");
        }
    }
    if has_health_port(before)
        && !has_health_port(spec)
        && number(spec, "healthCheckNodePort") == number(before, "healthCheckNodePort")
    {
        spec.shift_remove("healthCheckNodePort");
    }
    if text(before, "type") == "LoadBalancer" && text(spec, "type") != "LoadBalancer" {
        for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            if spec.get(field) == before.get(field) {
                spec.shift_remove(field);
            }
        }
    }
}

//! EndpointSlice of `discovery.k8s.io/v1beta1`: node and zone are entries of a `topology`.

use serde_json::{Value, json};

use super::each;

const NODE: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) fn from_beta(object: &mut Value) {
    for endpoint in each(object, "/endpoints") {
        let Some(map) = endpoint.as_object_mut() else { continue };
        let Some(Value::Object(mut topology)) = map.shift_remove("topology") else {
            continue;
        };
        if let Some(node) = topology.shift_remove(NODE) {
            map.entry("nodeName").or_insert(node);
        }
        if let Some(zone) = topology.shift_remove(ZONE) {
            map.insert("zone".to_owned(), zone);
        }
        if !topology.is_empty() {
            map.insert("deprecatedTopology".to_owned(), Value::Object(topology));
        }
    }
}

pub(super) fn to_beta(object: &mut Value) {
    for endpoint in each(object, "/endpoints") {
        let Some(map) = endpoint.as_object_mut() else { continue };
        let mut topology = map.shift_remove("deprecatedTopology").unwrap_or_else(|| json!({}));
        if let Some(node) = map.get("nodeName") {
            topology[NODE] = node.clone();
        }
        if let Some(zone) = map.shift_remove("zone") {
            topology[ZONE] = zone;
        }
        if topology != json!({}) {
            map.insert("topology".to_owned(), topology);
        }
    }
}

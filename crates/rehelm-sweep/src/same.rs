//! Is the end the same? Two runs to one end may differ in names of runs, in addresses, and in how often Helm was asked.

use rehelm::rehearsal::compare::{self, Picture};
use rehelm_core::restore::CREATED_BY;
use serde_json::Value;

/// A picture without what two runs to the same end may have otherwise.
pub fn calm(picture: &Picture) -> Picture {
    let mut calm = Picture::new();
    for (key, value) in picture {
        let mut value = value.clone();
        if value["type"] == "helm.sh/release.v1" {
            // Only how the release is counts, not how many revisions led there.
            if value["metadata"]["labels"]["status"] == "superseded" {
                continue;
            }
            let release = &value["metadata"]["labels"]["name"];
            let status = &value["metadata"]["labels"]["status"];
            calm.insert(format!("release {release}"), status.clone());
            continue;
        }
        if let Some(annotations) = value
            .pointer_mut("/metadata/annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.shift_remove(CREATED_BY);
            let empty = annotations.is_empty();
            if empty && let Some(metadata) = value["metadata"].as_object_mut() {
                metadata.shift_remove("annotations");
            }
        }
        // The run's copy for colleagues tells of times and of the journal's end.
        if value["kind"] == "ConfigMap"
            && value["metadata"]["name"]
                .as_str()
                .is_some_and(|n| n.starts_with("rehelm-"))
        {
            for field in ["data", "binaryData"] {
                value[field] = Value::Null;
            }
        }
        if value["kind"] == "Service" {
            for field in ["clusterIP", "clusterIPs", "healthCheckNodePort"] {
                value["spec"].as_object_mut().and_then(|spec| spec.shift_remove(field));
            }
            for port in value["spec"]["ports"].as_array_mut().into_iter().flatten() {
                port.as_object_mut().and_then(|port| port.shift_remove("nodePort"));
            }
        }
        calm.insert(key.clone(), value);
    }
    calm
}

/// What differs between two ends.
pub fn differences(expected: &Picture, now: &Picture) -> Vec<String> {
    compare::differences(&calm(expected), &calm(now))
}

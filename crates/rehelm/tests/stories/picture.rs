//! What is there at the end of a story, a line for each object that a person would look at.

use rehelm_sim::Sim;
use serde_json::Value;

/// Kinds that every cluster has by itself, or that come and go.
const LEFT_OUT: &[&str] = &[
    "APIService",
    "ControllerRevision",
    "EndpointSlice",
    "Endpoints",
    "Event",
    "FlowSchema",
    "Lease",
    "Node",
    "Pod",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ReplicaSet",
];

/// One line for each object: kind, name, who owns it, and how it is.
pub fn end(sim: &Sim) -> String {
    let mut lines: Vec<String> = sim.objects().iter().filter_map(line).collect();
    lines.sort();
    lines.join("\n") + "\n"
}

fn line(object: &Value) -> Option<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
    let of_cluster = namespace.starts_with("kube-") || name.starts_with("system:") || name.starts_with("kube-");
    let of_namespace = name == "kube-root-ca.crt" || (kind == "ServiceAccount" && name == "default");
    if LEFT_OUT.contains(&kind) || of_cluster || of_namespace {
        return None;
    }
    let mut line = match namespace {
        "" => format!("{kind} {name}"),
        namespace => format!("{kind} {namespace}/{name}"),
    };
    let mut say = |what: &str, value: &str| {
        if !value.is_empty() {
            line += &format!("  {what} {value}");
        }
    };
    say("release", text("/metadata/annotations/meta.helm.sh~1release-name"));
    say("is", text("/status/phase"));
    say("policy", text("/spec/persistentVolumeReclaimPolicy"));
    say("claimed by", text("/spec/claimRef/namespace"));
    say("volume", text("/spec/volumeName"));
    if let Some(replicas) = object.pointer("/spec/replicas") {
        let ready = object.pointer("/status/readyReplicas").cloned().unwrap_or(0.into());
        say("ready", &format!("{ready}/{replicas}"));
    }
    Some(line)
}

//! Nodes: every new Node object becomes a ready machine. Nodes that were loaded are what they are.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, read};
use crate::faults::Fault;
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{World, Writer};

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Without this annotation the controllers leave attaching to the kubelet.
const MANAGED: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

/// The controller.
pub(crate) struct Nodes;

impl Controller for Nodes {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        match &*change.resource {
            "nodes" if change.kind == ChangeKind::Added => {
                vec![(world.options.timing.node_start, meta::name(&change.object).to_owned())]
            }
            _ => Vec::new(),
        }
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let node = world.get("nodes", "", key)?;
        let mut faults = world.faults.all.iter();
        let lost = faults.any(|fault| matches!(fault, Fault::NodeLost(name) if name == key));
        if lost {
            lose(world, &node);
        } else if !read::has_condition(&node, "Ready") {
            make_ready(world, &node);
        }
        None
    }

    fn wake(&self, world: &World) -> Vec<String> {
        let nodes = world.list("nodes", None);
        nodes.iter().map(|node| meta::name(node).to_owned()).collect()
    }
}

fn write(world: &mut World, name: &str, subresource: &str, change: impl FnOnce(&mut Value)) {
    let writer = Writer::new("kubelet", subresource);
    if let Err(refusal) = world.modify_as("nodes", "", name, &writer, change) {
        tracing::debug!(name, message = refusal.message, "a Node could not be written");
    }
}

fn make_ready(world: &mut World, node: &Value) {
    let name = meta::name(node).to_owned();
    let now = world.now();
    let version = world.options.git_version.clone();
    let version = version.unwrap_or_else(|| format!("v1.{}.0", world.options.minor));
    write(world, &name, "status", |node| {
        let has_room = node.pointer("/status/allocatable").is_some();
        let room = json!({"cpu": "500", "memory": "2Ti", "pods": "1k", "ephemeral-storage": "9Ti"});
        if !has_room {
            meta::child_map(node, "status").insert("capacity".to_owned(), room.clone());
            node["status"]["allocatable"] = room;
        }
        let status = &mut node["status"];
        read::drop_condition(status, "Ready");
        let at = now.rfc3339();
        let ready = json!({
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "stand-in kubelet is ready",
            "lastHeartbeatTime": at, "lastTransitionTime": at,
        });
        read::place_condition(status, None, ready);
        if status.get("addresses").is_none() {
            status["addresses"] = json!([{"type": "Hostname", "address": name}]);
        }
        if status.get("nodeInfo").is_none() {
            status["nodeInfo"] = json!({
                "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "stand-in",
                "containerRuntimeVersion": "none://0", "kubeletVersion": version, "kubeProxyVersion": "",
                "operatingSystem": "linux", "architecture": "amd64",
            });
        }
    });
    let name = meta::name(node).to_owned();
    write(world, &name, "", |node| {
        if meta::annotation(node, MANAGED).is_none() {
            meta::set_annotation(node, MANAGED, "true");
        }
        drop_taints(node, &[NOT_READY, UNREACHABLE]);
    });
    mark_pods(world, &name, true);
}

fn drop_taints(node: &mut Value, keys: &[&str]) {
    let Some(spec) = node.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    if let Some(taints) = spec.get_mut("taints").and_then(Value::as_array_mut) {
        taints.retain(|taint| !keys.iter().any(|key| taint["key"] == *key));
        if taints.is_empty() {
            spec.shift_remove("taints");
        }
    }
}

/// The node does not answer any more: as the node lifecycle controller has it, after its patience is over.
fn lose(world: &mut World, node: &Value) {
    let name = meta::name(node).to_owned();
    let now = world.now();
    write(world, &name, "status", |node| {
        let at = read::list(node, "/status/conditions")
            .iter()
            .position(|c| c["type"] == "Ready");
        let condition = json!({
            "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.",
            "lastHeartbeatTime": now.rfc3339(), "lastTransitionTime": now.rfc3339(),
        });
        let known = read::condition(node, "Ready").is_some_and(|c| c["status"] == "Unknown");
        if !known {
            meta::child_map(node, "status");
            read::place_condition(&mut node["status"], at, condition);
        }
    });
    write(world, &name, "", |node| {
        let spec = meta::child_map(node, "spec");
        let taints = spec.entry("taints").or_insert_with(|| json!([]));
        let Some(taints) = taints.as_array_mut() else { return };
        for effect in ["NoSchedule", "NoExecute"] {
            if !taints
                .iter()
                .any(|taint| taint["key"] == UNREACHABLE && taint["effect"] == effect)
            {
                taints.push(json!({"key": UNREACHABLE, "effect": effect, "timeAdded": now.rfc3339()}));
            }
        }
    });
    mark_pods(world, &name, false);
}

/// Pods on a node that is lost are not ready; those whose containers were all along are again when its kubelet speaks again.
fn mark_pods(world: &mut World, node: &str, ready: bool) {
    let now = world.now();
    let word = if ready { "True" } else { "False" };
    let pods = world.at("pods", world.store.index().pods_on(node));
    let other = |pod: &&std::sync::Arc<Value>| {
        read::has_condition(pod, "Ready") != ready && (!ready || read::has_condition(pod, "ContainersReady"))
    };
    for pod in pods.iter().filter(other) {
        let writer = Writer::new(crate::world::CONTROLLERS, "status");
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        let written = world.modify_as("pods", namespace, name, &writer, |pod| {
            if let Some(all) = pod.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
                for condition in all.iter_mut().filter(|c| c["type"] == "Ready") {
                    condition["status"] = word.into();
                    condition["lastTransitionTime"] = now.rfc3339().into();
                }
            }
        });
        if let Err(refusal) = written {
            tracing::debug!(
                name,
                message = refusal.message,
                "a pod on a lost node could not be marked"
            );
        }
    }
}

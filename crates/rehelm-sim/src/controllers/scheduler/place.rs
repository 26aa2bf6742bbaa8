//! Writing what was decided: the node of a pod, or why it has none.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::controllers::events;
use crate::controllers::read;
use crate::meta;
use crate::world::{World, Writer};

const MANAGER: &str = "kube-scheduler";
const SCHEDULED: &str = "PodScheduled";

/// Labels of a node that its pods get, too, since 1.35 (`PodTopologyLabelsAdmission`).
const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// What the server does to a pod that gets its node.
pub(crate) fn assign(world: &World, pod: &mut Value, node: &str) {
    meta::child_map(pod, "spec").insert("nodeName".to_owned(), node.into());
    if world.options.minor >= 35
        && let Some(node) = world.get("nodes", "", node)
    {
        for key in TOPOLOGY {
            if let Some(value) = meta::label(&node, key) {
                let labels = meta::map_mut(pod).entry("labels").or_insert_with(|| json!({}));
                labels[key] = value.into();
            }
        }
    }
    let now = world.now().rfc3339();
    let status = meta::child_map(pod, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(all) = conditions.as_array_mut() else { return };
    let found = all.iter().position(|one| one["type"] == SCHEDULED);
    if found.is_some_and(|at| all[at]["status"] == "True") {
        return;
    }
    let done = json!({"type": SCHEDULED, "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
    match found {
        Some(at) => all[at] = done,
        None => all.push(done),
    }
}

/// Gives a pod its node.
pub(super) fn bind(world: &mut World, pod: &Value, node: &Value) -> Option<Arc<Value>> {
    let mut bound = pod.clone();
    assign(world, &mut bound, meta::name(node));
    let writer = Writer {
        tracks: false,
        ..Writer::new(MANAGER, "binding")
    };
    let (namespace, name) = (meta::namespace(pod), meta::name(pod));
    match world.modify_as("pods", namespace, name, &writer, |pod| *pod = bound) {
        Ok(Some(bound)) => {
            let message = format!("Successfully assigned {namespace}/{name} to {}", meta::name(node));
            events::scheduler(world, pod, "Normal", "Scheduled", "Binding", &message);
            Some(bound)
        }
        Ok(None) => None,
        Err(refusal) => {
            tracing::debug!(name, message = refusal.message, "a pod could not be placed");
            None
        }
    }
}

/// Says why a pod has no node, in its status and as an event.
pub(super) fn refuse(world: &mut World, pod: &Arc<Value>, why: &str) {
    let now = world.now();
    let generation = meta::get(pod, "generation")
        .cloned()
        .filter(|_| world.options.minor >= 34);
    let writer = Writer::new(MANAGER, "status");
    let (namespace, name) = (meta::namespace(pod), meta::name(pod));
    let said = read::condition(pod, SCHEDULED);
    if said.is_some_and(|said| said["status"] == "False" && said["message"] == why) {
        events::scheduler(world, pod, "Warning", "FailedScheduling", "Scheduling", why);
        return;
    }
    let written = world.modify_as("pods", namespace, name, &writer, |pod| {
        meta::child_map(pod, "status");
        let status = &mut pod["status"];
        let at = read::list(status, "/conditions")
            .iter()
            .position(|c| c["type"] == SCHEDULED);
        let since = at.map(|at| status["conditions"][at]["lastTransitionTime"].clone());
        let mut condition = Map::new();
        condition.insert("type".to_owned(), SCHEDULED.into());
        if let Some(generation) = generation {
            condition.insert("observedGeneration".to_owned(), generation);
        }
        condition.insert("status".to_owned(), "False".into());
        condition.insert("lastProbeTime".to_owned(), Value::Null);
        condition.insert(
            "lastTransitionTime".to_owned(),
            since.unwrap_or_else(|| now.rfc3339().into()),
        );
        condition.insert("reason".to_owned(), "Unschedulable".into());
        condition.insert("message".to_owned(), why.into());
        read::place_condition(status, at, Value::Object(condition));
    });
    if let Err(refusal) = written {
        tracing::debug!(
            name,
            message = refusal.message,
            "a pod's condition could not be written"
        );
    }
    events::scheduler(world, pod, "Warning", "FailedScheduling", "Scheduling", why);
}

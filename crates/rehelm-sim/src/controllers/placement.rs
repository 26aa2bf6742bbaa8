//! Puts pods on the first ready node. Stands in for the scheduler; to be taken out when that is there.

use std::time::Duration;

use super::{Controller, read};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{World, Writer};

/// The controller.
pub(crate) struct Placement;

impl Controller for Placement {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        match &*change.resource {
            "pods" if change.kind == ChangeKind::Added => vec![(Duration::ZERO, meta::key(&change.object))],
            "nodes" if change.kind == ChangeKind::Modified => {
                let pods = world.list("pods", None);
                let free = pods.iter().filter(|pod| read::text(pod, "/spec/nodeName").is_empty());
                free.map(|pod| (Duration::ZERO, meta::key(pod))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let pod = world.get("pods", namespace, name)?;
        if !read::text(&pod, "/spec/nodeName").is_empty() || meta::is_terminating(&pod) {
            return None;
        }
        let nodes = world.list("nodes", None);
        let node = nodes.iter().find(|node| read::has_condition(node, "Ready"))?;
        let node = meta::name(node).to_owned();
        let now = world.now().rfc3339();
        let writer = Writer {
            tracks: false,
            ..Writer::new("kube-scheduler", "binding")
        };
        let bound = world.modify_as("pods", namespace, name, &writer, |pod| {
            pod["spec"]["nodeName"] = node.into();
            meta::child_map(pod, "status");
            let placed = serde_json::json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now});
            read::place_condition(&mut pod["status"], None, placed);
        });
        if let Err(refusal) = bound {
            tracing::debug!(name, message = refusal.message, "a pod could not be placed");
        }
        None
    }
}

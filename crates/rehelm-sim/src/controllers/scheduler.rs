//! The default scheduler (`pkg/scheduler`), deterministic: of the nodes that suit a pod, the one with the fewest pods,
//! then the first by name.
//!
//! A pod that suits nowhere is looked at again when something changes that could help it, as the real queue does: nodes,
//! pods that go, and for pods with claims also claims, volumes and classes. Pods with claims that wait for their first
//! pod get a node in two steps: the claims are given the node (or a volume that can be reached there), and once they are
//! bound, the pod.
//!
//! Left out: preemption, scores, preferred affinities, limits of volumes a node, dynamic resources.

mod affinity;
mod filter;
pub(crate) mod labels;
mod machines;
mod place;
mod spread;
mod verdict;
mod volumes;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Controller;
use super::read::{flag, int, list, text};
use super::volumes::{CLAIMS, CLASSES, PACE, VOLUMES, claims_of, is_bound, is_over, notes};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

use machines::Machine;
use verdict::Verdict;

pub(crate) use place::assign;

/// Pods that were not looked at yet.
const NEW: &str = "new";
/// Pods that use claims.
const CLAIMING: &str = "claiming";
/// All pods without a node.
const ALL: &str = "all";

pub(crate) struct Scheduler;

impl Controller for Scheduler {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &*change.object;
        let old = change.old.as_deref();
        let (delay, key) = match &*change.resource {
            "pods" if change.kind == ChangeKind::Added => (PACE.schedule, NEW),
            "pods" if frees(change) => (PACE.schedule, ALL),
            "pods" if old.is_some_and(is_gated) && !is_gated(object) => (PACE.schedule, NEW),
            "nodes" if change.kind != ChangeKind::Deleted && old.is_none_or(|old| differs(old, object)) => {
                (PACE.schedule, ALL)
            }
            CLAIMS if change.kind != ChangeKind::Deleted => (claim_delay(world, object), CLAIMING),
            VOLUMES if change.kind == ChangeKind::Added => (PACE.schedule, CLAIMING),
            VOLUMES if old.is_some_and(|old| old.get("spec") != object.get("spec") || phase_changed(old, object)) => {
                (PACE.claim_poll, CLAIMING)
            }
            CLASSES if change.kind != ChangeKind::Deleted => (PACE.schedule, CLAIMING),
            _ => return Vec::new(),
        };
        if world.store.index().unplaced().next().is_none() {
            return Vec::new();
        }
        vec![(delay, key.to_owned())]
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let mut pods: Vec<Arc<Value>> = world.at("pods", world.store.index().unplaced());
        pods.retain(|pod| is_ours(pod) && (key == ALL || fits_key(pod, key)));
        if pods.is_empty() {
            return None;
        }
        pods.sort_by_cached_key(|pod| {
            let made = meta::text(pod, "creationTimestamp").to_owned();
            (Reverse(int(pod, "/spec/priority")), made, meta::key(pod))
        });
        let mut machines = machines::all(world);
        for pod in pods {
            schedule(world, &pod, &mut machines);
        }
        None
    }

    fn begin(&self, _world: &World) -> Vec<String> {
        vec![ALL.to_owned()]
    }
}

fn is_gated(pod: &Value) -> bool {
    !list(pod, "/spec/schedulingGates").is_empty()
}

fn is_ours(pod: &Value) -> bool {
    let name = text(pod, "/spec/schedulerName");
    let ours = name.is_empty() || name == "default-scheduler";
    ours && !is_gated(pod) && !meta::is_terminating(pod) && !is_over(pod)
}

fn fits_key(pod: &Value, key: &str) -> bool {
    let looked_at = list(pod, "/status/conditions")
        .iter()
        .any(|c| c["type"] == "PodScheduled");
    match key {
        NEW => !looked_at,
        _ => !claims_of(pod).is_empty(),
    }
}

/// A pod leaves room, or a place that others may not share with it.
fn frees(change: &Change) -> bool {
    if text(&change.object, "/spec/nodeName").is_empty() {
        return false;
    }
    let was_over = change.old.as_deref().is_some_and(is_over);
    change.kind == ChangeKind::Deleted || is_over(&change.object) && !was_over
}

/// What a node's change must touch to help a pod.
fn differs(old: &Value, new: &Value) -> bool {
    const PARTS: [&str; 4] = [
        "/metadata/labels",
        "/spec/taints",
        "/spec/unschedulable",
        "/status/allocatable",
    ];
    PARTS.iter().any(|part| old.pointer(part) != new.pointer(part))
}

fn phase_changed(old: &Value, new: &Value) -> bool {
    text(old, "/status/phase") != text(new, "/status/phase")
}

/// A pod that waits for its claim asks once a second, and one that failed backs off for a second; when the claim took
/// longer than that, its pod is looked at at once.
fn claim_delay(world: &World, claim: &Value) -> Duration {
    let made = super::read::time(meta::text(claim, "creationTimestamp"));
    let age = made.map(|made| world.now().since(made)).unwrap_or_default();
    let given = meta::annotation(claim, notes::SELECTED_NODE).is_some();
    if is_bound(claim) && !given && age > Duration::from_secs(2) {
        PACE.schedule
    } else {
        PACE.claim_poll
    }
}

fn schedule(world: &mut World, pod: &Arc<Value>, machines: &mut [Machine]) {
    match verdict::judge(world, pod, machines) {
        Verdict::Wait => {}
        Verdict::Nowhere(why) => place::refuse(world, pod, &why),
        Verdict::Claims(node, plan) => {
            let node = meta::name(&machines[node].node).to_owned();
            volumes::carry_out(world, &plan, &node);
        }
        Verdict::Node(node) => {
            let machine = &mut machines[node];
            if let Some(pod) = place::bind(world, pod, &machine.node) {
                machine.add(pod);
            }
        }
    }
}

/// `spec.unschedulable` of a node.
fn is_cordoned(node: &Value) -> bool {
    flag(node, "/spec/unschedulable")
}

#[cfg(test)]
mod tests;

//! The machines' part with pods: a stand-in for every kubelet at once.
//!
//! A pod that has a node gets its storage, its references are looked at, its images pulled, and then it runs and is
//! ready, unless a fault says otherwise. Pods that end by themselves (those of Jobs, and those that may not be restarted
//! always) end well after a short run. A deleted pod's containers end before its grace period does.
//!
//! Pods that were loaded as running are left as they are until something happens to them: their state is what somebody
//! saw in a real cluster, and nothing here knows better.

mod lifetime;
mod look;
mod machines;
mod references;
mod status;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(crate) use look::Look;
pub(crate) use machines::Machines;

use super::events::{self, Reporter};
use super::{Controller, pods, read, volumes};
use crate::faults::{Fault, Readiness};
use crate::meta;
use crate::store::{Change, ChangeKind, Place};
use crate::world::{World, Writer};

/// The controller.
pub(crate) struct Kubelet;

impl Controller for Kubelet {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &*change.object;
        let key = |place: &Place| format!("{}/{}", place.namespace, place.name);
        let index = world.store.index();
        let keys: Vec<String> = match &*change.resource {
            "pods" => {
                let placed = !read::text(object, "/spec/nodeName").is_empty();
                placed.then(|| meta::key(object)).into_iter().collect()
            }
            "secrets" | "configmaps" | "persistentvolumeclaims" if change.kind != ChangeKind::Deleted => {
                index.starting(meta::namespace(object)).map(key).collect()
            }
            "persistentvolumes" => index
                .starting(read::text(object, "/spec/claimRef/namespace"))
                .map(key)
                .collect(),
            "volumeattachments.storage.k8s.io" => {
                let here = world.at("pods", index.pods_on(read::text(object, "/spec/nodeName")));
                let waits = here.iter().filter(|pod| pods::phase(pod) == "Pending");
                waits.map(|pod| meta::key(pod)).collect()
            }
            _ => Vec::new(),
        };
        keys.into_iter().map(|key| (Duration::ZERO, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let Some(pod) = world.get("pods", namespace, name) else {
            world.machines.forget(key);
            return None;
        };
        let node = read::text(&pod, "/spec/nodeName").to_owned();
        if node.is_empty() || is_lost(world, &node) {
            return None;
        }
        world.machines.remember(key, meta::uid(&pod));
        let fault = fault(world, &pod);
        if meta::is_terminating(&pod) {
            return lifetime::stop(world, key, &pod, fault);
        }
        if pods::has_ended(&pod) {
            return None;
        }
        if pods::phase(&pod) == "Running" && world.machines.look(key).is_none() && fault.is_none() {
            return None;
        }
        if pods::phase(&pod) != "Running"
            && let Some(wait) = start(world, key, &node, &pod, fault.as_ref())
        {
            return wait;
        }
        lifetime::live(world, key, &pod, fault)
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let all = world.list("pods", None);
        let placed = all.iter().filter(|pod| !read::text(pod, "/spec/nodeName").is_empty());
        let placed = placed.filter(|pod| !pods::has_ended(pod) || meta::is_terminating(pod));
        placed.map(|pod| meta::key(pod)).collect()
    }

    fn wake(&self, world: &World) -> Vec<String> {
        self.begin(world)
    }
}

fn is_lost(world: &World, node: &str) -> bool {
    let mut faults = world.faults.all.iter();
    faults.any(|fault| matches!(fault, Fault::NodeLost(lost) if lost == node))
}

/// How the pod is told to fare; the fault that was told last counts.
fn fault(world: &World, pod: &Value) -> Option<Readiness> {
    let hits = |fault: &Fault| match fault {
        Fault::Pods {
            namespace,
            prefix,
            readiness,
        } => {
            let here = namespace.is_empty() || namespace == meta::namespace(pod);
            (here && meta::name(pod).starts_with(prefix)).then(|| readiness.clone())
        }
        Fault::Image(part) => {
            let mut images = references::images(pod);
            images.any(|image| image.contains(part)).then_some(Readiness::ImagePull)
        }
        Fault::NoDetach | Fault::NoProvision | Fault::NodeLost(_) => None,
    };
    world.faults.all.iter().rev().find_map(hits)
}

/// Before the containers run. None when nothing is in the way any more; the inner value is when to look again.
#[allow(clippy::option_option)]
fn start(
    world: &mut World,
    key: &str,
    node: &str,
    pod: &Arc<Value>,
    fault: Option<&Readiness>,
) -> Option<Option<Duration>> {
    if world.machines.look(key).is_none() && look::is_stuck(pod) && fault.is_none() {
        return Some(None);
    }
    if volumes::storage_ready(world, pod).is_err() {
        show(world, key, pod, Look::Creating, None);
        return Some(None);
    }
    if let Some((look, event)) = references::blocked(world, pod, fault) {
        show(world, key, pod, look, Some(event));
        return Some(None);
    }
    let timing = world.options.timing.clone();
    let mut pulls = 0;
    if !matches!(fault, Some(Readiness::ImagePull)) {
        let images: Vec<String> = references::images(pod).map(str::to_owned).collect();
        pulls = world.machines.missing_images(key, node, &images);
    }
    let span = timing.pod_start + timing.image_pull * pulls;
    if let Some(left) = world.machines.left(key, "start", span, world.now()) {
        show(world, key, pod, Look::Creating, None);
        return Some(Some(left));
    }
    None
}

/// Writes how the pod looks when that is not what was written last.
fn show(world: &mut World, key: &str, pod: &Arc<Value>, look: Look, event: Option<(&'static str, String)>) {
    if world.machines.look(key) == Some(&look) {
        return;
    }
    let known = world.machines.look(key).is_none() && look::is_shown(pod, &look);
    world.machines.set_look(key, look.clone());
    if known {
        return;
    }
    let node = read::text(pod, "/spec/nodeName").to_owned();
    let host = status::host(world, &node);
    let now = world.now();
    let writer = Writer::new("kubelet", "status");
    let (namespace, name) = (meta::namespace(pod), meta::name(pod));
    let written = world.modify_as("pods", namespace, name, &writer, |pod| {
        status::write(pod, &look, &host, now)
    });
    if let Err(refusal) = written {
        tracing::debug!(name, message = refusal.message, "a pod's status could not be written");
    }
    if let Some((reason, message)) = event {
        events::warning(world, Reporter::kubelet(&node), pod, reason, &message);
    }
}

#[cfg(test)]
mod tests;

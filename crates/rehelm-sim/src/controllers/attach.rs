//! The attach/detach controller, and the part of the CSI drivers that attaches disks to machines.
//!
//! A volume that needs attachment is attached to every node that has a pod that uses it, by a VolumeAttachment as the
//! real controller names it; when the last such pod of a node is gone or has ended, it is detached. A volume that only
//! one node may have waits for its detachment elsewhere (event `FailedAttachVolume`, "Multi-Attach error").

mod drivers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use super::binder::change;
use super::events::{self, Reporter};
use super::volumes::{CLAIMS, PACE, VOLUMES, claim_ref, claims_of, is_over, list, modes, pods_of, table, text};
use crate::faults::Fault;
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

pub(crate) use drivers::{bootstrap, needs_attachment};

const ATTACHMENTS: &str = "volumeattachments.storage.k8s.io";
const REPORTER: Reporter<'static> = Reporter::controller("attachdetach-controller");

pub(crate) struct Attacher;

impl Controller for Attacher {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &change.object;
        let compare = |volume: &str| (PACE.compare, format!("volume {volume}"));
        match &*change.resource {
            ATTACHMENTS => {
                let mut keys = vec![compare(text(object, "/spec/source/persistentVolumeName"))];
                if change.kind != ChangeKind::Deleted {
                    let takes = if meta::is_terminating(object) {
                        PACE.detach
                    } else {
                        PACE.attach
                    };
                    if meta::is_terminating(object) || !is_done(object) {
                        keys.push((takes, format!("attachment {}", meta::name(object))));
                    }
                }
                keys
            }
            "pods" if !text(object, "/spec/nodeName").is_empty() => {
                let volumes = claims_of(object).into_iter().filter_map(|claim| {
                    let claim = world.get(CLAIMS, meta::namespace(object), &claim)?;
                    Some(text(&claim, "/spec/volumeName").to_owned())
                });
                volumes
                    .filter(|name| !name.is_empty())
                    .map(|name| compare(&name))
                    .collect()
            }
            CLAIMS if !text(object, "/spec/volumeName").is_empty() => {
                vec![compare(text(object, "/spec/volumeName"))]
            }
            "nodes" if change.kind == ChangeKind::Added => {
                vec![(PACE.compare, format!("node {}", meta::name(object)))]
            }
            _ => Vec::new(),
        }
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        match key.split_once(' ') {
            Some(("volume", name)) => compare(world, name),
            Some(("attachment", name)) => return drive(world, name),
            Some(("node", name)) => drivers::register_node(world, name),
            _ => {}
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let volumes = world.list(VOLUMES, None).into_iter();
        let volumes = volumes.map(|volume| format!("volume {}", meta::name(&volume)));
        let attachments = world.list(ATTACHMENTS, None).into_iter();
        let unsettled = attachments.filter(|a| meta::is_terminating(a) || !is_done(a));
        let unsettled = unsettled.map(|a| format!("attachment {}", meta::name(&a)));
        let nodes = world.list("nodes", None).into_iter();
        let nodes = nodes.map(|node| format!("node {}", meta::name(&node)));
        volumes.chain(unsettled).chain(nodes).collect()
    }

    fn wake(&self, world: &World) -> Vec<String> {
        self.begin(world)
    }
}

fn is_done(attachment: &Value) -> bool {
    attachment.pointer("/status/attached") == Some(&Value::Bool(true))
}

fn of_volume(world: &World, volume: &str) -> Vec<Arc<Value>> {
    let all = world.list(ATTACHMENTS, None).into_iter();
    all.filter(|a| text(a, "/spec/source/persistentVolumeName") == volume)
        .collect()
}

/// Whether a volume is attached to a node, and is going to stay.
pub(crate) fn is_attached(world: &World, volume: &str, node: &str) -> bool {
    of_volume(world, volume)
        .iter()
        .any(|a| text(a, "/spec/nodeName") == node && is_done(a) && !meta::is_terminating(a))
}

/// Pods that use a volume, by node.
fn users(world: &World, volume: &Value) -> BTreeMap<String, Vec<Arc<Value>>> {
    let mut nodes: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
    let claim = claim_ref(volume).and_then(|to| world.get(CLAIMS, text(to, "/namespace"), text(to, "/name")));
    let Some(claim) = claim.filter(|claim| text(claim, "/spec/volumeName") == meta::name(volume)) else {
        return nodes;
    };
    for pod in pods_of(world, &claim) {
        let node = text(&pod, "/spec/nodeName").to_owned();
        if !node.is_empty() && !is_over(&pod) {
            nodes.entry(node).or_default().push(pod);
        }
    }
    nodes
}

/// Whether several nodes may have a volume at once.
fn is_shared(volume: &Value) -> bool {
    let modes = modes(volume);
    modes.is_empty()
        || modes
            .iter()
            .any(|mode| matches!(*mode, "ReadWriteMany" | "ReadOnlyMany"))
}

/// Compares where a volume is attached with where it should be.
fn compare(world: &mut World, name: &str) {
    let volume = world.get(VOLUMES, "", name);
    let users = volume.as_ref().map(|volume| users(world, volume)).unwrap_or_default();
    let attached = of_volume(world, name);
    for attachment in &attached {
        let node = text(attachment, "/spec/nodeName");
        if users.contains_key(node) || meta::is_terminating(attachment) {
            continue;
        }
        report_attached(world, node, attachment, false);
        if let Err(refusal) = world.remove(ATTACHMENTS, "", meta::name(attachment)) {
            tracing::debug!(name, message = refusal.message, "an attachment cannot be deleted");
        }
    }
    let Some(volume) = volume.filter(|volume| needs_attachment(world, volume)) else {
        return;
    };
    let mut attached = of_volume(world, name);
    for (node, pods) in &users {
        if attached.iter().any(|a| text(a, "/spec/nodeName") == node.as_str()) {
            continue;
        }
        let others: Vec<&str> = attached.iter().map(|a| text(a, "/spec/nodeName")).collect();
        if !others.is_empty() && !is_shared(&volume) {
            let there = others
                .iter()
                .filter_map(|other| users.get(*other))
                .flatten()
                .cloned()
                .collect::<Vec<_>>();
            refuse(world, name, pods, &there);
            continue;
        }
        attached.extend(attach(world, &volume, node));
    }
}

fn attach(world: &mut World, volume: &Value, node: &str) -> Option<Arc<Value>> {
    let (driver, handle) = table::table().disk_of(volume, world.options.minor)?;
    let attachment = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "VolumeAttachment",
        "metadata": {"name": format!("csi-{}", table::hex(&format!("{handle}{driver}{node}")))},
        "spec": {"attacher": driver, "nodeName": node, "source": {"persistentVolumeName": meta::name(volume)}},
        "status": {"attached": false},
    });
    world.create(ATTACHMENTS, attachment).ok()
}

/// Tells pods, once, that their volume is attached elsewhere.
fn refuse(world: &mut World, volume: &str, pods: &[Arc<Value>], there: &[Arc<Value>]) {
    for pod in pods {
        let prefix = format!("{}.", meta::name(pod));
        let told = world.store.events_named(meta::namespace(pod), &prefix);
        if told
            .iter()
            .any(|e| text(e, "/reason") == "FailedAttachVolume" && text(e, "/involvedObject/uid") == meta::uid(pod))
        {
            continue;
        }
        let near: Vec<&str> = there
            .iter()
            .filter(|other| meta::namespace(other) == meta::namespace(pod))
            .map(|other| meta::name(other))
            .collect();
        let far = there.len() - near.len();
        let why = match (near.is_empty(), far) {
            (true, 0) => {
                "Volume is already exclusively attached to one node and can't be attached to another".to_owned()
            }
            (true, far) => format!("Volume is already used by {far} pod(s) in different namespaces"),
            (false, 0) => format!("Volume is already used by pod(s) {}", near.join(", ")),
            (false, far) => {
                format!(
                    "Volume is already used by pod(s) {} and {far} pod(s) in different namespaces",
                    near.join(", ")
                )
            }
        };
        let message = format!("Multi-Attach error for volume \"{volume}\" {why}");
        events::warning(world, REPORTER, pod, "FailedAttachVolume", &message);
    }
}

/// The driver's part: says that the disk is attached, or lets the attachment go.
fn drive(world: &mut World, name: &str) -> Option<Duration> {
    let attachment = world.get(ATTACHMENTS, "", name)?;
    let finalizer = format!(
        "external-attacher/{}",
        text(&attachment, "/spec/attacher").replace('.', "-")
    );
    if meta::is_terminating(&attachment) {
        if world.faults.all.contains(&Fault::NoDetach) {
            return None;
        }
        change(world, ATTACHMENTS, &attachment, |a| meta::drop_finalizer(a, &finalizer));
        return None;
    }
    if is_done(&attachment) {
        return None;
    }
    let held = change(world, ATTACHMENTS, &attachment, |a| meta::add_finalizer(a, &finalizer))?;
    let done = change(world, ATTACHMENTS, &held, |a| {
        meta::child_map(a, "status").insert("attached".to_owned(), true.into());
    })?;
    let node = text(&done, "/spec/nodeName");
    report_attached(world, node, &done, true);
    let name = text(&done, "/spec/source/persistentVolumeName");
    let volume = world.get(VOLUMES, "", name)?;
    let message = format!("AttachVolume.Attach succeeded for volume \"{name}\" ");
    for pod in users(world, &volume).get(node).into_iter().flatten() {
        events::normal(world, REPORTER, pod, "SuccessfulAttachVolume", &message);
    }
    None
}

/// Keeps `status.volumesAttached` of the node.
fn report_attached(world: &mut World, node: &str, attachment: &Value, attached: bool) {
    let driver = text(attachment, "/spec/attacher").to_owned();
    let volume = world.get(VOLUMES, "", text(attachment, "/spec/source/persistentVolumeName"));
    let disk = volume.and_then(|volume| table::table().disk_of(&volume, world.options.minor));
    let (Some((_, handle)), Some(node)) = (disk, world.get("nodes", "", node)) else {
        return;
    };
    let name = format!("kubernetes.io/csi/{driver}^{handle}");
    let mut all: Vec<Value> = list(&node, "/status/volumesAttached").to_vec();
    all.retain(|each| each["name"] != name);
    if attached {
        all.push(json!({"name": name, "devicePath": ""}));
    }
    change(world, "nodes", &node, |node| {
        let status = meta::child_map(node, "status");
        if all.is_empty() {
            status.shift_remove("volumesAttached");
        } else {
            status.insert("volumesAttached".to_owned(), all.into());
        }
    });
}

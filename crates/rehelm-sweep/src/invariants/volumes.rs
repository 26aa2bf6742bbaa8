//! Volumes with data: kept, claimed, and mounted by one side.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::Broken;
use super::known::{Known, Volume};

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn of_kind<'a>(objects: &'a [Arc<Value>], kind: &'a str) -> impl Iterator<Item = &'a Arc<Value>> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

fn live<'a>(objects: &'a [Arc<Value>], volume: &Volume) -> Option<&'a Arc<Value>> {
    of_kind(objects, "PersistentVolume").find(|object| text(object, "/metadata/name") == volume.name)
}

fn claim<'a>(objects: &'a [Arc<Value>], namespace: &str, name: &str) -> Option<&'a Arc<Value>> {
    of_kind(objects, "PersistentVolumeClaim")
        .find(|c| text(c, "/metadata/name") == name && text(c, "/metadata/namespace") == namespace)
}

/// Volumes that are gone, or would be deleted with their data as soon as somebody looks.
pub fn reclaimable(known: &Known, objects: &[Arc<Value>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    for volume in &known.volumes {
        let mut say = |what: &str| broken.push(("volume-reclaimable", format!("volume {} {what}", volume.name)));
        let Some(now) = live(objects, volume) else {
            say("is gone");
            continue;
        };
        if now.pointer("/metadata/deletionTimestamp").is_some() {
            say("is being deleted");
        }
        if text(now, "/spec/persistentVolumeReclaimPolicy") == "Retain" {
            continue;
        }
        let holder = claim(
            objects,
            text(now, "/spec/claimRef/namespace"),
            text(now, "/spec/claimRef/name"),
        );
        let held = holder.is_some_and(|c| {
            text(c, "/metadata/uid") == text(now, "/spec/claimRef/uid")
                && c.pointer("/metadata/deletionTimestamp").is_none()
        });
        if !held {
            say("may be deleted: its policy is not Retain and no claim holds it");
        }
    }
    broken
}

/// Volumes that a stranger could take.
pub fn claimable(known: &Known, objects: &[Arc<Value>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    for volume in &known.volumes {
        let Some(now) = live(objects, volume) else { continue };
        let mut say = |what: String| broken.push(("volume-claimable", format!("volume {} {what}", volume.name)));
        if text(now, "/status/phase") == "Available" {
            say("is Available to anyone".to_owned());
        }
        let place = (
            text(now, "/spec/claimRef/namespace").to_owned(),
            text(now, "/spec/claimRef/name").to_owned(),
        );
        if !volume.claims.contains(&place) {
            say(format!("names the claim {}/{}", place.0, place.1));
        } else if text(now, "/spec/claimRef/uid").is_empty() {
            say("names its claim without a uid".to_owned());
        }
    }
    broken
}

/// Volumes that pods of both namespaces have mounted. A pod keeps what it has mounted when its claim is gone.
pub fn two_sides(known: &Known, objects: &[Arc<Value>]) -> Vec<Broken> {
    let mut broken = Vec::new();
    for volume in &known.volumes {
        let mut sides = BTreeSet::new();
        for pod in of_kind(objects, "Pod") {
            let running = text(pod, "/status/phase") == "Running";
            let namespace = text(pod, "/metadata/namespace");
            let mounts = volume.claims.iter().any(|(of, name)| {
                of == namespace
                    && pod
                        .pointer("/spec/volumes")
                        .and_then(Value::as_array)
                        .is_some_and(|all| all.iter().any(|v| text(v, "/persistentVolumeClaim/claimName") == name))
                    && claim(objects, of, name).is_none_or(|c| text(c, "/spec/volumeName") == volume.name)
            });
            if running && mounts {
                sides.insert(namespace.to_owned());
            }
        }
        if sides.len() > 1 {
            let both: Vec<String> = sides.into_iter().collect();
            broken.push((
                "two-sides",
                format!("volume {} is mounted by pods of {}", volume.name, both.join(" and ")),
            ));
        }
    }
    broken
}

//! The garbage collector: what is left when owners go. Rules: kubernetes `pkg/controller/garbagecollector` of 1.35.
//!
//! An owner is absent when no object has its uid, or has it in another namespace than the dependent's (a namespaced
//! owner can own within its namespace only). What was loaded is not collected for owners that were absent from the
//! start: a snapshot may hold less than the cluster did.

use std::time::Duration;

use serde_json::Value;

use super::{Controller, claim};
use crate::meta;
use crate::store::{Change, ChangeKind, Whereabouts};
use crate::world::{DeleteOptions, World};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// The controller. Its keys are uids.
pub(crate) struct GarbageCollector;

impl Controller for GarbageCollector {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &*change.object;
        let uid = meta::uid(object);
        let mut keys = Vec::new();
        match change.kind {
            ChangeKind::Deleted => {
                // The key of an object that is gone stands for its dependents.
                if world.store.index().dependents(uid).next().is_some() {
                    keys.push(uid.to_owned());
                }
                keys.extend(foreground_owners(world, object));
            }
            ChangeKind::Added | ChangeKind::Modified => {
                let old = change.old.as_deref();
                let owners_new = old.is_none_or(|old| meta::owners(old) != meta::owners(object));
                if owners_new && !meta::owners(object).is_empty() {
                    keys.push(uid.to_owned());
                }
                if meta::is_terminating(object) {
                    let held = meta::finalizers(object);
                    if held.contains(&FOREGROUND) || held.contains(&ORPHAN) {
                        keys.push(uid.to_owned());
                    }
                    keys.extend(foreground_owners(world, object));
                }
                if let Some(old) = old.filter(|_| owners_new) {
                    keys.extend(foreground_owners(world, old));
                }
            }
        }
        keys.into_iter()
            .map(|key| (world.options.timing.collect, key))
            .collect()
    }

    fn run(&self, world: &mut World, uid: &str) -> Option<Duration> {
        let Some(here) = world.store.index().of_uid(uid).cloned() else {
            for dependent in dependents(world, uid) {
                attempt(world, &dependent);
            }
            return None;
        };
        let object = world.get(&here.resource, &here.place.namespace, &here.place.name)?;
        if !meta::is_terminating(&object) {
            attempt(world, &here);
        } else if meta::finalizers(&object).contains(&ORPHAN) {
            orphan(world, &here, uid);
        } else if meta::finalizers(&object).contains(&FOREGROUND) {
            wait_for_dependents(world, &here, uid);
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let mut keys = Vec::new();
        for resource in world.store.resources() {
            for object in world.list(&resource, None) {
                let held = meta::finalizers(&object);
                if meta::is_terminating(&object) && (held.contains(&FOREGROUND) || held.contains(&ORPHAN)) {
                    keys.push(meta::uid(&object).to_owned());
                }
            }
        }
        keys
    }
}

fn dependents(world: &World, uid: &str) -> Vec<Whereabouts> {
    world.store.index().dependents(uid).cloned().collect()
}

fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    meta::owners(object).iter().filter_map(|owner| owner["uid"].as_str())
}

fn at(world: &World, here: &Whereabouts) -> Option<std::sync::Arc<Value>> {
    world.get(&here.resource, &here.place.namespace, &here.place.name)
}

/// Owners of an object that wait for their dependents to go.
fn foreground_owners(world: &World, object: &Value) -> Vec<String> {
    let waiting = owner_uids(object).filter(|uid| {
        let owner = world.store.index().of_uid(uid).and_then(|here| at(world, here));
        owner.is_some_and(|owner| waits(&owner))
    });
    waiting.map(str::to_owned).collect()
}

fn waits(owner: &Value) -> bool {
    meta::is_terminating(owner) && meta::finalizers(owner).contains(&FOREGROUND)
}

enum Owner {
    /// Is there and stays.
    Solid,
    /// Is not there.
    Absent,
    /// Waits for its dependents to go first.
    Waiting,
}

fn owner(world: &World, uid: &str, namespace: &str) -> Owner {
    let Some(here) = world.store.index().of_uid(uid) else {
        return Owner::Absent;
    };
    if !here.place.namespace.is_empty() && here.place.namespace != namespace {
        return Owner::Absent;
    }
    match at(world, here) {
        Some(owner) if waits(&owner) => Owner::Waiting,
        Some(_) => Owner::Solid,
        None => Owner::Absent,
    }
}

/// Deletes an object whose owners are all absent or about to go; with one that stays it only loses the others.
fn attempt(world: &mut World, here: &Whereabouts) {
    let Some(object) = at(world, here) else { return };
    if meta::is_terminating(&object) || meta::owners(&object).is_empty() {
        return;
    }
    let (mut solid, mut absent, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for uid in owner_uids(&object) {
        match owner(world, uid, meta::namespace(&object)) {
            Owner::Solid => solid.push(uid.to_owned()),
            Owner::Absent => absent.push(uid.to_owned()),
            Owner::Waiting => waiting.push(uid.to_owned()),
        }
    }
    if !solid.is_empty() {
        for uid in absent.iter().chain(&waiting) {
            drop_owner(world, here, uid);
        }
        return;
    }
    let has_dependents = world.store.index().dependents(meta::uid(&object)).next().is_some();
    let held = meta::finalizers(&object);
    let propagation = if (!waiting.is_empty() && has_dependents) || held.contains(&FOREGROUND) {
        "Foreground"
    } else if held.contains(&ORPHAN) {
        "Orphan"
    } else {
        "Background"
    };
    delete(world, here, &object, propagation);
}

fn delete(world: &mut World, here: &Whereabouts, object: &std::sync::Arc<Value>, propagation: &str) {
    let Ok(kind) = world.kind(&here.resource) else { return };
    let options = DeleteOptions {
        uid: Some(meta::uid(object).to_owned()),
        propagation: Some(propagation.to_owned()),
        ..DeleteOptions::default()
    };
    if let Err(refusal) = world.delete(&kind, object, &options) {
        tracing::debug!(message = refusal.message, "a dependent could not be deleted");
    }
}

fn change(world: &mut World, here: &Whereabouts, change: impl FnOnce(&mut Value)) {
    let changed = world.modify(&here.resource, &here.place.namespace, &here.place.name, change);
    if let Err(refusal) = changed {
        tracing::debug!(
            message = refusal.message,
            "an object could not be changed by the garbage collector"
        );
    }
}

fn drop_owner(world: &mut World, here: &Whereabouts, uid: &str) {
    change(world, here, |object| claim::drop_owner(object, uid));
}

fn orphan(world: &mut World, here: &Whereabouts, uid: &str) {
    for dependent in dependents(world, uid) {
        drop_owner(world, &dependent, uid);
    }
    change(world, here, |object| meta::drop_finalizer(object, ORPHAN));
}

/// Foreground deletion: dependents go first; only those with `blockOwnerDeletion` hold the owner up.
fn wait_for_dependents(world: &mut World, here: &Whereabouts, uid: &str) {
    let blocks = |world: &World, dependent: &Whereabouts| {
        let Some(object) = at(world, dependent) else {
            return false;
        };
        let mut owners = meta::owners(&object).iter().filter(|owner| owner["uid"] == uid);
        owners.any(|owner| owner["blockOwnerDeletion"] == true)
    };
    for dependent in dependents(world, uid) {
        attempt(world, &dependent);
    }
    let left = dependents(world, uid);
    if !left.iter().any(|dependent| blocks(world, dependent)) {
        change(world, here, |object| meta::drop_finalizer(object, FOREGROUND));
    }
}

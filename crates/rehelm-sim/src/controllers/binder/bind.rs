//! Writing a binding into volume and claim, in the order of the real controller.

use std::sync::Arc;

use serde_json::Value;

use crate::controllers::events;
use crate::controllers::volumes::{CLAIMS, VOLUMES, claim_ref, is_for, notes, phase, text};
use crate::meta;
use crate::world::World;

/// Changes an object that was just seen; what the server refuses is tried again when the object changes or at the next
/// resync, as the real controller does.
pub(crate) fn change(
    world: &mut World,
    resource: &str,
    object: &Value,
    change: impl FnOnce(&mut Value),
) -> Option<Arc<Value>> {
    match world.modify(resource, meta::namespace(object), meta::name(object), change) {
        Ok(changed) => changed,
        Err(refusal) => {
            tracing::debug!(resource, message = refusal.message, "a controller's write was refused");
            None
        }
    }
}

/// Binds a volume to a claim, or goes on where that was left.
pub(super) fn bind(world: &mut World, volume: &Arc<Value>, claim: &Arc<Value>, resync: bool) {
    let Some(written) = point_at(world, volume, claim) else {
        return;
    };
    let named = text(claim, "/spec/volumeName") == meta::name(volume);
    if named && !resync && !Arc::ptr_eq(&written, volume) {
        // The worker of volumes is quicker: see the module's words on the race.
        return;
    }
    let volume = set_volume_phase(world, &written, "Bound", "").unwrap_or(written);
    let claim = if named && meta::annotation(claim, notes::BIND_COMPLETED).is_some() {
        Some(claim.clone())
    } else {
        let name = meta::name(&volume);
        change(world, CLAIMS, claim, |claim| {
            if !named {
                claim["spec"]["volumeName"] = name.into();
                if meta::annotation(claim, notes::BOUND_BY_CONTROLLER).is_none() {
                    meta::set_annotation(claim, notes::BOUND_BY_CONTROLLER, "yes");
                }
            }
            meta::set_annotation(claim, notes::BIND_COMPLETED, "yes");
        })
    };
    if let Some(claim) = claim {
        set_claim_phase(world, &claim, "Bound", Some(&volume));
    }
}

/// Writes the claim into the volume's `claimRef`. Gives the same volume when nothing was to be written.
pub(crate) fn point_at(world: &mut World, volume: &Arc<Value>, claim: &Value) -> Option<Arc<Value>> {
    let by_us = !is_for(volume, claim) && meta::annotation(volume, notes::BOUND_BY_CONTROLLER).is_none();
    let complete = is_for(volume, claim) && claim_ref(volume).is_some_and(|to| !text(to, "/uid").is_empty());
    if complete && !by_us {
        return Some(volume.clone());
    }
    let to = events::reference(claim);
    change(world, VOLUMES, volume, |volume| {
        if !complete {
            volume["spec"]["claimRef"] = to;
        }
        if by_us {
            meta::set_annotation(volume, notes::BOUND_BY_CONTROLLER, "yes");
        }
    })
}

/// Sets a volume's phase; None when it has that phase already.
pub(super) fn set_volume_phase(world: &mut World, volume: &Value, wanted: &str, message: &str) -> Option<Arc<Value>> {
    if phase(volume) == wanted {
        return None;
    }
    // The server notes the time since 1.29 (`PersistentVolumeLastPhaseTransitionTime`).
    let since = (world.options.minor >= 29).then(|| world.now().rfc3339());
    change(world, VOLUMES, volume, |volume| {
        let status = meta::child_map(volume, "status");
        status.insert("phase".to_owned(), wanted.into());
        if message.is_empty() {
            status.shift_remove("message");
        } else {
            status.insert("message".to_owned(), message.into());
        }
        if let Some(since) = since {
            status.insert("lastPhaseTransitionTime".to_owned(), since.into());
        }
    })
}

/// Sets a claim's phase, and what it has of its volume.
pub(super) fn set_claim_phase(world: &mut World, claim: &Value, wanted: &str, volume: Option<&Value>) {
    let changes = phase(claim) != wanted;
    change(world, CLAIMS, claim, |claim| {
        let status = meta::child_map(claim, "status");
        status.insert("phase".to_owned(), wanted.into());
        let Some(volume) = volume else {
            for field in ["accessModes", "capacity", "currentVolumeAttributesClassName"] {
                status.shift_remove(field);
            }
            return;
        };
        let from = |pointer: &str| volume.pointer(pointer).filter(|value| !value.is_null()).cloned();
        if let Some(modes) = from("/spec/accessModes") {
            status.insert("accessModes".to_owned(), modes);
        }
        if changes {
            if let Some(capacity) = from("/spec/capacity") {
                status.insert("capacity".to_owned(), capacity);
            }
            if let Some(class) = from("/spec/volumeAttributesClassName") {
                status.insert("currentVolumeAttributesClassName".to_owned(), class);
            }
        }
    });
}

/// Takes a volume's binding back: all of it when a controller made it, else the uid only.
pub(super) fn unbind(world: &mut World, volume: &Value) {
    let ours = meta::annotation(volume, notes::BOUND_BY_CONTROLLER).is_some();
    let written = change(world, VOLUMES, volume, |volume| {
        if ours {
            meta::child_map(volume, "spec").shift_remove("claimRef");
            drop_annotation(volume, notes::BOUND_BY_CONTROLLER);
        } else if let Some(to) = volume.pointer_mut("/spec/claimRef").and_then(Value::as_object_mut) {
            to.shift_remove("uid");
        }
    });
    if let Some(volume) = written {
        set_volume_phase(world, &volume, "Available", "");
    }
}

/// Takes an annotation away; an empty mapping goes, too.
pub(super) fn drop_annotation(object: &mut Value, note: &str) {
    let notes = meta::map_mut(object)
        .get_mut("annotations")
        .and_then(Value::as_object_mut);
    let Some(notes) = notes else { return };
    notes.shift_remove(note);
    if notes.is_empty() {
        meta::unset(object, "annotations");
    }
}

//! What becomes of a volume whose claim is gone (`reclaimVolume`).

use serde_json::Value;

use super::{REPORTER, bind};
use crate::controllers::events;
use crate::controllers::volumes::{VOLUMES, notes, phase, text};
use crate::meta;
use crate::world::World;

/// Does what the volume's policy says. What a driver or an external provisioner has made is theirs to delete.
pub(super) fn reclaim(world: &mut World, volume: &Value) {
    if meta::annotation(volume, notes::MIGRATED_TO).is_some_and(|driver| !driver.is_empty()) {
        return;
    }
    match text(volume, "/spec/persistentVolumeReclaimPolicy") {
        "Retain" => {}
        "Delete" => delete(world, volume),
        "Recycle" => recycle(world, volume),
        _ => {
            let message = "Volume has unrecognized PersistentVolumeReclaimPolicy";
            fail(world, volume, "VolumeUnknownReclaimPolicy", message);
        }
    }
}

fn has(volume: &Value, source: &str) -> bool {
    volume.pointer(&format!("/spec/{source}")).is_some_and(Value::is_object)
}

fn delete(world: &mut World, volume: &Value) {
    let by = meta::annotation(volume, notes::PROVISIONED_BY).unwrap_or_default();
    if !by.is_empty() || has(volume, "csi") {
        return;
    }
    let name = meta::name(volume);
    let path = text(volume, "/spec/hostPath/path");
    if path.starts_with("/tmp/") && path.len() > "/tmp/".len() {
        // What cannot be deleted now is seen again at the next change.
        let _ = world.remove(VOLUMES, "", name);
        return;
    }
    let why = if has(volume, "hostPath") {
        format!("host_path deleter only supports /tmp/.+ but received provided {path}")
    } else {
        format!("error getting deleter volume plugin for volume \"{name}\": no deletable volume plugin matched")
    };
    fail(world, volume, "VolumeFailedDelete", &why);
}

fn recycle(world: &mut World, volume: &Value) {
    if has(volume, "nfs") || has(volume, "hostPath") {
        events::normal(world, REPORTER, volume, "VolumeRecycled", "Volume recycled");
        bind::unbind(world, volume);
    } else {
        let message = "No recycler plugin found for the volume!";
        fail(world, volume, "VolumeFailedRecycle", message);
    }
}

fn fail(world: &mut World, volume: &Value, reason: &str, message: &str) {
    if phase(volume) == "Failed" {
        return;
    }
    if let Some(volume) = bind::set_volume_phase(world, volume, "Failed", message) {
        events::warning(world, REPORTER, &volume, reason, message);
    }
}

//! What the volume controller does about one volume (`syncVolume`).

use std::sync::Arc;

use serde_json::Value;

use super::{REPORTER, bind, reclaim};
use crate::controllers::events;
use crate::controllers::volumes::{CLAIMS, VOLUMES, claim_ref, mode, notes, phase, table, text};
use crate::meta;
use crate::world::World;

/// Keeps a volume of an in-tree plugin until its disk is dealt with.
const IN_TREE_FINALIZER: &str = "kubernetes.io/pv-controller";

enum Verdict {
    /// Nobody has it.
    Free,
    /// Its claim is gone.
    Released,
    /// The claim is to be looked at; its key.
    Claim(Arc<Value>),
    Bound,
    /// The claim is bound to another volume: one that was made for it goes.
    Superfluous,
    /// The claim is bound to another volume.
    Elsewhere,
}

fn judge(world: &World, volume: &Value) -> Verdict {
    let Some(to) = claim_ref(volume).filter(|to| !text(to, "/uid").is_empty()) else {
        return Verdict::Free;
    };
    let claim = world.get(CLAIMS, text(to, "/namespace"), text(to, "/name"));
    let Some(claim) = claim.filter(|claim| meta::uid(claim) == text(to, "/uid")) else {
        return Verdict::Released;
    };
    let named = text(&claim, "/spec/volumeName");
    if named.is_empty() {
        return Verdict::Claim(claim);
    }
    if named == meta::name(volume) {
        return Verdict::Bound;
    }
    let made = meta::annotation(volume, notes::PROVISIONED_BY).is_some();
    if made && text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete" {
        Verdict::Superfluous
    } else {
        Verdict::Elsewhere
    }
}

fn is_let_go(volume: &Value) -> bool {
    matches!(phase(volume), "Released" | "Failed")
}

/// Whether looking at the volume once more would change something.
pub(super) fn waits(world: &World, volume: &Value) -> bool {
    match judge(world, volume) {
        Verdict::Free => phase(volume) != "Available",
        Verdict::Released | Verdict::Superfluous => !is_let_go(volume),
        Verdict::Claim(_) => false,
        Verdict::Bound => phase(volume) != "Bound",
        Verdict::Elsewhere => true,
    }
}

/// Looks at a volume; gives the key of the claim that is to be looked at now.
pub(super) fn sync(world: &mut World, name: &str) -> Option<String> {
    let volume = world.get(VOLUMES, "", name)?;
    let volume = anneal(world, &volume).unwrap_or(volume);
    match judge(world, &volume) {
        Verdict::Free => drop(bind::set_volume_phase(world, &volume, "Available", "")),
        Verdict::Bound => drop(bind::set_volume_phase(world, &volume, "Bound", "")),
        Verdict::Elsewhere => bind::unbind(world, &volume),
        Verdict::Released | Verdict::Superfluous => {
            let volume = if is_let_go(&volume) {
                volume
            } else {
                bind::set_volume_phase(world, &volume, "Released", "").unwrap_or(volume)
            };
            reclaim::reclaim(world, &volume);
        }
        Verdict::Claim(claim) => {
            if mode(&claim) == mode(&volume) {
                return Some(meta::key(&claim));
            }
            let to_volume = format!(
                "Cannot bind PersistentVolume to requested PersistentVolumeClaim \"{}\" due to incompatible volumeMode.",
                meta::name(&claim)
            );
            events::warning(world, REPORTER, &volume, "VolumeMismatch", &to_volume);
            let to_claim = format!(
                "Cannot bind PersistentVolume \"{name}\" to requested PersistentVolumeClaim due to incompatible volumeMode."
            );
            events::warning(world, REPORTER, &claim, "VolumeMismatch", &to_claim);
        }
    }
    None
}

/// Brings the notes on drivers that took over a plugin's volumes up to date, and the finalizer of those that none did.
fn anneal(world: &mut World, volume: &Arc<Value>) -> Option<Arc<Value>> {
    let by = meta::annotation(volume, notes::PROVISIONED_BY)?.to_owned();
    let minor = world.options.minor;
    let driver = table::table().driver_of(&by, minor);
    let noted = meta::annotation(volume, notes::MIGRATED_TO);
    let deletes = text(volume, "/spec/persistentVolumeReclaimPolicy") == "Delete";
    let has = meta::finalizers(volume).contains(&IN_TREE_FINALIZER);
    // `HonorPVReclaimPolicy` is on by default since 1.31.
    let guarded = minor >= 31 && driver.is_none() && by.starts_with("kubernetes.io/");
    let wants = guarded && deletes;
    let rights = noted == driver && (has == wants || minor < 31 || !by.starts_with("kubernetes.io/"));
    if rights {
        return None;
    }
    bind::change(world, VOLUMES, volume, |volume| {
        match driver {
            Some(driver) => meta::set_annotation(volume, notes::MIGRATED_TO, driver),
            None => bind::drop_annotation(volume, notes::MIGRATED_TO),
        }
        if minor >= 31 && by.starts_with("kubernetes.io/") {
            if wants {
                meta::add_finalizer(volume, IN_TREE_FINALIZER);
            } else {
                meta::drop_finalizer(volume, IN_TREE_FINALIZER);
            }
        }
    })
}

//! The volume controller of the controller manager (`pkg/controller/volume/persistentvolume`): binds claims to volumes.
//!
//! Who is looked at when decides how long a migration waits, so it is kept exactly:
//!
//! - a claim's change looks at the claim, a volume's change at the volume only;
//! - a volume whose `claimRef` has the uid of a claim without `volumeName` has that claim looked at;
//! - a volume that is gone has its claim looked at, a claim that is gone the volume that it named;
//! - every 15 s (counted from the start of the cluster) everything is looked at. Here that is done only while it would
//!   change something, so that virtual time can leap.
//!
//! **The race.** When a claim names its volume and the controller has to write the volume's `claimRef`, the worker of
//! volumes hears of that write and sets the volume's phase at the same time as the worker of claims. One of them is told
//! of a conflict, and when it is the worker of claims (18 and 22 of 40 times on a real control plane), the claim stays
//! Pending until the next 15 s. Here the worker of claims always loses, except at the 15 s themselves: a rehearsal should
//! not promise what half of the runs do not keep.

mod bind;
mod claim;
mod matching;
mod reclaim;
mod volume;

use std::time::Duration;

use super::Controller;
use super::events::Reporter;
use super::volumes::{CLAIMS, CLASSES, PACE, VOLUMES, claim_ref, text};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

pub(crate) use bind::{change, point_at};
pub(crate) use matching::{find, reaches};

const REPORTER: Reporter<'static> = Reporter::controller("persistentvolume-controller");

/// Look whether the next resync has something to do; at its time, do it.
const RESYNC: &str = "resync";

pub(crate) struct Binder;

impl Controller for Binder {
    fn notice(&self, _world: &World, change: &Change) -> Vec<(Duration, String)> {
        let mut keys = Vec::new();
        let gone = change.kind == ChangeKind::Deleted;
        match &*change.resource {
            CLAIMS if gone => {
                let volume = text(&change.object, "/spec/volumeName");
                if !volume.is_empty() {
                    keys.push((PACE.bind, format!("volume {volume}")));
                }
            }
            CLAIMS => keys.push((PACE.bind, format!("claim {}", meta::key(&change.object)))),
            VOLUMES if gone => {
                if let Some(to) = claim_ref(&change.object) {
                    let claim = format!("claim {}/{}", text(to, "/namespace"), text(to, "/name"));
                    keys.push((PACE.bind, claim));
                }
            }
            VOLUMES => keys.push((PACE.bind, format!("volume {}", meta::name(&change.object)))),
            CLASSES => {}
            _ => return keys,
        }
        keys.push((PACE.bind * 2, RESYNC.to_owned()));
        keys
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        match key.split_once(' ') {
            Some(("claim", key)) => claim::sync(world, key, false),
            Some(("volume", name)) => {
                if let Some(claim) = volume::sync(world, name) {
                    claim::sync(world, &claim, false);
                }
            }
            _ => return resync(world),
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let claims = world.list(CLAIMS, None);
        let volumes = world.list(VOLUMES, None);
        let claims = claims.iter().map(|claim| format!("claim {}", meta::key(claim)));
        let volumes = volumes.iter().map(|volume| format!("volume {}", meta::name(volume)));
        claims.chain(volumes).chain([RESYNC.to_owned()]).collect()
    }
}

/// Does the resync when it is time, else says how long it is until then, if it is going to change anything.
fn resync(world: &mut World) -> Option<Duration> {
    let since = world.now().since(world.options.start).as_nanos();
    let over = since % PACE.resync.as_nanos();
    let at_the_time = over == 0 && since > 0;
    let claims = world.list(CLAIMS, None);
    let volumes = world.list(VOLUMES, None);
    let waits = claims.iter().any(|claim| claim::waits(world, claim))
        || volumes.iter().any(|volume| volume::waits(world, volume));
    if !waits {
        return None;
    }
    if !at_the_time {
        let left = PACE.resync.as_nanos() - over;
        return Some(Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)));
    }
    for claim in claims {
        claim::sync(world, &meta::key(&claim), true);
    }
    for volume in volumes {
        if let Some(claim) = volume::sync(world, meta::name(&volume)) {
            claim::sync(world, &claim, true);
        }
    }
    None
}

#[cfg(test)]
mod tests;

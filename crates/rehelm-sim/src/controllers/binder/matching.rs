//! Which volume suits a claim (`index.go`, and `FindMatchingVolume` of component-helpers).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::controllers::read::{list, text};
use crate::controllers::scheduler::labels;
use crate::controllers::volumes::{VOLUMES, capacity, claim_ref, class, is_for, mode, modes, phase, requested};
use crate::meta;
use crate::world::World;

/// The volume that a claim without `volumeName` is to be bound to. Volumes are asked in groups of the same access modes,
/// those with the fewest first; the first group that has one decides.
pub(super) fn best(world: &World, claim: &Value, waits: bool) -> Option<Arc<Value>> {
    let volumes = world.list(VOLUMES, None);
    let wanted = modes(claim);
    let mut groups: BTreeMap<(usize, Vec<&str>), Vec<&Arc<Value>>> = BTreeMap::new();
    for volume in &volumes {
        let has = modes(volume);
        if wanted.iter().all(|mode| has.contains(mode)) {
            groups.entry((has.len(), has)).or_default().push(volume);
        }
    }
    let mut found = groups.values().filter_map(|group| {
        let group = group.iter().copied();
        find(claim, group, None, &BTreeSet::new(), waits)
    });
    found.next()
}

/// The smallest volume that suits; one that is meant for the claim is taken at once. With a `node`, the volume must be
/// reachable there; without one and with `waits`, only a volume that is meant for the claim will do.
pub(crate) fn find<'a>(
    claim: &Value,
    volumes: impl Iterator<Item = &'a Arc<Value>>,
    node: Option<&Value>,
    taken: &BTreeSet<String>,
    waits: bool,
) -> Option<Arc<Value>> {
    let size = requested(claim);
    let mut smallest: Option<&Arc<Value>> = None;
    for volume in volumes {
        let meant = is_for(volume, claim);
        let fits = capacity(volume) >= size
            && mode(volume) == mode(claim)
            && attributes_class(volume) == attributes_class(claim)
            && !meta::is_terminating(volume)
            && (meant || claim_ref(volume).is_none())
            && !taken.contains(meta::name(volume));
        if !fits {
            continue;
        }
        let reachable = node.is_none_or(|node| reaches(volume, node));
        if meant {
            return reachable.then(|| volume.clone());
        }
        if node.is_none() && waits || phase(volume) != "Available" || class(volume) != class(claim) || !reachable {
            continue;
        }
        let selector = claim.pointer("/spec/selector").filter(|selector| !selector.is_null());
        if selector.is_some() && !labels::selects(selector, volume) {
            continue;
        }
        if node.is_some() && !modes(claim).iter().all(|mode| modes(volume).contains(mode)) {
            continue;
        }
        if smallest.is_none_or(|least| capacity(least) > capacity(volume)) {
            smallest = Some(volume);
        }
    }
    smallest.cloned()
}

fn attributes_class(object: &Value) -> &str {
    text(object, "/spec/volumeAttributesClassName")
}

/// Whether a volume's node affinity lets it be used on a node.
pub(crate) fn reaches(volume: &Value, node: &Value) -> bool {
    let terms = list(volume, "/spec/nodeAffinity/required/nodeSelectorTerms");
    terms.is_empty() || terms.iter().any(|term| labels::term_matches(term, node))
}

/// Why a volume that a claim names cannot be its volume.
pub(super) fn mismatch(volume: &Value, claim: &Value) -> Option<String> {
    if meta::is_terminating(volume) {
        return Some(format!("the volume is marked for deletion \"{}\"", meta::name(volume)));
    }
    if capacity(volume) < requested(claim) {
        return Some("requested PV is too small".to_owned());
    }
    if class(volume) != class(claim) {
        return Some("storageClassName does not match".to_owned());
    }
    if attributes_class(volume) != attributes_class(claim) {
        return Some("volumeAttributesClassName does not match".to_owned());
    }
    if mode(volume) != mode(claim) {
        return Some("incompatible volumeMode".to_owned());
    }
    if !modes(claim).iter().all(|mode| modes(volume).contains(mode)) {
        return Some("incompatible accessMode".to_owned());
    }
    None
}

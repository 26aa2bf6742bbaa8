//! Steps about data: volumes and databases.

use super::DatabaseView;
use crate::inventory::{self, Claim, Observed};
use crate::profile::Profile;
use crate::steps::StepSpec;
use crate::steps::claims::{self, Claims, PlannedClaim};
use crate::steps::copy::{CopiedDatabase, Copy};
use crate::steps::rebind::{Handover, Rebind};
use crate::steps::retain::{KeptVolume, Retain};

/// Bound claims that go to the release's namespace.
pub fn moving_claims<'a>(observed: &'a Observed, profile: &Profile) -> Vec<&'a Claim> {
    let names = inventory::moving_claims(observed, profile);
    observed
        .claims
        .iter()
        .filter(|c| names.contains(c.name()) && c.volume.is_some())
        .collect()
}

pub(super) fn retain(moving: &[&Claim]) -> Option<StepSpec> {
    let volumes: Vec<KeptVolume> = moving
        .iter()
        .filter_map(|c| Some((c, c.volume.as_ref()?)))
        .map(|(claim, volume)| KeptVolume {
            volume: volume.name().to_owned(),
            uid: volume.uid().to_owned(),
            claim: claim.name().to_owned(),
            policy: volume
                .str("/spec/persistentVolumeReclaimPolicy")
                .unwrap_or("Retain")
                .to_owned(),
        })
        .collect();
    (!volumes.is_empty()).then_some(StepSpec::Retain(Retain { volumes }))
}

pub(super) fn waiting_claims(observed: &Observed, moving: &[&Claim]) -> Option<StepSpec> {
    let claims: Vec<PlannedClaim> = moving
        .iter()
        .map(|c| {
            let rendered = observed.counterpart(&c.claim);
            let claim = claims::manifest(&c.claim, rendered, &observed.places.target, &observed.places.release);
            PlannedClaim { manifest: claim.0 }
        })
        .collect();
    (!claims.is_empty()).then_some(StepSpec::Claims(Claims { claims }))
}

pub(super) fn copy(profile: &Profile, databases: &DatabaseView) -> Option<StepSpec> {
    let databases: Vec<CopiedDatabase> = profile
        .databases
        .renames
        .iter()
        .map(|r| CopiedDatabase {
            from: r.from.clone(),
            to: r.to.clone(),
            secret: r.secret.clone(),
            key: r.key.clone(),
            bytes: databases.sizes.get(&r.from).copied().unwrap_or(0),
            roles: r.roles.clone(),
        })
        .collect();
    (!databases.is_empty()).then_some(StepSpec::Copy(Copy { databases }))
}

pub(super) fn rebind(observed: &Observed, moving: &[&Claim]) -> Option<StepSpec> {
    let volumes: Vec<Handover> = moving
        .iter()
        .filter_map(|c| Some((c, c.volume.as_ref()?)))
        .map(|(claim, volume)| {
            let from = claim.claim.reference();
            Handover {
                volume: volume.name().to_owned(),
                volume_uid: volume.uid().to_owned(),
                to: from.in_namespace(&observed.places.target),
                from,
                from_uid: claim.claim.uid().to_owned(),
            }
        })
        .collect();
    (!volumes.is_empty()).then_some(StepSpec::Rebind(Rebind { volumes }))
}

//! Claims that move: bound, and such that the release's claim, the chart's claim and the volume fit together.

use serde_json::Value;

use super::at::{At, Report, list, some};
use crate::finding::Finding;
use crate::inventory::{Claim, claim_class};
use crate::object::Object;
use crate::pods;
use crate::quantity;
use crate::server;
use crate::steps::claims::manifest;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let all: Vec<&Claim> = at.moving().collect();
    let unbound = all.iter().filter_map(|c| {
        let phase = c.claim.str("/status/phase").unwrap_or("Bound");
        (c.volume.is_none() || phase != "Bound").then(|| {
            Finding::error("claim-unbound", subject(c)).arg("phase", if c.volume.is_none() { "Pending" } else { phase })
        })
    });
    report.check("claim-unbound", "claims", all.len(), unbound);
    each(&all, report, "claim-fields", |c, _| fields(at, c));
    each(&all, report, "claim-class", |c, v| class(at, c, v));
    each(&all, report, "claim-access-modes", |c, v| access_modes(at, c, v));
    each(&all, report, "claim-volume-mode", |c, v| volume_mode(at, c, v));
    each(&all, report, "claim-size", |c, v| size(at, c, v));
    in_release(at, report);
}

fn each(all: &[&Claim], report: &mut Report, code: &str, check: impl Fn(&Claim, &Object) -> Option<Finding>) {
    let found = all.iter().filter_map(|c| check(c, c.volume.as_ref()?));
    report.check(code, "claims", all.len(), found);
}

fn subject(claim: &Claim) -> String {
    claim.claim.reference().to_string()
}

/// The claim as rehelm makes it in the release's namespace.
fn planned(at: &At<'_>, claim: &Claim) -> Object {
    let rendered = at.observed.counterpart(&claim.claim);
    manifest(&claim.claim, rendered, at.target(), &at.observed.places.release)
}

/// Helm patches the waiting claim with the chart's: nobody may change these fields.
fn fields(at: &At<'_>, claim: &Claim) -> Option<Finding> {
    let rendered = at.observed.counterpart(&claim.claim)?;
    let fields = server::immutable_differences(&planned(at, claim), rendered);
    (!fields.is_empty()).then(|| Finding::error("claim-fields", subject(claim)).arg("fields", some(fields)))
}

fn class(at: &At<'_>, claim: &Claim, volume: &Object) -> Option<Finding> {
    let planned = planned(at, claim);
    let (want, have) = (claim_class(&planned), claim_class(volume));
    (want != have).then(|| {
        Finding::error("claim-class", subject(claim))
            .arg("claim", want)
            .arg("volume", have)
            .arg("today", claim.class())
    })
}

fn access_modes(at: &At<'_>, claim: &Claim, volume: &Object) -> Option<Finding> {
    let modes = |o: &Object| -> Vec<String> {
        let all = o
            .get("/spec/accessModes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        all.filter_map(|m| m.as_str().map(str::to_owned)).collect()
    };
    let (want, have) = (modes(&planned(at, claim)), modes(volume));
    (!want.iter().all(|m| have.contains(m))).then(|| {
        Finding::error("claim-access-modes", subject(claim))
            .arg("claim", want.join(", "))
            .arg("volume", have.join(", "))
    })
}

fn volume_mode(at: &At<'_>, claim: &Claim, volume: &Object) -> Option<Finding> {
    let planned = planned(at, claim);
    let mode = |o: &Object| o.str("/spec/volumeMode").unwrap_or("Filesystem").to_owned();
    let (want, have) = (mode(&planned), mode(volume));
    (want != have).then(|| {
        Finding::error("claim-volume-mode", subject(claim))
            .arg("claim", want)
            .arg("volume", have)
    })
}

fn size(at: &At<'_>, claim: &Claim, volume: &Object) -> Option<Finding> {
    let planned = planned(at, claim);
    let (asked, there) = (
        planned.get("/spec/resources/requests/storage")?,
        volume.get("/spec/capacity/storage")?,
    );
    (quantity::of(asked)? > quantity::of(there)?).then(|| {
        Finding::error("claim-size", subject(claim))
            .arg("claim", asked.as_str().unwrap_or_default())
            .arg("volume", there.as_str().unwrap_or_default())
    })
}

/// Claims that the release's pods mount: rendered, moved, or there already.
fn in_release(at: &At<'_>, report: &mut Report) {
    let there = |name: &str| {
        at.moves(name)
            || at.rendered("PersistentVolumeClaim").any(|o| o.name() == name)
            || at.input.around.target_claims.iter().any(|o| o.name() == name)
    };
    let mut count = 0;
    let mut found = Vec::new();
    for (workload, spec) in at.rendered_pods() {
        let own: Vec<&str> = list(&workload.0["spec"], "volumeClaimTemplates")
            .filter_map(|t| t.pointer("/metadata/name")?.as_str())
            .collect();
        for name in pods::claims(spec) {
            count += 1;
            if !there(&name) && !own.contains(&name.as_str()) {
                found.push(
                    Finding::error("claim-missing-in-release", workload.reference().to_string()).arg("claim", name),
                );
            }
        }
    }
    report.check("claim-missing-in-release", "claims", count, found);
}

//! What an earlier attempt, by hand or by rehelm, left behind.

use serde_json::Value;

use super::at::{At, Report, some};
use crate::finding::Finding;
use crate::gather;
use crate::object::Object;
use crate::steps::retain::volume_ref;

/// Everything that rehelm writes on objects begins so.
const OURS: &str = "rehelm.dev/";

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let places = &at.observed.places;
    let subject = format!("{}/{}", places.target, places.release);
    let release = at.observed.release.as_ref().map(|r| {
        let finding = Finding::error("release-left", subject.clone()).arg("status", &r.status);
        finding.arg("revision", r.revision).arg("chart", &r.chart)
    });
    report.one("release-left", &subject, release);
    objects(at, report);
    claims(at, report);
    secrets(at, report);
    volumes(at, report);
    marks(at, report);
}

/// Objects of the release that are there although the release is not: Helm adopts them as they are.
fn objects(at: &At<'_>, report: &mut Report) {
    let places = &at.observed.places;
    let left = |o: &&Object| {
        o.namespace() == Some(at.target())
            && o.kind() != "PersistentVolumeClaim"
            && at.observed.live(&o.reference()).is_some_and(|live| {
                live.annotation("meta.helm.sh/release-name") == Some(&places.release)
                    && live.annotation("meta.helm.sh/release-namespace") == Some(&places.target)
            })
            && !at
                .observed
                .converted
                .iter()
                .any(|c| c.reference().key() == o.reference().key())
    };
    let rendered = &at.observed.rendered;
    let found: Vec<String> = match at.observed.release {
        Some(_) => Vec::new(),
        None => rendered
            .iter()
            .filter(left)
            .map(|o| o.reference().to_string())
            .collect(),
    };
    let finding = (!found.is_empty()).then(|| {
        Finding::warning("object-left", at.target())
            .arg("count", found.len())
            .arg("objects", some(&found))
    });
    report.check("object-left", at.target(), rendered.len(), finding);
}

fn claims(at: &At<'_>, report: &mut Report) {
    let all = &at.input.around.target_claims;
    let found = all.iter().filter(|c| at.moves(c.name())).map(|c| {
        let bound = c.str("/status/phase") == Some("Bound");
        let ours = marked(c)
            || !bound
                && at.observed.claims.iter().any(|old| {
                    old.name() == c.name() && old.claim.str("/spec/volumeName") == c.str("/spec/volumeName")
                });
        let new = match (bound, ours) {
            (true, _) => Finding::error,
            // One that waits for the very volume is what a preparation makes.
            (false, true) => Finding::info,
            (false, false) => Finding::warning,
        };
        new("claim-left".to_owned(), c.reference().to_string())
            .arg("phase", c.str("/status/phase").unwrap_or("Pending"))
            .arg("volume", c.str("/spec/volumeName").unwrap_or_default())
    });
    report.check("claim-left", at.target(), all.len(), found);
}

/// Secrets that are there already with other content than the old install's.
fn secrets(at: &At<'_>, report: &mut Report) {
    let found = at.observed.converted.iter().filter_map(|carried| {
        let there = at.observed.target_secrets.iter().find(|s| s.name() == carried.name())?;
        (gather::chart_data(there) != gather::chart_data(carried))
            .then(|| Finding::error("secret-left", there.reference().to_string()))
    });
    report.check("secret-left", at.target(), at.observed.converted.len(), found);
}

/// Volumes that remember a claim of the release's namespace, and orphans that carry rehelm's notes.
fn volumes(at: &At<'_>, report: &mut Report) {
    let all = &at.observed.volumes;
    let found = all.iter().filter_map(|v| {
        let held_by = v.str("/spec/claimRef/namespace") == Some(at.target());
        let of_moving = v.str("/spec/claimRef/name").is_some_and(|name| at.moves(name));
        let orphan = matches!(v.str("/status/phase"), Some("Released" | "Failed" | "Available"));
        ((held_by && of_moving) || (orphan && marked(v))).then(|| {
            Finding::warning("volume-left", volume_ref(v.name()).to_string())
                .arg("phase", v.str("/status/phase").unwrap_or_default())
                .arg("claim", v.str("/spec/claimRef/name").unwrap_or_default())
        })
    });
    report.check("volume-left", "volumes", all.len(), found);
}

/// Objects of the old install with rehelm's notes: a run was begun and neither finished nor rolled back.
fn marks(at: &At<'_>, report: &mut Report) {
    let volumes = at.moving().filter_map(|c| c.volume.as_ref());
    let noted: Vec<String> = at
        .live()
        .chain(volumes)
        .filter(|o| marked(o))
        .map(|o| o.reference().to_string())
        .collect();
    let finding = (!noted.is_empty()).then(|| {
        Finding::info("mark-left", at.source())
            .arg("count", noted.len())
            .arg("objects", some(&noted))
    });
    report.check("mark-left", at.source(), at.live().count(), finding);
}

fn marked(object: &Object) -> bool {
    let notes = object.get("/metadata/annotations").and_then(Value::as_object);
    notes.is_some_and(|map| map.keys().any(|k| k.starts_with(OURS)))
}

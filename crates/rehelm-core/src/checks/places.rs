//! Names and namespaces, and what only a person can confirm.

use super::at::{At, Report};
use crate::finding::Finding;
use crate::object::Object;

/// Helm keeps releases in secrets whose names must stay below 64 characters.
const LONGEST_RELEASE: usize = 53;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let wanted = &at.profile.about.confirmations;
    let open = wanted.iter().filter(|id| !at.input.confirmed.contains(id));
    let found = open.map(|id| Finding::error("not-confirmed", id));
    report.check("not-confirmed", "confirmations", wanted.len(), found);

    let release = &at.observed.places.release;
    let sound = is_dns_name(release) && release.len() <= LONGEST_RELEASE;
    let finding = || Finding::error("release-name", release).arg("longest", LONGEST_RELEASE);
    report.one("release-name", release, (!sound).then(finding));

    let same = at.source() == at.target();
    report.one(
        "same-namespace",
        at.target(),
        same.then(|| Finding::error("same-namespace", at.target())),
    );

    let around = &at.input.around;
    let state = |name: &str, namespace: Option<&Object>, must_exist: bool| {
        let why = match namespace {
            None if must_exist => "missing",
            Some(ns) if ns.is_terminating() || ns.str("/status/phase") == Some("Terminating") => "terminating",
            _ => return None,
        };
        Some(Finding::error("namespace-state", name).arg("state", why))
    };
    let found = [
        state(at.source(), around.source_namespace.as_ref(), true),
        state(at.target(), around.target_namespace.as_ref(), false),
    ];
    report.check("namespace-state", "namespaces", 2, found.into_iter().flatten());

    let level = around
        .target_namespace
        .as_ref()
        .and_then(|ns| ns.label("pod-security.kubernetes.io/enforce"))
        .filter(|level| *level != "privileged");
    let finding = level.map(|level| Finding::warning("pod-security", at.target()).arg("level", level));
    report.one("pod-security", at.target(), finding);
}

fn is_dns_name(text: &str) -> bool {
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !p.starts_with('-')
            && !p.ends_with('-')
    };
    !text.is_empty() && text.split('.').all(part)
}

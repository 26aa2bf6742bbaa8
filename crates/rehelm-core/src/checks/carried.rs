//! Secrets that are carried over against those that the chart writes. No finding holds a content.

use std::collections::BTreeSet;

use base64::Engine as _;
use serde_json::Value;

use super::at::{At, Report, some};
use crate::constraint::version;
use crate::finding::Finding;
use crate::gather;
use crate::object::Object;

/// Texts from this length on, of letters and digits only, are taken for invented ones.
const RANDOM_LENGTH: usize = 16;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    overwritten(at, report);
    invented(at, report);
    newer(at, report);
    types(at, report);
}

/// The chart would write other content over what was carried.
fn overwritten(at: &At<'_>, report: &mut Report) {
    let observed = at.observed;
    let found = gather::overwritten(&observed.rendered, &observed.converted)
        .into_iter()
        .map(|(secret, key)| {
            let rules = &at.profile.values.from_secrets;
            let rule = rules.iter().find(|r| r.secret == secret && r.key == key);
            Finding::error("secret-overwritten", format!("Secret/{}/{secret}", at.target()))
                .arg("secret", &secret)
                .arg("key", key)
                .arg("value", rule.map_or("unknown", |r| r.value.as_str()))
        });
    report.check("secret-overwritten", "secrets", observed.converted.len(), found);
}

/// Secrets that the release makes itself: clients that know today's content would break.
fn invented(at: &At<'_>, report: &mut Report) {
    let observed = at.observed;
    let own: Vec<&Object> = at
        .rendered("Secret")
        .filter(|s| s.annotation("helm.sh/hook").is_none())
        .filter(|s| {
            !observed
                .converted
                .iter()
                .any(|c| c.reference().key() == s.reference().key())
        })
        .filter(|s| !at.profile.secrets.not_carried.contains_key(s.name()))
        .collect();
    let found = own.iter().filter_map(|secret| {
        let data = gather::chart_data(secret);
        let before = observed
            .secrets
            .iter()
            .find(|s| s.name() == secret.name())
            .map(gather::chart_data);
        let keys: BTreeSet<&String> = match &before {
            Some(before) => data
                .iter()
                .filter(|(k, v)| before.get(*k).is_some_and(|b| b != *v))
                .map(|(k, _)| k)
                .collect(),
            None => data.iter().filter(|(_, v)| looks_random(v)).map(|(k, _)| k).collect(),
        };
        (!keys.is_empty()).then(|| {
            Finding::warning("secret-invented", secret.reference().to_string())
                .arg("keys", some(keys))
                .arg("before", if before.is_some() { "yes" } else { "no" })
        })
    });
    report.check("secret-invented", "secrets", own.len(), found);
}

fn looks_random(base64: &str) -> bool {
    let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(base64) else {
        return false;
    };
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    bytes.len() >= RANDOM_LENGTH
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && (digits > 0 || bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase))
}

/// Secrets that exist since a version that this chart has reached, and that today's install lacks.
fn newer(at: &At<'_>, report: &mut Report) {
    let chart = version(&at.observed.chart.version);
    let rules: Vec<_> = at.profile.secrets.rules().filter(|r| r.entry.since.is_some()).collect();
    let found = rules.iter().filter_map(|rule| {
        let since = rule.entry.since.as_deref()?;
        let reached = chart
            .as_ref()
            .zip(version(since))
            .is_some_and(|(chart, since)| *chart >= since);
        let there = at.observed.secrets.iter().any(|s| s.name() == rule.name);
        (reached && !there).then(|| {
            Finding::warning("secret-newer", format!("Secret/{}/{}", at.source(), rule.name)).arg("since", since)
        })
    });
    report.check("secret-newer", "secrets", rules.len(), found);
}

/// A secret's type cannot be changed: Helm's patch of a carried secret would be refused.
fn types(at: &At<'_>, report: &mut Report) {
    let kind = |o: &Object| o.get("/type").and_then(Value::as_str).unwrap_or("Opaque").to_owned();
    let found = at.observed.converted.iter().filter_map(|carried| {
        let chart = at.observed.rendered(&carried.reference().key())?;
        (kind(carried) != kind(chart)).then(|| {
            Finding::error("secret-type", carried.reference().to_string())
                .arg("have", kind(carried))
                .arg("want", kind(chart))
        })
    });
    report.check("secret-type", "secrets", at.observed.converted.len(), found);
}

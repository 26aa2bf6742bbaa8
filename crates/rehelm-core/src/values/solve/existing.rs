//! Secrets that are there already: the chart is told their names, where it takes one, instead of rendering others.
//!
//! A rendered secret needs its content in a values file, and an install writes it over the one that is there. So where today's
//! objects read a secret in the place in which the chart's read one that it renders, the value that makes that one go away gets
//! the name of today's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::choose::Wisher;
use super::names::Names;
use super::ways::Put;
use super::{Kept, Search, differing};
use crate::object::ObjRef;
use crate::values::field::FieldPath;
use crate::values::map::How;
use crate::values::path::ValuePath;
use crate::values::render::{RenderError, Rendered};
use crate::values::sides::{Sides, sides};
use crate::values::solve::analogy::learned_name;
use crate::values::solve::ways::starred;

/// A secret that the chart does not render, because it is told which one to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The value that tells it.
    pub path: ValuePath,
    /// The name that it is told.
    pub name: String,
    /// What it would render.
    pub instead_of: ObjRef,
}

/// Ends of paths under which the name of a secret stands.
const NAMES: [&str; 5] = [
    "secretName",
    "secretKeyRef.name",
    "secretRef.name",
    "imagePullSecrets.*.name",
    "credentialName",
];

/// Tries each; keeps what takes the rendered secret away and makes nothing else differ.
pub(super) async fn existing(
    search: &mut Search<'_>,
    mut now: Sides,
    mut rendered: Vec<Rendered>,
    names: &Names,
) -> Result<(Sides, Vec<Rendered>, Vec<Existing>), RenderError> {
    let mut found = Vec::new();
    for (existing, because) in candidates(search, &now, names, &rendered) {
        let mut kept = search.kept.clone();
        kept.push(Kept {
            path: existing.path.clone(),
            put: Put::Set(json!(existing.name)),
            because,
        });
        search.renders += 1;
        let next = match search.renderer.render(&search.values(&kept), 0).await {
            Ok(next) => next,
            Err(RenderError::Refused(_)) => continue,
            Err(broken) => return Err(broken),
        };
        let after = sides(search.problem.today, &next, search.problem.renames);
        let gone = !after
            .only_chart()
            .any(|made| made.object.reference() == existing.instead_of);
        let missing = after.only_today().count() > now.only_today().count();
        // Where today has the old name of a secret that is called otherwise now, the field differs before and after.
        if gone && !missing && differing(&after).is_subset(&differing(&now)) {
            search.kept = kept;
            (now, rendered) = (after, next);
            found.push(existing);
        }
    }
    Ok((now, rendered, found))
}

fn candidates(search: &Search<'_>, now: &Sides, names: &Names, rendered: &[Rendered]) -> Vec<(Existing, Vec<Wisher>)> {
    let learned = names.of(rendered);
    let values = super::overlay(&search.problem.map.values, &search.values(&search.kept));
    let mut out = Vec::new();
    let secrets = now
        .only_chart()
        .filter(|made| made.object.kind() == "Secret" && !made.hook);
    for made in secrets {
        let reference = made.object.reference();
        let (read, because) = read_today(search, now, &reference.name);
        let [name] = &read.into_iter().collect::<Vec<_>>()[..] else {
            continue;
        };
        let reaching = search.index.object(&learned_name(&learned, &reference)).iter();
        let empty = |value: &Value| value.is_null() || value == "";
        let named = reaching.filter(|(entry, reach)| {
            let is_switch = match &reach.how {
                How::Presence { when } => empty(when),
                How::Absence { when } => when.is_string() && !empty(when),
                _ => false,
            };
            let key = entry.path.last_key().unwrap_or_default().to_lowercase();
            reach.field.0.is_empty() && is_switch && empty(&entry.default) && key.contains("secret")
        });
        let put = Put::Set(json!(name));
        out.extend(
            named
                .filter(|(entry, _)| search.may(&entry.path, &put, &values))
                .map(|(entry, _)| {
                    let existing = Existing {
                        path: entry.path.clone(),
                        name: name.clone(),
                        instead_of: reference.clone(),
                    };
                    (existing, because.clone())
                }),
        );
    }
    out
}

/// Names that today's objects read where the chart's read this secret, as they are called in the new place.
fn read_today(search: &Search<'_>, now: &Sides, secret: &str) -> (BTreeSet<String>, Vec<Wisher>) {
    let (mut names, mut because) = (BTreeSet::new(), Vec::new());
    for (_, made, compared) in now.pairs() {
        let equal = compared
            .equal
            .iter()
            .map(|(field, value)| (field, Some(value), Some(value)));
        let different = compared.differences.iter();
        let different = different.map(|d| (&d.field, d.today.as_ref(), d.chart.as_ref()));
        for (field, today, chart) in equal.chain(different) {
            if chart.and_then(Value::as_str) != Some(secret) || !names_a_secret(field) {
                continue;
            }
            let Some(today) = today.and_then(Value::as_str) else {
                continue;
            };
            let renamed = search.problem.renames.get(&format!("Secret/{today}"));
            names.insert(renamed.cloned().unwrap_or_else(|| today.to_owned()));
            because.push(Wisher {
                object: made.object.reference(),
                field: field.clone(),
            });
        }
    }
    (names, because)
}

fn names_a_secret(field: &FieldPath) -> bool {
    let path = starred(field);
    NAMES
        .iter()
        .any(|end| path == *end || path.ends_with(&format!(".{end}")))
}

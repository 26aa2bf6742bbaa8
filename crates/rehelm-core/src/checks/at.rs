//! What every check looks at, and where it puts what it finds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::CheckInput;
use crate::finding::Finding;
use crate::gather::Gathered;
use crate::inventory::{self, Claim, Observed};
use crate::object::{ObjKey, Object};
use crate::plan::{Entry, Verdict};
use crate::pods;
use crate::profile::{Profile, ValuesFields};
use crate::server;

/// The observation, joined.
pub(crate) struct At<'a> {
    pub observed: &'a Observed,
    pub entries: &'a [Entry],
    pub profile: &'a Profile,
    pub input: &'a CheckInput,
    moving: BTreeSet<String>,
    verdicts: BTreeMap<ObjKey, Verdict>,
}

/// A declared object, as it is today and as the release will have it.
pub(crate) struct Pair<'a> {
    /// As built by Kustomize.
    pub declared: &'a Object,
    /// As it lives, else as declared.
    pub today: &'a Object,
    /// As rendered by the chart.
    pub rendered: Option<&'a Object>,
}

impl<'a> At<'a> {
    pub fn new(gathered: &'a Gathered, entries: &'a [Entry], profile: &'a Profile, input: &'a CheckInput) -> Self {
        let observed = &gathered.observed;
        Self {
            observed,
            entries,
            profile,
            input,
            moving: inventory::moving_claims(observed, profile),
            verdicts: entries.iter().rev().map(|e| (e.object.key(), e.verdict)).collect(),
        }
    }

    pub fn source(&self) -> &'a str {
        &self.observed.places.source
    }

    pub fn target(&self) -> &'a str {
        &self.observed.places.target
    }

    /// Declared objects with both their sides.
    pub fn pairs(&self) -> impl Iterator<Item = Pair<'a>> {
        let observed = self.observed;
        observed.declared.iter().map(move |declared| Pair {
            declared,
            today: observed.live(&declared.reference()).unwrap_or(declared),
            rendered: observed.counterpart(declared),
        })
    }

    /// Declared workloads with both their sides.
    pub fn workloads(&self) -> impl Iterator<Item = Pair<'a>> {
        self.pairs().filter(|p| server::stop(p.declared).is_some())
    }

    /// Live objects that are declared.
    pub fn live(&self) -> impl Iterator<Item = &'a Object> {
        let observed = self.observed;
        observed.declared.iter().filter_map(|d| observed.live(&d.reference()))
    }

    /// Rendered objects of a kind.
    pub fn rendered(&self, kind: &'static str) -> impl Iterator<Item = &'a Object> {
        self.observed.rendered.iter().filter(move |o| o.kind() == kind)
    }

    /// Rendered workloads of the release's namespace with their pod specs, hooks included.
    pub fn rendered_pods(&self) -> impl Iterator<Item = (&'a Object, &'a Value)> {
        let target = self.target();
        self.observed
            .rendered
            .iter()
            .filter(move |o| o.namespace().is_none_or(|ns| ns == target))
            .filter_map(|o| Some((o, pods::pod_spec(o)?)))
    }

    /// Live claims that move.
    pub fn moving(&self) -> impl Iterator<Item = &'a Claim> {
        let observed = self.observed;
        observed.claims.iter().filter(|c| self.moving.contains(c.name()))
    }

    /// True for the name of a claim that moves.
    pub fn moves(&self, claim: &str) -> bool {
        self.moving.contains(claim)
    }

    /// What becomes of an object.
    pub fn verdict(&self, object: &Object) -> Option<Verdict> {
        self.verdicts.get(&object.reference().key()).copied()
    }

    /// A setting as it must be after the migration: databases have their new names, services their new namespace.
    pub fn moved(&self, setting: &str) -> String {
        let renames = &self.profile.databases.renames;
        if let Some(rename) = renames.iter().find(|r| r.from == setting) {
            return rename.to.clone();
        }
        let (old, new) = (format!(".{}.svc", self.source()), format!(".{}.svc", self.target()));
        setting.replace(&old, &new)
    }

    /// The key of a workload in the chart's values: from the profile, else its name in camelCase.
    pub fn values_key(&self, workload: &Object) -> String {
        let short = format!("{}/{}", workload.kind(), workload.name());
        self.profile
            .workloads
            .values_key
            .get(&short)
            .cloned()
            .unwrap_or_else(|| camel(workload.name()))
    }

    /// What the chart calls things below such a key.
    pub fn fields(&self) -> &ValuesFields {
        &self.profile.workloads.values_fields
    }
}

/// What was found, check by check.
#[derive(Default)]
pub(crate) struct Report(Vec<Finding>);

impl Report {
    /// Ends a check that looked at `count` things: what it found, or that it passed.
    pub fn check(&mut self, code: &str, subject: &str, count: usize, found: impl IntoIterator<Item = Finding>) {
        let before = self.0.len();
        self.0.extend(found);
        if self.0.len() == before {
            self.0.push(Finding::ok(code, subject).arg("count", count));
        }
    }

    /// Ends a check that has one thing to say, or passed.
    pub fn one(&mut self, code: &str, subject: &str, found: Option<Finding>) {
        self.check(code, subject, 1, found);
    }

    pub fn findings(self) -> Vec<Finding> {
        self.0
    }
}

/// `service-ai` → `serviceAi`.
fn camel(name: &str) -> String {
    let mut parts = name.split(['-', '.', '_']);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// Texts for one line: at most six of them, then how many more.
pub(crate) fn some(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let all: Vec<String> = texts.into_iter().map(|t| t.as_ref().to_owned()).collect();
    let shown = all.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
    match all.len() {
        n if n > 6 => format!("{shown}, … ({n})"),
        _ => shown,
    }
}

/// Containers of a pod spec, init containers first.
pub(crate) fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    list(spec, "initContainers").chain(list(spec, "containers"))
}

/// Items of a list field; none when it is absent or no list.
pub(crate) fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// A text field; empty when absent.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Containers that both sides have, by name.
pub(crate) fn container_pairs<'a>(today: &'a Object, rendered: &'a Object) -> Vec<(&'a Value, &'a Value)> {
    let (Some(today), Some(rendered)) = (pods::pod_spec(today), pods::pod_spec(rendered)) else {
        return Vec::new();
    };
    containers(today)
        .filter_map(|c| Some((c, containers(rendered).find(|r| text(r, "name") == text(c, "name"))?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_values_keys() {
        assert_eq!(camel("service-nlp-score-en"), "serviceNlpScoreEn");
        assert_eq!(camel("api"), "api");
        assert_eq!(camel("a--b"), "aB");
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(some(["a", "b"]), "a, b");
        assert_eq!(some(["1", "2", "3", "4", "5", "6", "7"]), "1, 2, 3, 4, 5, 6, … (7)");
    }
}

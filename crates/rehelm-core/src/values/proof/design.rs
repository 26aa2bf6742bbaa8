//! Differences that are meant: what makes the objects the release's own, and what follows from that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Grounds, Why, last_key};
use crate::object::Object;
use crate::values::compare::Difference;
use crate::values::field::{FieldPath, FieldStep};
use crate::values::map::{Place, ValueMap};
use crate::values::sides::{Made, Sides};
use crate::values::solve::index::{Name, name_of};

/// Labels by which installs mark what is theirs. Sources: the recommended labels of Kubernetes, Helm's best practices, and
/// what generators of both put on objects.
const MARKS: [&str; 14] = [
    "app",
    "app.kubernetes.io/",
    "chart",
    "component",
    "controller-tools.k8s.io",
    "helm.sh/",
    "heritage",
    "k8s-app",
    "kubernetes.io/cluster-service",
    "name",
    "release",
    "tier",
    "meta.helm.sh/",
    "addonmanager.kubernetes.io/",
];

/// What is known of the whole comparison.
pub(super) struct Design<'a> {
    /// Old name → new name of objects that are called otherwise.
    renamed: BTreeMap<String, String>,
    random: Vec<&'a Place>,
    derived: Vec<&'a Place>,
    /// Labels that a selector on the chart's side goes by.
    selected: BTreeSet<String>,
    moves: Option<(&'a str, &'a str)>,
}

impl<'a> Design<'a> {
    pub fn new(grounds: &'a Grounds<'a>, sides: &Sides, _names: &BTreeMap<Name, Name>) -> Self {
        let renamed = sides
            .pairs()
            .filter(|(today, made, _)| today.name() != made.object.name());
        let mut selected = BTreeSet::new();
        for made in &sides.chart {
            for place in ["/spec/selector/matchLabels", "/spec/selector"] {
                let map = made.object.get(place).and_then(Value::as_object);
                selected.extend(
                    map.into_iter()
                        .flatten()
                        .filter(|(_, v)| v.is_string())
                        .map(|(key, _)| key.clone()),
                );
            }
        }
        Self {
            renamed: renamed
                .map(|(a, b, _)| (a.name().to_owned(), b.object.name().to_owned()))
                .collect(),
            random: grounds.map.random.iter().collect(),
            derived: grounds.map.derived.iter().collect(),
            selected,
            moves: grounds.moves,
        }
    }

    /// Why a difference is meant; None when it is not.
    pub fn of(&self, name: &Name, today: &Object, made: &Made, difference: &Difference) -> Option<Why> {
        let field = &difference.field;
        let at = |places: &[&Place]| {
            places.iter().any(|p| {
                name_of(&p.object) == *name
                    && (p.field.is_above(field) || field.is_above(&p.field))
                    && !p.field.0.is_empty()
            })
        };
        if at(&self.derived) || is_checksum(field) {
            return Some(Why::Checksum);
        }
        if at(&self.random)
            || self
                .random
                .iter()
                .any(|p| p.field.0.is_empty() && name_of(&p.object) == *name)
        {
            return Some(Why::Random);
        }
        if self.is_mark(field, difference.today.is_none()) {
            return Some(Why::Label);
        }
        let (Some(old), Some(new)) = (
            difference.today.as_ref().and_then(Value::as_str),
            difference.chart.as_ref().and_then(Value::as_str),
        ) else {
            return None;
        };
        if self.is_renamed(old, new) {
            return Some(Why::Renamed);
        }
        if let Some((from, to)) = self.moves
            && from != to
            && moved(old, from, to) == new
        {
            return Some(Why::Moved);
        }
        // The item itself is called otherwise: the only container, under another name.
        let sole = last_key(field) == "name"
            && field
                .0
                .iter()
                .rev()
                .nth(1)
                .is_some_and(|step| matches!(step, FieldStep::Item { .. }));
        let _ = (today, made);
        (sole && is_container(field)).then_some(Why::Renamed)
    }

    fn is_renamed(&self, old: &str, new: &str) -> bool {
        self.renamed.get(old).is_some_and(|name| name == new)
            || self.renamed.iter().any(|(from, to)| {
                from.len() > 3 && old.contains(from.as_str()) && old.replace(from.as_str(), to) == new
            })
    }

    /// A label that belongs to the release. What a person put on beside those is no such.
    fn is_mark(&self, field: &FieldPath, absent_today: bool) -> bool {
        let keys: Vec<&str> = field
            .0
            .iter()
            .map(|step| match step {
                FieldStep::Key(key) => key.as_str(),
                _ => "*",
            })
            .collect();
        let key = keys.last().copied().unwrap_or_default();
        let marks = MARKS
            .iter()
            .any(|mark| key == *mark || (mark.ends_with('/') && key.starts_with(mark)));
        let selects = ["selector", "matchLabels", "labelSelector", "podSelector"];
        if keys.len() >= 2 && keys[..keys.len() - 1].iter().any(|k| selects.contains(k)) && keys.contains(&"spec") {
            return true;
        }
        match keys.len().checked_sub(2).map(|at| keys[at]) {
            Some("labels") => marks || absent_today || self.selected.contains(key),
            Some("annotations") => key.starts_with("helm.sh/") || key.starts_with("meta.helm.sh/"),
            _ => false,
        }
    }
}

/// A field that no value should be changed for: checksums, random contents, and what Helm writes about itself.
pub(crate) fn is_noise(map: &ValueMap, name: &Name, field: &FieldPath) -> bool {
    let named =
        |place: &Place| !place.field.0.is_empty() && place.field.is_above(field) && name_of(&place.object) == *name;
    is_checksum(field) || is_helms(field) || map.random.iter().chain(&map.derived).any(named)
}

/// Annotations and labels of the release itself.
pub(crate) fn is_helms(field: &FieldPath) -> bool {
    let above = field.0.len().checked_sub(2).map(|at| &field.0[at]);
    let map = matches!(above, Some(FieldStep::Key(key)) if key == "annotations" || key == "labels");
    map && (last_key(field).starts_with("helm.sh/") || last_key(field).starts_with("meta.helm.sh/"))
}

pub(crate) fn is_checksum(field: &FieldPath) -> bool {
    let annotation =
        field.0.len() >= 2 && matches!(&field.0[field.0.len() - 2], FieldStep::Key(key) if key == "annotations");
    let key = last_key(field);
    annotation && (key.starts_with("checksum/") || key.starts_with("checksum.") || key == "rollme")
}

fn is_container(field: &FieldPath) -> bool {
    let at = field.0.len().checked_sub(3).map(|at| &field.0[at]);
    matches!(at, Some(FieldStep::Key(key)) if key == "containers")
}

/// A text with the old namespace in addresses of services replaced.
fn moved(text: &str, from: &str, to: &str) -> String {
    text.replace(&format!(".{from}.svc"), &format!(".{to}.svc"))
        .replace(&format!("{from}/"), &format!("{to}/"))
        .replace(&format!("{from}-"), &format!("{to}-"))
}

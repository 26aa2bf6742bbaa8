//! Which object of the chart is which object of today.
//!
//! By group, kind and name first; then by what a profile says is renamed; then, among what is left of a kind, by likeness:
//! the same pods' images, the same name without the release's part. Namespaces never count, as the install moves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::object::Object;
use crate::pods;

/// Objects of both sides, brought together. Indices into the two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Today's object and the chart's.
    pub pairs: Vec<(usize, usize)>,
    /// Today's objects that the chart does not make.
    pub only_today: Vec<usize>,
    /// The chart's objects that today has not.
    pub only_chart: Vec<usize>,
}

/// Group, kind, name.
type Identity = (String, String, String);

fn identity(object: &Object) -> Identity {
    let reference = object.reference();
    (reference.group().to_owned(), reference.kind, reference.name)
}

/// Brings objects together. `renames` gives today's `Kind/name` and the chart's name, from a profile.
pub fn matched(today: &[Object], chart: &[Object], renames: &BTreeMap<String, String>) -> Matched {
    let mut by_identity: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
    for (at, object) in chart.iter().enumerate() {
        by_identity.entry(identity(object)).or_default().push(at);
    }
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut partner: Vec<Option<usize>> = vec![None; today.len()];
    for (at, object) in today.iter().enumerate() {
        let (group, kind, name) = identity(object);
        let renamed = renames.get(&format!("{kind}/{name}")).cloned();
        for name in [Some(name), renamed].into_iter().flatten() {
            let found = by_identity.get(&(group.clone(), kind.clone(), name));
            let free = found.into_iter().flatten().find(|b| !taken.contains(*b));
            if let Some(b) = free {
                partner[at] = Some(*b);
                taken.insert(*b);
                break;
            }
        }
    }
    alike(today, chart, &mut partner, &mut taken);
    let pairs: Vec<(usize, usize)> = partner
        .iter()
        .enumerate()
        .filter_map(|(a, b)| Some((a, (*b)?)))
        .collect();
    Matched {
        only_today: (0..today.len()).filter(|a| partner[*a].is_none()).collect(),
        only_chart: (0..chart.len()).filter(|b| !taken.contains(b)).collect(),
        pairs,
    }
}

/// Pairs what is left, best likeness first; nothing below a threshold.
fn alike(today: &[Object], chart: &[Object], partner: &mut [Option<usize>], taken: &mut BTreeSet<usize>) {
    let mut scored = Vec::new();
    for (a, object) in today.iter().enumerate().filter(|(a, _)| partner[*a].is_none()) {
        for (b, other) in chart.iter().enumerate().filter(|(b, _)| !taken.contains(b)) {
            let likeness = likeness(object, other);
            if likeness >= 60 {
                scored.push((likeness, a, b));
            }
        }
    }
    scored.sort_by_key(|(likeness, a, b)| (std::cmp::Reverse(*likeness), *a, *b));
    let rivals: Vec<(u32, usize, usize)> = scored.clone();
    for (score, a, b) in scored {
        if partner[a].is_some() || taken.contains(&b) {
            continue;
        }
        // Two that are equally alike are nobody's counterpart.
        let tie = rivals.iter().any(|(s, x, y)| {
            *s == score && ((*x == a && *y != b && !taken.contains(y)) || (*y == b && *x != a && partner[*x].is_none()))
        });
        if !tie {
            partner[a] = Some(b);
            taken.insert(b);
        }
    }
}

/// Of 100, how much two objects of different names look like the same one.
fn likeness(a: &Object, b: &Object) -> u32 {
    if a.reference().group() != b.reference().group() || a.kind() != b.kind() || a.kind() == "CustomResourceDefinition"
    {
        return 0;
    }
    let images = |object: &Object| -> BTreeSet<String> {
        let images = pods::pod_spec(object).map(pods::images).unwrap_or_default();
        images.iter().map(|image| repository(image)).collect()
    };
    let (ours, theirs) = (images(a), images(b));
    if !ours.is_empty() || !theirs.is_empty() {
        let both = ours.intersection(&theirs).count();
        let all = ours.union(&theirs).count();
        let share = u32::try_from(both * 100 / all.max(1)).unwrap_or(0);
        return share * 3 / 4 + names(a.name(), b.name()) / 4;
    }
    let role = |object: &Object| object.get("/roleRef/name").and_then(Value::as_str).map(str::to_owned);
    if let (Some(ours), Some(theirs)) = (role(a), role(b)) {
        return names(a.name(), b.name()).max(names(&ours, &theirs)).min(99);
    }
    names(a.name(), b.name())
}

/// The last part of an image's name.
fn repository(image: &str) -> String {
    let name = image
        .split('@')
        .next()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    name.split(':').next().unwrap_or_default().to_owned()
}

/// Share of the words that two names have in common.
fn names(a: &str, b: &str) -> u32 {
    let words = |name: &str| -> BTreeSet<String> {
        name.split(['-', ':', '.', '_'])
            .filter(|w| !w.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (a, b) = (words(a), words(b));
    let all = a.union(&b).count().max(1);
    u32::try_from(a.intersection(&b).count() * 100 / all).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str) -> Object {
        Object(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}))
    }

    fn deployment(name: &str, image: &str) -> Object {
        Object(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}),
        )
    }

    #[test]
    fn names_then_renames_then_likeness() {
        let today = [
            object("Secret", "old"),
            object("Service", "web"),
            deployment("dns", "r.io/a/dns:v1"),
            object("Service", "x"),
        ];
        let chart = [
            deployment("rel-external-dns", "q.io/b/dns:v2"),
            object("Service", "web"),
            object("Secret", "new"),
        ];
        let renames = BTreeMap::from([("Secret/old".to_owned(), "new".to_owned())]);
        let found = matched(&today, &chart, &renames);
        assert_eq!(found.pairs, [(0, 2), (1, 1), (2, 0)]);
        assert_eq!(found.only_today, [3]);
        assert!(found.only_chart.is_empty());
    }

    #[test]
    fn two_that_are_equally_alike_stay_alone() {
        let today = [object("Service", "a-web")];
        let chart = [object("Service", "a-web-one"), object("Service", "a-web-two")];
        assert!(matched(&today, &chart, &BTreeMap::new()).pairs.is_empty());
    }
}

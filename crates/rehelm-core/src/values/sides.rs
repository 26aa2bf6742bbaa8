//! Today's state against one render of the chart, all objects.

use std::collections::BTreeMap;

use super::compare::{Compared, compare, leaves};
use super::field::FieldPath;
use super::matching::{Matched, matched};
use super::normal::{default_of, normal};
use super::proof::design::{is_checksum, is_helms};
use super::render::Rendered;
use super::solve::ways::starred;
use crate::object::Object;

/// One object of the chart, in normal form.
#[derive(Clone, Debug)]
pub struct Made {
    /// The object.
    pub object: Object,
    /// The template that made it.
    pub source: String,
    /// True for a hook.
    pub hook: bool,
}

/// Both sides and what differs.
#[derive(Clone, Debug)]
pub struct Sides {
    /// Today's objects.
    pub today: Vec<Object>,
    /// The chart's.
    pub chart: Vec<Made>,
    /// Which is which.
    pub matched: Matched,
    /// For each pair, in the order of `matched.pairs`.
    pub compared: Vec<Compared>,
}

/// Counts of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Objects on both sides.
    pub objects: usize,
    /// Objects that are equal as a whole.
    pub equal_objects: usize,
    /// Fields of objects on both sides.
    pub fields: usize,
    /// Fields that are equal.
    pub equal: usize,
    /// Objects that only today has.
    pub only_today: usize,
    /// Objects that only the chart makes.
    pub only_chart: usize,
}

/// Definitions of kinds are no settings: they are left out on both sides.
pub fn is_definition(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition"
}

/// Compares everything. `renames` as in [`matched`].
pub fn sides(today: &[Object], rendered: &[Rendered], renames: &BTreeMap<String, String>) -> Sides {
    let today: Vec<Object> = today.iter().filter(|o| !is_definition(o)).cloned().collect();
    let chart: Vec<Made> = rendered
        .iter()
        .filter(|r| !is_definition(&r.object))
        .map(|r| Made {
            object: normal(&r.object, false),
            source: r.source.clone(),
            hook: !r.hooks.is_empty(),
        })
        .collect();
    let objects: Vec<Object> = chart.iter().map(|made| made.object.clone()).collect();
    let matched = matched(&today, &objects, renames);
    let compared = matched
        .pairs
        .iter()
        .map(|(a, b)| with_defaults(objects[*b].kind(), compare(&today[*a].0, &objects[*b].0)))
        .collect();
    Sides {
        today,
        chart,
        matched,
        compared,
    }
}

/// Where one side is silent in something that it has, the server's default is what it says.
fn with_defaults(kind: &str, mut compared: Compared) -> Compared {
    for difference in &mut compared.differences {
        let node = difference.field.parent().and_then(|above| compared.nodes.get(&above));
        let Some(node) = node else { continue };
        let default = || default_of(kind, &starred(&difference.field));
        if difference.today.is_none() && node.today.is_some() {
            difference.today = default();
        }
        if difference.chart.is_none() && node.chart.is_some() {
            difference.chart = default();
        }
    }
    compared
}

/// Differences that are not of the release's own making.
fn differing(compared: &Compared) -> usize {
    let own = |d: &&super::compare::Difference| d.today.is_none() && (is_checksum(&d.field) || is_helms(&d.field));
    compared.differences.iter().filter(|d| !own(d)).count()
}

impl Sides {
    /// Pairs with what was found: today's object, the chart's, the comparison.
    pub fn pairs(&self) -> impl Iterator<Item = (&Object, &Made, &Compared)> {
        let pairs = self.matched.pairs.iter().zip(&self.compared);
        pairs.map(|((a, b), compared)| (&self.today[*a], &self.chart[*b], compared))
    }

    /// Today's objects without a counterpart.
    pub fn only_today(&self) -> impl Iterator<Item = &Object> {
        self.matched.only_today.iter().map(|at| &self.today[*at])
    }

    /// The chart's objects without a counterpart.
    pub fn only_chart(&self) -> impl Iterator<Item = &Made> {
        self.matched.only_chart.iter().map(|at| &self.chart[*at])
    }

    /// Counts. What marks a release and nothing of today's state (checksums, Helm's own marks) is no field of it.
    pub fn totals(&self) -> Totals {
        let equal = self.compared.iter().map(|c| c.equal.len()).sum();
        let different: usize = self.compared.iter().map(differing).sum();
        Totals {
            objects: self.compared.len(),
            equal_objects: self.compared.iter().filter(|c| differing(c) == 0).count(),
            fields: equal + different,
            equal,
            only_today: self.matched.only_today.len(),
            only_chart: self.matched.only_chart.len(),
        }
    }

    /// How far the two sides are apart: the less the better. A missing object counts with all its fields, one too many as one.
    pub fn distance(&self) -> usize {
        let different: usize = self.compared.iter().map(differing).sum();
        let missing: usize = self
            .only_today()
            .map(|o| leaves(&FieldPath::default(), &o.0).len())
            .sum();
        let renamed = self.pairs().filter(|(a, b, _)| a.name() != b.object.name()).count();
        different + missing + renamed + self.matched.only_chart.len()
    }
}

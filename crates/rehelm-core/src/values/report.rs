//! Everything that a derivation found, as data: for `-o json`, and for the report that a person reads.

use serde::Serialize;
use serde_json::Value;

use super::map::ValueMap;
use super::outcome::looks_secret;
use super::path::ValuePath;
use super::proof::{Class, Residual, Why};
use super::sides::Totals;
use super::solve::Solution;
use super::solve::choose::Wisher;
use super::solve::index::{Index, name_of};
use super::solve::ways::Put;
use crate::finding::Finding;
use crate::object::ObjRef;

/// One value that was derived.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Derived {
    /// Which value.
    pub path: ValuePath,
    /// Its content; null when it is secret or takes a default away.
    pub content: Value,
    /// What the chart and the given values have.
    pub default: Value,
    /// The fields that are as today with it.
    pub because: Vec<Wisher>,
    /// True when its content is not shown.
    pub secret: bool,
}

/// An object that the chart adds to what runs today.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewObject {
    /// The object.
    pub object: ObjRef,
    /// True for a hook.
    pub hook: bool,
    /// Values that would leave it out.
    pub switches: Vec<ValuePath>,
}

/// Differences of one class and reason.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassCount {
    /// The class.
    pub class: Class,
    /// The reason.
    pub why: Why,
    /// How many leaves.
    pub count: usize,
    /// How many settings they belong to, as people count: all leaves of a toleration are one.
    pub settings: usize,
}

/// The whole.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `name version` of the chart.
    pub chart: String,
    /// Today's state against the chart with the given values.
    pub before: Totals,
    /// Against the chart with the derived values.
    pub after: Totals,
    /// Against that with the post-renderer over it, when there is one.
    pub with_post_renderer: Option<Totals>,
    /// Derived values, in the order in which they were found.
    pub values: Vec<Derived>,
    /// Values with more than one wish.
    pub conflicts: Vec<super::solve::choose::Conflict>,
    /// How many differences are of which class.
    pub classes: Vec<ClassCount>,
    /// Every difference that is left with the derived values.
    pub residuals: Vec<Residual>,
    /// Those that the post-renderer carries: indices into `residuals`.
    pub carried: Vec<usize>,
    /// Objects that the chart adds.
    pub new_objects: Vec<NewObject>,
    /// Warnings.
    pub findings: Vec<Finding>,
    /// Renders that the solution took, without those of the map.
    pub renders: usize,
}

/// Puts a report together. Contents that may be secrets are taken out of it.
pub fn report(map: &ValueMap, solution: &Solution, residuals: &[Residual], findings: Vec<Finding>) -> Report {
    let index = Index::new(map);
    let new_objects = solution.after.only_chart().map(|made| {
        let name = name_of(&made.object.reference());
        let name = solution.names.get(&name).unwrap_or(&name);
        NewObject {
            object: made.object.reference(),
            hook: made.hook,
            switches: index
                .switches(name)
                .iter()
                .map(|(entry, _)| entry.path.clone())
                .collect(),
        }
    });
    Report {
        chart: format!("{} {}", map.chart.name, map.chart.version),
        before: solution.before.totals(),
        after: solution.after.totals(),
        with_post_renderer: None,
        values: derived(map, solution),
        conflicts: solution.conflicts.iter().map(open_conflict).collect(),
        classes: super::proof::tally(residuals)
            .into_iter()
            .map(|((class, why), (count, settings))| ClassCount {
                class,
                why,
                count,
                settings,
            })
            .collect(),
        residuals: residuals.iter().map(open).collect(),
        carried: Vec::new(),
        new_objects: new_objects.collect(),
        findings,
        renders: solution.renders,
    }
}

fn derived(map: &ValueMap, solution: &Solution) -> Vec<Derived> {
    let mut out: Vec<Derived> = Vec::new();
    for kept in &solution.kept {
        let content = kept.path.get(&solution.values).cloned().unwrap_or(Value::Null);
        let from_secret = kept.because.iter().any(|by| by.object.kind == "Secret");
        let secret = looks_secret(&kept.path.to_string())
            || from_secret
            || matches!(&kept.put, Put::Append(item) if item.to_string().to_lowercase().contains("password"));
        let default = kept.path.get(&map.values).cloned().unwrap_or(Value::Null);
        let hide = |value: Value| if secret { Value::Null } else { value };
        match out.iter_mut().find(|d| d.path == kept.path) {
            Some(known) => known.because.extend(kept.because.iter().cloned()),
            None => out.push(Derived {
                path: kept.path.clone(),
                content: hide(content),
                default: hide(default),
                because: kept.because.clone(),
                secret,
            }),
        }
    }
    out
}

/// A residual without contents that may be secret.
pub fn open(residual: &Residual) -> Residual {
    let mut open = residual.clone();
    if open.object.kind == "Secret" || looks_secret(&open.field.to_string()) {
        for side in [&mut open.today, &mut open.chart] {
            if side.is_some() {
                *side = Some(Value::from("(hidden)"));
            }
        }
    }
    open
}

fn open_conflict(conflict: &super::solve::choose::Conflict) -> super::solve::choose::Conflict {
    let mut open = conflict.clone();
    let secret = looks_secret(&conflict.path.to_string());
    for (content, by) in &mut open.wishes {
        if secret || by.iter().any(|w| w.object.kind == "Secret") {
            *content = Value::from("(hidden)");
        }
    }
    open
}

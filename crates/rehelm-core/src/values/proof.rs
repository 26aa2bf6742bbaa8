//! Every difference that is left after the solution, with its class: nobody has to guess whether it matters.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::compare::Difference;
use super::field::{FieldPath, FieldStep};
use super::map::{How, ValueMap};
use super::path::ValuePath;
use super::setting::setting;
use super::sides::{Made, Sides};
use super::solve::Solution;
use super::solve::choose::Conflict;
use super::solve::index::{Index, Name, name_of};
use super::solve::layer::overlay;
use super::solve::ways::{Scene, ways};
use crate::object::{ObjRef, Object};

pub(crate) mod design;

/// Whether a difference is all right, and if not, who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The release is meant to be so: its own labels, checksums, names of renamed objects.
    ByDesign,
    /// No value of the chart reaches the field, or none can make it so. A post-renderer can carry it.
    ChartCannot,
    /// A value exists, and somebody has to decide.
    NeedsPerson,
    /// Nobody knows why it differs: a gap of this tool.
    Unknown,
}

/// Why, in one word; `rehelm-report` has the sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// A label or an annotation that belongs to the release, or a selector that goes by such.
    Label,
    /// A checksum over other objects.
    Checksum,
    /// Another content at each render.
    Random,
    /// The name of an object that is called otherwise now.
    Renamed,
    /// An address in the old namespace.
    Moved,
    /// The chart writes it itself, whatever the values are.
    Fixed,
    /// A value reaches the field, but cannot make it so.
    Form,
    /// Other fields want the same value to be something else.
    Conflict,
    /// What would make it so was tried; the chart refused it, or other fields became wrong.
    SideEffects,
    /// The content of a secret.
    Secret,
    /// A value that a person gave says otherwise.
    Given,
    /// No object of the chart, with any value.
    NoObject,
    /// The chart has such an object, but its switch could not be thrown.
    Switch,
    /// It belongs to the cluster or holds data, and stays.
    Stays,
    /// It was tried and had no effect.
    NoEffect,
    /// A value can make it so, and nobody has tried yet.
    Settable,
}

/// A difference that is left.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Residual {
    /// The object: the chart's, or today's where the chart has none.
    pub object: ObjRef,
    /// The field; empty for an object that only today has.
    pub field: FieldPath,
    /// Today's content.
    pub today: Option<Value>,
    /// The chart's.
    pub chart: Option<Value>,
    /// Its class.
    pub class: Class,
    /// Why.
    pub why: Why,
    /// The value that reaches it, where one does.
    pub value: Option<ValuePath>,
    /// True in a hook, which no post-renderer sees before Helm 3.21.
    pub hook: bool,
}

/// What the classification knows beside the solution.
pub struct Grounds<'a> {
    /// The map.
    pub map: &'a ValueMap,
    /// Values that a person gave.
    pub given: &'a Value,
    /// True after a solution was looked for; without one, ways that were not tried are left to a person.
    pub solved: bool,
    /// Old and new namespace, when the install moves.
    pub moves: Option<(&'a str, &'a str)>,
}

/// Classifies what differs in `sides`, which is the solution's own comparison or one after a post-renderer.
pub fn residuals(grounds: &Grounds<'_>, solution: &Solution, sides: &Sides) -> Vec<Residual> {
    let index = Index::new(grounds.map);
    let values = overlay(&grounds.map.values, &solution.values);
    let design = design::Design::new(grounds, sides, &solution.names);
    let mut out = Vec::new();
    for (today, made, compared) in sides.pairs() {
        let name = learned(&solution.names, made);
        let scene = Scene {
            index: &index,
            name: &name,
            values: &values,
            compared,
        };
        for difference in &compared.differences {
            let (class, why, value) = match design.of(&name, today, made, difference) {
                Some(why) => (Class::ByDesign, why, None),
                None => of_field(grounds, solution, &scene, made, difference),
            };
            out.push(Residual {
                object: made.object.reference(),
                field: difference.field.clone(),
                today: difference.today.clone(),
                chart: difference.chart.clone(),
                class,
                why,
                value,
                hook: made.hook,
            });
        }
    }
    let switched: BTreeSet<&Name> = index.names().filter(|name| !index.switches(name).is_empty()).collect();
    for object in sides.only_today() {
        let (class, why) = of_object(&switched, object);
        out.push(Residual {
            object: object.reference(),
            field: FieldPath::default(),
            today: None,
            chart: None,
            class,
            why,
            value: None,
            hook: false,
        });
    }
    out
}

fn learned(names: &BTreeMap<Name, Name>, made: &Made) -> Name {
    let name = name_of(&made.object.reference());
    names.get(&name).cloned().unwrap_or(name)
}

fn of_object(switched: &BTreeSet<&Name>, object: &Object) -> (Class, Why) {
    const STAY: [&str; 4] = [
        "Namespace",
        "PersistentVolume",
        "CustomResourceDefinition",
        "StorageClass",
    ];
    if STAY.contains(&object.kind()) {
        (Class::ByDesign, Why::Stays)
    } else if switched.contains(&name_of(&object.reference())) {
        (Class::NeedsPerson, Why::Switch)
    } else if object.kind() == "Secret" {
        (Class::NeedsPerson, Why::Secret)
    } else {
        (Class::ChartCannot, Why::NoObject)
    }
}

type Found = (Class, Why, Option<ValuePath>);

fn of_field(
    grounds: &Grounds<'_>,
    solution: &Solution,
    scene: &Scene<'_>,
    made: &Made,
    difference: &Difference,
) -> Found {
    let reference = made.object.reference();
    let reaching = scene.index.field(scene.name, &difference.field);
    let value = reaching.first().map(|(entry, _)| entry.path.clone());
    if reference.kind == "Secret" {
        return (Class::NeedsPerson, Why::Secret, value);
    }
    let wished = |conflict: &&Conflict| {
        let mut wishers = conflict.wishes.iter().skip(1).flat_map(|(_, by)| by);
        wishers.any(|by| by.object == reference && by.field == difference.field)
    };
    if let Some(conflict) = solution.conflicts.iter().find(wished) {
        return (Class::NeedsPerson, Why::Conflict, Some(conflict.path.clone()));
    }
    if let Some(removal) = solution.removals.iter().find(wished) {
        return (Class::ChartCannot, Why::Form, Some(removal.path.clone()));
    }
    if reaching.is_empty() {
        return (Class::ChartCannot, Why::Fixed, None);
    }
    let all = ways(scene, difference);
    if all.is_empty() {
        let understood = reaching.iter().any(|(_, reach)| !matches!(reach.how, How::Alters));
        return if understood && !reaching.iter().any(|(_, reach)| matches!(reach.how, How::Alters)) {
            (Class::ChartCannot, Why::Form, value)
        } else {
            (Class::NeedsPerson, Why::Form, value)
        };
    }
    let given = all
        .iter()
        .flat_map(|way| &way.puts)
        .find(|(path, _)| is_given(grounds.given, path));
    if let Some((path, _)) = given {
        return (Class::NeedsPerson, Why::Given, Some(path.clone()));
    }
    let tried = |(path, put): &(ValuePath, super::solve::ways::Put)| {
        solution.failed.iter().any(|(p, have)| p == path && have == put)
    };
    if all.iter().all(|way| way.puts.iter().any(tried)) {
        return (Class::NeedsPerson, Why::SideEffects, value);
    }
    if grounds.solved {
        (Class::Unknown, Why::NoEffect, value)
    } else {
        (Class::NeedsPerson, Why::Settable, value)
    }
}

/// True when a person's values say something about this value.
fn is_given(given: &Value, path: &ValuePath) -> bool {
    path.get(given)
        .is_some_and(|v| !v.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Name of the last key of a path; empty when it ends in an item.
pub(crate) fn last_key(field: &FieldPath) -> &str {
    match field.0.last() {
        Some(FieldStep::Key(key)) => key,
        _ => "",
    }
}

/// The path with `*` for items.
pub(crate) fn starred_key(field: &FieldPath) -> String {
    super::solve::ways::starred(field)
}

/// True for a class that means that something of today is not in the release.
pub fn is_gap(class: Class) -> bool {
    class != Class::ByDesign
}

type Setting<'a> = (&'a ObjRef, FieldPath);

/// By class and reason: how many leaves, and how many settings they belong to.
pub fn tally(residuals: &[Residual]) -> BTreeMap<(Class, Why), (usize, usize)> {
    let mut found: BTreeMap<(Class, Why), (usize, BTreeSet<Setting<'_>>)> = BTreeMap::new();
    for residual in residuals {
        let (count, settings) = found.entry((residual.class, residual.why)).or_default();
        *count += 1;
        settings.insert((&residual.object, setting(&residual.field)));
    }
    found
        .into_iter()
        .map(|(key, (count, settings))| (key, (count, settings.len())))
        .collect()
}

//! Learns what every value of a chart does, by rendering it with other values: as few renders as possible.
//!
//! 1. Render twice: what differs is random. Turn on what is off, so that everything there is can be seen.
//! 2. Texts and numbers become sentinels, all at once: where a sentinel turns up, its value reaches ([`sentinel`], [`judge`]).
//! 3. Switches, choices and empty values may make objects come and go, so they are tried in groups, each in two groups of its
//!    own: what changes in exactly these two is its doing ([`coded`]).
//! 4. Maps and lists get two entries or items of several shapes.
//! 5. What renames everything, what stayed unclear and what was not found is tried alone.
//!
//! A group that the chart refuses is halved until the value that it refuses is found ([`lab`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::chart::{ChartFiles, ChartTree, branches, leaves, merge};
use super::map::{Origin, ValueMap};
use super::path::ValuePath;
use super::render::{Phase, Progress, RenderError, Renderer};
use super::scan::{Usage, scan};
use crate::ports::ChartFacts;

mod choices;
mod coded;
mod diff;
mod facts;
mod finish;
mod hints;
mod judge;
mod lab;
mod leftovers;
mod normal;
mod notebook;
mod phases;
mod probes;
mod scene;
mod sentinel;
mod sight;

use lab::Lab;
use notebook::Notebook;
use probes::{Maker, Subject};
use scene::Scene;
use sentinel::Marks;

/// What is to be learned.
pub struct Asked<'a> {
    /// The chart's texts.
    pub files: &'a ChartFiles,
    /// The chart.
    pub chart: ChartFacts,
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Version of Helm.
    pub helm: String,
    /// What the task's values files say, which every render starts from.
    pub start: &'a Value,
}

/// Why nothing was learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearnError {
    /// The chart's files cannot be read.
    #[error("{0}")]
    Chart(String),
    /// The chart renders not even with the values that were given.
    #[error("{0}")]
    Refused(String),
    /// Rendering does not work at all.
    #[error("{0}")]
    Broken(String),
}

impl From<RenderError> for LearnError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Refused(words) => Self::Refused(words),
            RenderError::Broken(words) => Self::Broken(words),
        }
    }
}

/// Learns the map of a chart.
///
/// # Errors
/// See [`LearnError`]; a value that the chart refuses is none, but noted in the map.
pub async fn learn(renderer: &dyn Renderer, asked: Asked<'_>, progress: &dyn Progress) -> Result<ValueMap, LearnError> {
    let tree = asked.files.read().map_err(LearnError::Chart)?;
    let defaults = tree.defaults();
    let mut values = defaults.clone();
    merge(&mut values, asked.start);
    let usages = scan(&tree);
    let subjects = subjects(&tree, &values, &usages);

    let lab = Lab::new(renderer, progress, &values);
    lab.enter(Phase::Base);
    let (first, again) = futures::join!(lab.render(&[], 0), lab.render(&[], 1));
    let mut start = Scene::new(first?);
    start.learn_noise(&again?);
    let (switched_on, shown_on) = phases::switches(&lab, &tree, &subjects).await?;
    let on = match switched_on.is_empty() {
        true => None,
        false => {
            let mut on = Scene::new(shown_on);
            on.learn_noise(&lab.render(&switched_on, 1).await?);
            Some(on)
        }
    };

    let mut taken = start.numbers();
    taken.extend(on.iter().flat_map(Scene::numbers));
    let mut marks = Marks::default();
    let mut maker = Maker {
        marks: &mut marks,
        taken: &taken,
    };
    let probes: Vec<_> = subjects
        .iter()
        .enumerate()
        .flat_map(|(index, subject)| maker.probes(index, &shown(subject, &switched_on)))
        .collect();
    let subjects: Vec<Subject> = subjects.iter().map(|subject| shown(subject, &switched_on)).collect();
    let mut book = Notebook::new(&subjects, &probes, &marks, &usages);
    let stage = phases::Stage {
        lab: &lab,
        start: &start,
        on: on.as_ref(),
        switched_on: &switched_on,
    };
    lab.enter(Phase::Contents);
    stage.contents(&mut book).await?;
    lab.enter(Phase::Choices);
    stage.choices(&mut book).await?;
    lab.enter(Phase::Shapes);
    stage.shapes(&mut book).await?;
    lab.enter(Phase::Leftovers);
    stage.leftovers(&mut book).await?;
    stage.together(&mut book).await?;

    let scenes = [Some(&start), on.as_ref()];
    let random: BTreeSet<_> = scenes
        .iter()
        .flatten()
        .flat_map(|scene| scene.random.iter().cloned())
        .collect();
    Ok(ValueMap {
        entries: finish::entries(&book, &defaults),
        derived: book
            .derived
            .iter()
            .filter(|place| !random.contains(place))
            .cloned()
            .collect(),
        random: random.into_iter().collect(),
        chart: asked.chart,
        release: asked.release,
        namespace: asked.namespace,
        helm: asked.helm,
        values: values.clone(),
        switched_on: switched_on.into_iter().map(|(path, _)| path).collect(),
        renders: lab.renders(),
    })
}

/// A subject as it is once switches are on: that is what it is changed from.
fn shown(subject: &Subject, switched_on: &[(ValuePath, Value)]) -> Subject {
    let mut shown = subject.clone();
    if let Some((_, value)) = switched_on.iter().find(|(path, _)| *path == subject.path) {
        shown.default = value.clone();
    }
    shown
}

/// Everything to look for: leaves, maps and lists with content, and what only templates know of.
fn subjects(tree: &ChartTree, values: &Value, usages: &BTreeMap<ValuePath, Usage>) -> Vec<Subject> {
    let own: BTreeSet<ValuePath> = leaves(&tree.values).into_iter().map(|(path, _)| path).collect();
    let mut found: Vec<(ValuePath, Origin, Value)> = Vec::new();
    // A leaf of the file may be a map by now, by the values that were given.
    for path in &own {
        let value = path.get(values).cloned().unwrap_or_default();
        found.push((path.clone(), Origin::File, value));
    }
    for (path, value) in leaves(values) {
        if !own.contains(&path) {
            let above = own.iter().any(|leaf| leaf.is_above(&path));
            found.push((path, if above { Origin::Open } else { Origin::Subchart }, value));
        }
    }
    for (path, value) in branches(values) {
        if !own.contains(&path) {
            found.push((path, Origin::Open, value));
        }
    }
    // What is below a leaf that was given content belongs to that leaf.
    found.retain(|(path, origin, _)| {
        *origin != Origin::Open || !own.iter().any(|leaf| leaf != path && leaf.is_above(path))
    });
    for path in hidden(values, usages) {
        found.push((path, Origin::Hidden, Value::Null));
    }
    let order: BTreeMap<ValuePath, usize> = leaves(values)
        .into_iter()
        .enumerate()
        .map(|(n, (path, _))| (path, n))
        .collect();
    found.sort_by_key(|(path, ..)| {
        order
            .range(path.clone()..)
            .find(|(leaf, _)| path.is_above(leaf))
            .map_or(usize::MAX, |(_, n)| *n)
    });
    let subjects = found.into_iter().map(|(path, origin, default)| Subject {
        usage: usages.get(&path).cloned().unwrap_or_default(),
        facts: facts::facts(tree, &path),
        path,
        origin,
        default,
    });
    subjects.collect()
}

/// Values that templates speak of and that no file has.
fn hidden(values: &Value, usages: &BTreeMap<ValuePath, Usage>) -> Vec<ValuePath> {
    let is_below_text = |path: &ValuePath| {
        let mut above = path.parent();
        while let Some(at) = above {
            match at.get(values) {
                Some(Value::Object(_) | Value::Null) => return false,
                Some(_) => return true,
                None => above = at.parent(),
            }
        }
        false
    };
    let paths = usages
        .keys()
        .filter(|path| !path.0.is_empty() && path.get(values).is_none() && !is_below_text(path));
    let paths: Vec<&ValuePath> = paths.collect();
    let deepest = paths
        .iter()
        .filter(|path| !paths.iter().any(|other| other != *path && path.is_above(other)));
    deepest.map(|path| (*path).clone()).collect()
}

/// The values that make these changes when they are laid over `values`. A list is always given as a whole.
fn overlay(values: &Value, changes: &[(ValuePath, Value)]) -> Value {
    let mut over = Value::Object(Map::new());
    // What is above comes first, so that it does not undo what is below.
    let mut changes: Vec<_> = changes.iter().collect();
    changes.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, value) in changes {
        let list = path
            .0
            .iter()
            .position(|step| matches!(step, super::path::ValueStep::Index(_)));
        if let Some(depth) = list {
            let list = ValuePath(path.0[..depth].to_vec());
            if list.get(&over).is_none() {
                list.set(&mut over, list.get(values).cloned().unwrap_or_default());
            }
        }
        let mut merged = path.get(&over).cloned().unwrap_or_default();
        merge(&mut merged, value);
        path.set(&mut over, merged);
    }
    over
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_laid_over_values() {
        let values = json!({"a": {"b": [{"c": 1}, {"d": 2}]}, "e": 3});
        let change = |path: &str, value: Value| (path.parse().unwrap(), value);
        let over = overlay(
            &values,
            &[
                change("a.b[1].d", json!(9)),
                change("a.b[0].c", json!(8)),
                change("x.y", json!(1)),
            ],
        );
        assert_eq!(over, json!({"a": {"b": [{"c": 8}, {"d": 9}]}, "x": {"y": 1}}));
    }

    #[test]
    fn only_the_deepest_hidden_values_are_looked_for() {
        let usages = ["a", "a.b", "a.b.c", "text.below", "known"];
        let usages = usages
            .iter()
            .map(|path| (path.parse().unwrap(), Usage::default()))
            .collect();
        let found = hidden(&json!({"text": "x", "known": 1}), &usages);
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a.b.c"]);
    }
}

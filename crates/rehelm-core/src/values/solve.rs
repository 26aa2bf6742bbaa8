//! The values that make the chart's objects equal to today's, found by asking the map for ways and a render for the truth.
//!
//! Each round compares, chooses what to put, renders, and keeps only what made the field that wished it right and made no more
//! fields wrong. So nothing is ever put because it looks right: what is in the solution has been seen to work.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::compare::Difference;
use super::field::FieldPath;
use super::map::{How, ValueMap};
use super::path::ValuePath;
use super::proof::design::is_noise;
use super::render::{RenderError, Rendered, Renderer};
use super::sides::{Sides, sides};
use crate::object::{ObjRef, Object};

mod analogy;
mod apply;
pub mod choose;
pub mod existing;
mod guess;
pub mod hints;
pub mod index;
pub mod layer;
mod lists;
mod names;
mod objects;
pub mod ways;

use apply::{apply, harmless};
use choose::{Chosen, Conflict, Wish, Wisher, choose};
use index::{Index, Name};
use layer::{minimal, overlay, replay};
use names::Names;
use ways::{Put, Scene, ways};

/// Rounds after which it is enough: each settles a layer (a switch, what it brings, the contents of that).
const ROUNDS: usize = 12;

/// What is to be solved.
pub struct Problem<'a> {
    /// What is known of the chart.
    pub map: &'a ValueMap,
    /// Today's objects in normal form.
    pub today: &'a [Object],
    /// Today's `Kind/name` and the chart's name, from a profile.
    pub renames: &'a BTreeMap<String, String>,
    /// What a profile says where rendering cannot tell.
    pub hints: &'a [hints::Hint],
    /// Values that a person gave: they are never changed.
    pub given: &'a Value,
}

/// What was put and why.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Which value.
    pub path: ValuePath,
    /// What was done to it.
    pub put: Put,
    /// The fields that are right with it.
    pub because: Vec<Wisher>,
}

/// The solution, and how good it is.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Values on top of the chart's and the given ones.
    pub values: Value,
    /// Everything that is in them, in the order in which it was found.
    pub kept: Vec<Kept>,
    /// Values that fields want to be different things.
    pub conflicts: Vec<Conflict>,
    /// Values that some fields need and others would have to take away, for which nothing else was left.
    pub removals: Vec<Conflict>,
    /// Contents that were tried and had no effect, or a bad one.
    pub failed: Vec<(ValuePath, Put)>,
    /// The profile's hints that something rests on.
    pub hinted: Vec<hints::Hint>,
    /// Secrets that are there and are named to the chart.
    pub existing: Vec<existing::Existing>,
    /// Both sides without the solution.
    pub before: Sides,
    /// Both sides with it.
    pub after: Sides,
    /// The last render.
    pub rendered: Vec<Rendered>,
    /// What objects of the last render are called in the map.
    pub names: BTreeMap<Name, Name>,
    /// Renders that it took.
    pub renders: usize,
}

/// The search as it stands.
struct Search<'a> {
    problem: &'a Problem<'a>,
    renderer: &'a dyn Renderer,
    index: Index<'a>,
    kept: Vec<Kept>,
    failed: Vec<(ValuePath, Put)>,
    renders: usize,
}

/// Solves.
///
/// # Errors
/// When the chart does not render even without anything of ours.
pub async fn solve(problem: &Problem<'_>, renderer: &dyn Renderer) -> Result<Solution, RenderError> {
    let mut search = Search {
        problem,
        renderer,
        index: Index::new(problem.map),
        kept: Vec::new(),
        failed: Vec::new(),
        renders: 1,
    };
    let start = renderer.render(&replay(&Value::Null, []), 0).await?;
    let names = Names::new(&search.index, &start);
    let before = sides(problem.today, &start, problem.renames);
    let (mut rendered, mut now) = (start, before.clone());
    let mut conflicts = Vec::new();
    let mut guessed = false;
    for _ in 0..ROUNDS {
        let learned = names.of(&rendered);
        let wishes = search.wishes(&now, &learned);
        let (mut chosen, lost) = choose(&wishes, &|path, content| search.against(&now, &learned, path, content));
        conflicts = lost;
        if chosen.is_empty() && !guessed {
            guessed = true;
            (chosen, _) = choose(&search.guesses(&now, &learned), &|_, _| 0);
            chosen = harmless(&mut search, chosen).await?;
        }
        if chosen.is_empty() {
            break;
        }
        let changed = apply(&mut search, chosen, &now, &names).await?;
        let Some((next, sides)) = changed else { continue };
        rendered = next;
        now = sides;
    }
    let (now, rendered, existing) = existing::existing(&mut search, now, rendered, &names).await?;
    let values = search.values(&search.kept);
    let effective = overlay(&problem.map.values, &values);
    // To be left out is no other content: the chart cannot leave it out while others need the value.
    let (mut conflicts, removals): (Vec<Conflict>, Vec<Conflict>) = conflicts
        .into_iter()
        .partition(|c| c.wishes.iter().skip(1).any(|(content, _)| !is_removal(content)));
    for conflict in &mut conflicts {
        tell_winner(conflict, &search.kept, &effective);
    }
    Ok(Solution {
        values: minimal(&problem.map.values, &values),
        names: names.of(&rendered),
        hinted: hints::used(problem, &search.kept),
        kept: search.kept,
        conflicts,
        removals,
        failed: search.failed,
        existing,
        before,
        after: now,
        rendered,
        renders: search.renders,
    })
}

/// A content that only takes something away.
fn is_removal(content: &Value) -> bool {
    content.is_null() || content == ""
}

/// The first wish of a conflict is what the value is in the end, with the fields that are right so.
fn tell_winner(conflict: &mut Conflict, kept: &[Kept], values: &Value) {
    let content = conflict.path.get(values).cloned().unwrap_or_default();
    let by = kept
        .iter()
        .filter(|k| k.path == conflict.path)
        .flat_map(|k| k.because.clone())
        .collect();
    if let Some(first) = conflict.wishes.first_mut() {
        *first = (content, by);
    }
}

/// Both sides as they are, with nothing solved: for a look at a person's own values.
///
/// # Errors
/// When the chart does not render.
pub async fn look(problem: &Problem<'_>, renderer: &dyn Renderer) -> Result<Solution, RenderError> {
    let rendered = renderer.render(&replay(&Value::Null, []), 0).await?;
    let now = sides(problem.today, &rendered, problem.renames);
    let names = Names::new(&Index::new(problem.map), &rendered).of(&rendered);
    Ok(Solution {
        values: replay(&Value::Null, []),
        kept: Vec::new(),
        conflicts: Vec::new(),
        removals: Vec::new(),
        failed: Vec::new(),
        hinted: Vec::new(),
        existing: Vec::new(),
        before: now.clone(),
        after: now,
        rendered,
        names,
        renders: 1,
    })
}

impl Search<'_> {
    /// The values that what is kept makes.
    fn values(&self, kept: &[Kept]) -> Value {
        replay(&self.problem.map.values, kept.iter().map(|k| (&k.path, &k.put)))
    }

    /// What every difference wishes.
    fn wishes(&self, now: &Sides, learned: &BTreeMap<Name, Name>) -> Vec<Wish> {
        let values = overlay(&self.problem.map.values, &self.values(&self.kept));
        let mut wishes = objects::wishes(&self.index, now, learned, &values);
        for (today, made, compared) in now.pairs() {
            let reference = made.object.reference();
            let name = learned
                .get(&index::name_of(&reference))
                .cloned()
                .unwrap_or_else(|| index::name_of(&reference));
            let scene = Scene {
                index: &self.index,
                name: &name,
                values: &values,
                compared,
            };
            if today.name() != made.object.name() {
                wishes.extend(objects::renamed(&scene, today.name(), &reference));
            }
            for difference in compared
                .differences
                .iter()
                .filter(|d| !is_noise(self.problem.map, &name, &d.field))
            {
                let by = Wisher {
                    object: reference.clone(),
                    field: difference.field.clone(),
                };
                wishes.push(Wish {
                    by,
                    ways: ways(&scene, difference),
                });
            }
        }
        self.possible(wishes, &values)
    }

    /// Wishes with the ways that may be gone; those without any are left out.
    fn possible(&self, mut wishes: Vec<Wish>, values: &Value) -> Vec<Wish> {
        for wish in &mut wishes {
            wish.ways
                .retain(|way| way.puts.iter().all(|(path, put)| self.may(path, put, values)));
        }
        wishes.retain(|wish| !wish.ways.is_empty());
        wishes
    }

    /// What differences that no value reaches may listen to: as the profile says, or by analogy.
    fn guesses(&self, now: &Sides, learned: &BTreeMap<Name, Name>) -> Vec<Wish> {
        let values = overlay(&self.problem.map.values, &self.values(&self.kept));
        let analogy = analogy::Analogy::new(self.problem.map, &self.index);
        let mut wishes = Vec::new();
        for (_, made, compared) in now.pairs().filter(|(_, made, _)| !made.hook) {
            let reference = made.object.reference();
            let name = analogy::learned_name(learned, &reference);
            let scene = Scene {
                index: &self.index,
                name: &name,
                values: &values,
                compared,
            };
            let open = |d: &&Difference| {
                d.today.is_some()
                    && !is_noise(self.problem.map, &name, &d.field)
                    && self.index.field(&name, &d.field).is_empty()
            };
            wishes.extend(compared.differences.iter().filter(open).filter_map(|d| {
                let hinted = hints::wish(self.problem.hints, &scene, &reference, d);
                hinted.or_else(|| analogy.wish(&scene, &reference, d))
            }));
        }
        self.possible(wishes, &values)
    }

    /// True for what was not tried in vain, changes something, and leaves what a person gave as it is.
    fn may(&self, path: &ValuePath, put: &Put, values: &Value) -> bool {
        if self.failed.iter().any(|(p, have)| p == path && have == put) {
            return false;
        }
        let given = path
            .get(self.problem.given)
            .is_some_and(|v| !v.as_object().is_some_and(serde_json::Map::is_empty));
        let below_given = path.parent().is_some_and(|mut above| {
            loop {
                match above.get(self.problem.given) {
                    Some(Value::Object(_)) | None => {}
                    Some(_) => break true,
                }
                match above.parent() {
                    Some(higher) => above = higher,
                    None => break false,
                }
            }
        });
        let same = matches!(put, Put::Set(content) if path.get(values).unwrap_or(&Value::Null) == content);
        !given && !below_given && !same
    }

    /// Fields that are right now and would not be if a value had another content.
    fn against(&self, now: &Sides, learned: &BTreeMap<Name, Name>, path: &ValuePath, content: &Value) -> usize {
        let Some((entry, rest)) = self.entry_above(path) else {
            return 0;
        };
        let plain = !content.is_object() && !content.is_array();
        let mut count = 0;
        for reach in &entry.reaches {
            let field = rest.iter().fold(reach.field.clone(), |field, key| field.key(key));
            if !(plain && matches!(reach.how, How::Whole | How::Text { .. })) {
                continue;
            }
            let here = index::name_of(&reach.object);
            count += now
                .pairs()
                .filter(|(_, made, _)| {
                    let name = index::name_of(&made.object.reference());
                    *learned.get(&name).unwrap_or(&name) == here
                })
                .filter(|(_, _, compared)| compared.equal.iter().any(|(equal, _)| *equal == field))
                .count();
        }
        count
    }

    /// The entry of a path, or of the nearest path above it, with the keys between.
    fn entry_above<'p>(&self, path: &'p ValuePath) -> Option<(&super::map::Entry, Vec<&'p str>)> {
        let mut at = path.clone();
        let mut depth = path.0.len();
        loop {
            if let Some(entry) = self.problem.map.entry(&at) {
                let keys = path.0[depth..].iter().filter_map(|step| match step {
                    super::path::ValueStep::Key(key) => Some(key.as_str()),
                    super::path::ValueStep::Index(_) => None,
                });
                return Some((entry, keys.collect()));
            }
            at = at.parent()?;
            depth -= 1;
        }
    }
}

/// Places that differ, of pairs.
fn differing(sides: &Sides) -> BTreeSet<(ObjRef, FieldPath)> {
    let each = |made: &ObjRef, differences: &[Difference]| -> Vec<(ObjRef, FieldPath)> {
        differences.iter().map(|d| (made.clone(), d.field.clone())).collect()
    };
    sides
        .pairs()
        .flat_map(|(_, made, compared)| each(&made.object.reference(), &compared.differences))
        .collect()
}

/// What is put, by the fields that wish it.
type Group = Chosen;

//! Values that no file and no probe told of, guessed from how the chart treats objects of the same kind.
//!
//! Where most workloads take `spec…resources` from `NAME.resources`, one that differs there and has no value for it may listen
//! to the same key all the same (charts keep such keys when they rename what their file shows). A guess is put only when the
//! render has shown that it makes the field right.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::{Wish, Wisher};
use super::guess::by_guess;
use super::index::{Index, Name, name_of};
use super::ways::{Scene, Way};
use crate::values::compare::Difference;
use crate::values::field::{FieldPath, FieldStep};
use crate::values::map::{Entry, How, Reach, ValueMap};
use crate::values::path::{ValuePath, ValueStep};
use crate::values::proof::design::is_checksum;

/// Objects that have to take a field from a key of one name before it is guessed for another object.
const SUPPORTERS: usize = 2;
/// Guesses for one field.
const GUESSES: usize = 2;

/// Kind, and the field with None for items.
type KindOfField = (String, Vec<Option<String>>);
/// Path below the block: who has it so, and how.
type Habits = BTreeMap<ValuePath, (BTreeSet<Name>, How)>;

/// How objects of a kind take their fields from values of their own.
pub(super) struct Analogy<'a> {
    map: &'a ValueMap,
    /// The part of the values that belongs to an object.
    blocks: BTreeMap<Name, ValuePath>,
    /// Where each field comes from, below the blocks.
    habits: BTreeMap<KindOfField, Habits>,
}

impl<'a> Analogy<'a> {
    pub fn new(map: &'a ValueMap, index: &Index<'_>) -> Self {
        let mut out = Self {
            map,
            blocks: BTreeMap::new(),
            habits: BTreeMap::new(),
        };
        for name in index.names() {
            if let Some(block) = block(index.object(name)) {
                out.blocks.insert(name.clone(), block);
            }
        }
        for (name, block) in &out.blocks {
            for (entry, reach) in index.object(name) {
                let below = block.is_above(&entry.path) && entry.path.0.len() > block.0.len();
                if !below || reach.field.0.is_empty() || !matches!(reach.how, How::Whole | How::Each { .. }) {
                    continue;
                }
                let rest = ValuePath(entry.path.0[block.0.len()..].to_vec());
                let habit = out.habits.entry((name.1.clone(), starred(&reach.field.0))).or_default();
                let known = habit
                    .entry(rest)
                    .or_insert_with(|| (BTreeSet::new(), reach.how.clone()));
                known.0.insert(name.clone());
            }
        }
        out
    }

    /// What a difference that no value reaches may listen to.
    pub fn wish(&self, scene: &Scene<'_>, by_object: &crate::object::ObjRef, difference: &Difference) -> Option<Wish> {
        let block = self.blocks.get(scene.name)?;
        let mut guesses: Vec<(usize, usize, Way)> = Vec::new();
        for depth in (1..=difference.field.0.len()).rev() {
            let field = FieldPath(difference.field.0[..depth].to_vec());
            let Some(habits) = self.habits.get(&(scene.name.1.clone(), starred(&field.0))) else {
                continue;
            };
            for (rest, (names, how)) in habits {
                let path = ValuePath(block.0.iter().chain(&rest.0).cloned().collect());
                if names.len() < SUPPORTERS || self.is_known(&path) {
                    continue;
                }
                let guess = (path, field.clone(), how.clone());
                let ways = by_guess(scene, by_object, guess, difference);
                guesses.extend(ways.into_iter().map(|way| (names.len(), depth, way)));
            }
        }
        guesses.sort_by_key(|(names, depth, _)| std::cmp::Reverse((*names, *depth)));
        let ways: Vec<Way> = guesses.into_iter().map(|(.., way)| way).take(GUESSES).collect();
        let by = Wisher {
            object: by_object.clone(),
            field: difference.field.clone(),
        };
        (!ways.is_empty()).then_some(Wish { by, ways })
    }

    /// What the map has looked at needs no guess.
    fn is_known(&self, path: &ValuePath) -> bool {
        self.map.entry(path).is_some() || path.get(&self.map.values).is_some_and(|value| !value.is_null())
    }
}

/// The deepest part of the values under which most of what reaches an object is.
fn block(reaches: &[(&Entry, &Reach)]) -> Option<ValuePath> {
    let paths: BTreeSet<&ValuePath> = reaches
        .iter()
        .filter(|(_, reach)| !reach.field.0.is_empty() && !is_checksum(&reach.field))
        .filter(|(_, reach)| matches!(reach.how, How::Whole | How::Each { .. } | How::Text { .. }))
        .map(|(entry, _)| &entry.path)
        .collect();
    let mut counts: BTreeMap<ValuePath, usize> = BTreeMap::new();
    for path in &paths {
        let keys = path
            .0
            .iter()
            .take_while(|step| matches!(step, ValueStep::Key(_)))
            .count();
        for depth in 1..keys.min(path.0.len().saturating_sub(1)) + 1 {
            *counts.entry(ValuePath(path.0[..depth].to_vec())).or_default() += 1;
        }
    }
    let most = |(path, count): &(ValuePath, usize)| *count * 2 >= paths.len() && *count >= 2 && !path.0.is_empty();
    counts
        .into_iter()
        .filter(most)
        .max_by_key(|(path, count)| (*count, path.0.len()))
        .map(|(path, _)| path)
}

/// The keys of a path; None for items, whatever they are called.
fn starred(steps: &[FieldStep]) -> Vec<Option<String>> {
    let keys = steps.iter().map(|step| match step {
        FieldStep::Key(key) => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// Name of an object of a render in the map.
pub(super) fn learned_name(learned: &BTreeMap<Name, Name>, object: &crate::object::ObjRef) -> Name {
    let name = name_of(object);
    learned.get(&name).cloned().unwrap_or(name)
}

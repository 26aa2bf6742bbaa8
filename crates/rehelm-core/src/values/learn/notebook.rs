//! What is known so far.

use std::collections::{BTreeMap, BTreeSet};

use super::super::map::{How, Place, Reach};
use super::super::path::ValuePath;
use super::super::scan::Usage;
use super::super::text::values_of;
use super::judge::Judge;
use super::probes::{Kind, Probe, Stage, Subject};
use super::scene::{Decided, Observation};
use super::sentinel::Marks;

/// What was tried and what came of it.
pub(super) struct Notebook<'a> {
    pub subjects: &'a [Subject],
    pub probes: &'a [Probe],
    pub marks: &'a Marks,
    usages: &'a BTreeMap<ValuePath, Usage>,
    owners: Vec<usize>,
    /// By subject.
    pub reaches: Vec<Vec<Reach>>,
    /// By subject: Helm's words.
    pub refused: BTreeMap<usize, String>,
    /// Probes that the chart refused: they are not tried again elsewhere.
    pub unfit: BTreeSet<usize>,
    /// Fields that follow from others.
    pub derived: BTreeSet<Place>,
}

impl<'a> Notebook<'a> {
    pub fn new(
        subjects: &'a [Subject],
        probes: &'a [Probe],
        marks: &'a Marks,
        usages: &'a BTreeMap<ValuePath, Usage>,
    ) -> Self {
        let mut owners = vec![0; marks.restore.len()];
        for (index, probe) in probes.iter().enumerate() {
            for mark in &probe.marks {
                owners[*mark] = index;
            }
        }
        Self {
            subjects,
            probes,
            marks,
            usages,
            owners,
            reaches: vec![Vec::new(); subjects.len()],
            refused: BTreeMap::new(),
            unfit: BTreeSet::new(),
            derived: BTreeSet::new(),
        }
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            subjects: self.subjects,
            probes: self.probes,
            marks: self.marks,
            owners: &self.owners,
        }
    }

    /// What the sentinels of a render show. To be asked while the objects of the render are still there.
    pub fn read(&self, seen: &Observation) -> Vec<(usize, Reach)> {
        let judge = self.judge();
        let mut found: Vec<(usize, Reach)> = seen.sightings.iter().filter_map(|s| judge.sighting(seen, s)).collect();
        for (mark, object, ..) in &seen.renamed {
            let field = super::super::field::FieldPath::keys(["metadata", "name"]);
            let hook = false;
            let sighting = super::scene::Sighting {
                mark: *mark,
                object: object.clone(),
                field,
                hook,
                in_key: false,
            };
            found.extend(judge.sighting(seen, &sighting));
        }
        found
    }

    /// Notes what was read. `given` are changes that were in place besides.
    pub fn note(&mut self, found: Vec<(usize, Reach)>, given: &super::lab::Changes) {
        for (subject, mut reach) in found {
            reach.given = given.clone();
            self.add(subject, reach);
        }
    }

    /// Notes what a probe decides.
    pub fn decided(&mut self, probe: usize, decided: &Decided, given: &super::lab::Changes) {
        let probe = &self.probes[probe];
        // An object with the value's own sentinel in it is known by that.
        let mut reach = self.judge().decided(probe, decided);
        reach.given = given.clone();
        self.add(probe.subject, reach);
    }

    /// Adds a reach, or makes one that is there better.
    pub fn add(&mut self, subject: usize, reach: Reach) {
        let reaches = &mut self.reaches[subject];
        let Some(known) = reaches
            .iter_mut()
            .find(|known| known.object == reach.object && known.field == reach.field)
        else {
            reaches.push(reach);
            return;
        };
        match (&mut known.how, reach.how) {
            (How::Choice { cases }, How::Choice { cases: more }) => {
                let new: Vec<_> = more
                    .into_iter()
                    .filter(|(value, _)| cases.iter().all(|(v, _)| v != value))
                    .collect();
                cases.extend(new);
            }
            (How::Text { parts }, How::Text { parts: more }) if values_of(&more).len() > values_of(parts).len() => {
                *parts = more;
            }
            (how, better) if rank(&better) < rank(how) => {
                *how = better;
                known.given = reach.given;
            }
            _ => {}
        }
    }

    pub fn is_located(&self, subject: usize) -> bool {
        !self.reaches[subject].is_empty()
    }

    /// True when it is known how, for at least one field.
    pub fn is_understood(&self, subject: usize) -> bool {
        self.reaches[subject].iter().any(|reach| reach.how != How::Alters)
    }

    /// True when no template speaks of a value, of something above it or below it.
    pub fn is_unspoken(&self, subject: usize) -> bool {
        let path = &self.subjects[subject].path;
        !self
            .usages
            .keys()
            .any(|used| !used.0.is_empty() && (used.is_above(path) || path.is_above(used)))
    }

    /// True when a template, as Helm names it, is known to use what a probe changes.
    pub fn speaks(&self, probe: usize, source: &str) -> bool {
        let usage = &self.subjects[self.probes[probe].subject].usage;
        source
            .split_once('/')
            .is_some_and(|(_, source)| usage.templates.contains(source))
    }

    /// Probes of a stage.
    pub fn of_stage(&self, stage: Stage) -> Vec<usize> {
        (0..self.probes.len())
            .filter(|n| self.probes[*n].stage == stage)
            .collect()
    }

    /// The changes that all probes make, by their number.
    pub fn changes(&self) -> super::lab::Changes {
        let change = |probe: &Probe| (self.subjects[probe.subject].path.clone(), probe.value.clone());
        self.probes.iter().map(change).collect()
    }

    /// True when two probes cannot be in one render: they are of one value, or of one above the other.
    pub fn exclude(&self, a: usize, b: usize) -> bool {
        let (a, b) = (
            &self.subjects[self.probes[a].subject].path,
            &self.subjects[self.probes[b].subject].path,
        );
        a.is_above(b) || b.is_above(a)
    }

    /// True for a probe that shows itself wherever it turns up.
    pub fn shows(&self, probe: usize) -> bool {
        self.probes[probe].kind != Kind::Other
    }
}

/// The more is known, the smaller.
fn rank(how: &How) -> u8 {
    match how {
        How::Renames { .. } => 0,
        How::Whole => 1,
        How::Text { .. } => 2,
        How::Each { .. } => 3,
        How::Joined { .. } => 4,
        How::Choice { .. } => 5,
        How::Presence { .. } => 6,
        How::Absence { .. } => 7,
        How::Alters => 8,
    }
}

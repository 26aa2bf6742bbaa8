//! The order of trying.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::chart::ChartTree;
use super::super::map::Origin;
use super::super::path::ValuePath;
use super::super::render::{RenderError, Rendered};
use super::coded;
use super::lab::{Changes, Lab, Settled};
use super::notebook::Notebook;
use super::probes::{Kind, Stage as At, Subject};
use super::scene::{Observation, Scene};

/// Renders that finding out who decides something may take, when contents were not expected to.
const BLAMING: usize = 96;
/// Values that are tried one by one in the end.
const ALONE: usize = 48;
/// Other worlds in which what was not found is looked for.
const CONTEXTS: usize = 8;

/// Where trying happens.
pub(super) struct Stage<'a> {
    pub lab: &'a Lab<'a>,
    /// With the values that were given.
    pub start: &'a Scene,
    /// With switches on, when that is another scene.
    pub on: Option<&'a Scene>,
    pub switched_on: &'a Changes,
}

/// Switches that can be on together.
pub(super) async fn switches(lab: &Lab<'_>, tree: &ChartTree, subjects: &[Subject]) -> Result<Changes, RenderError> {
    let conditions: Vec<&ValuePath> = tree.all().into_iter().flat_map(|tree| &tree.conditions).collect();
    let off = subjects
        .iter()
        .filter(|s| s.default == json!(false) && (is_switch(&s.path) || conditions.contains(&&s.path)));
    let all: Changes = off.map(|s| (s.path.clone(), json!(true))).collect();
    let settled = lab.settle(&[], &all, vec![(0..all.len()).collect()]).await?;
    let mut groups: Vec<Vec<usize>> = settled
        .into_iter()
        .flat_map(|s| s.groups)
        .map(|(group, _)| group)
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let mut groups = groups.into_iter();
    let mut together = groups.next().unwrap_or_default();
    for group in groups {
        let both: Vec<usize> = together.iter().chain(&group).copied().collect();
        let changes: Changes = both.iter().map(|n| all[*n].clone()).collect();
        match lab.render(&changes, 0).await {
            Ok(_) => together = both,
            Err(RenderError::Refused(_)) => {}
            Err(broken) => return Err(broken),
        }
    }
    together.sort_unstable();
    Ok(together.into_iter().map(|n| all[n].clone()).collect())
}

/// True for what a value that turns something on is called everywhere.
fn is_switch(path: &ValuePath) -> bool {
    let name = path.last_key().unwrap_or_default().to_lowercase();
    ["enabled", "enable", "create", "install", "deploy"].contains(&name.as_str()) || name.ends_with("enabled")
}

impl Stage<'_> {
    /// The scenes with what is changed in them, the fuller one first.
    fn scenes(&self) -> Vec<(&Scene, &[(ValuePath, Value)])> {
        let on = self.on.map(|on| (on, &self.switched_on[..]));
        on.into_iter().chain([(self.start, &[][..])]).collect()
    }

    fn full(&self) -> (&Scene, &[(ValuePath, Value)]) {
        self.on.map_or((self.start, &[]), |on| (on, self.switched_on))
    }

    /// Tries one group, and notes what sentinels show; what else changed comes back with the groups.
    async fn show(
        &self,
        book: &mut Notebook<'_>,
        (scene, under): (&Scene, &[(ValuePath, Value)]),
        groups: Vec<Vec<usize>>,
        given: &Changes,
    ) -> Result<Vec<(Vec<usize>, Observation)>, RenderError> {
        let under: Changes = under.iter().chain(given).cloned().collect();
        let all = book.changes();
        let settled = self.lab.settle(&under, &all, groups).await?;
        let mut seen = Vec::new();
        for Settled { groups, refused } in settled {
            for (probe, words) in refused {
                book.refused.insert(book.probes[probe].subject, words);
            }
            for (group, rendered) in groups {
                let observation = observe(scene, &rendered, book);
                book.sightings(&observation, given);
                seen.push((group, observation));
            }
        }
        Ok(seen)
    }

    /// Texts and numbers that nothing should hang on, all at once.
    pub async fn contents(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let mut members = book.of_stage(At::Contents);
        for (scene, under) in self.scenes() {
            let seen = self
                .show(book, (scene, under), vec![members.clone()], &Vec::new())
                .await?;
            if seen.iter().all(|(_, observation)| observation.decided.is_empty()) {
                continue;
            }
            let deciding = self.blame(book, (scene, under), seen).await?;
            members.retain(|probe| !deciding.contains(probe));
            // What they hid is seen without them.
            if !deciding.is_empty() {
                self.show(book, (scene, under), vec![members.clone()], &Vec::new())
                    .await?;
            }
        }
        Ok(())
    }

    /// Finds those in groups that decide something, by halving what still shows changes without a sentinel.
    async fn blame(
        &self,
        book: &mut Notebook<'_>,
        at: (&Scene, &[(ValuePath, Value)]),
        seen: Vec<(Vec<usize>, Observation)>,
    ) -> Result<BTreeSet<usize>, RenderError> {
        let mut deciding = BTreeSet::new();
        let mut round = seen;
        let mut left = BLAMING;
        while !round.is_empty() {
            let mut halves = Vec::new();
            for (group, observation) in round {
                if observation.decided.is_empty() {
                    continue;
                }
                if let [one] = group[..] {
                    deciding.insert(one);
                    for decided in &observation.decided {
                        book.decided(one, decided, &Vec::new());
                    }
                } else {
                    let (a, b) = group.split_at(group.len() / 2);
                    halves.extend([a.to_vec(), b.to_vec()]);
                }
            }
            if halves.len() > left {
                break;
            }
            left -= halves.len();
            round = self.show(book, at, halves, &Vec::new()).await?;
        }
        Ok(deciding)
    }

    /// Switches, choices, empty values: in groups that tell who it was, then alone where they do not.
    pub async fn choices(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let members = book.of_stage(At::Choices);
        let mut alone: BTreeSet<usize> = book.of_stage(At::Alone).into_iter().collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for dealt in coded::groups(members.len()) {
            let mut group: Vec<usize> = Vec::new();
            for probe in dealt.into_iter().map(|n| members[n]) {
                match group.iter().any(|other| book.exclude(*other, probe)) {
                    true => drop(alone.insert(probe)),
                    false => group.push(probe),
                }
            }
            groups.push(group);
        }
        // One that is tried alone anyway is not needed in groups.
        groups
            .iter_mut()
            .for_each(|group| group.retain(|probe| !alone.contains(probe)));
        let full = self.full();
        let seen = self.show(book, full, groups, &Vec::new()).await?;
        let verdict = coded::attribute(&seen);
        for (probe, decided) in verdict.clear {
            book.decided(probe, &decided, &Vec::new());
        }
        alone.extend(verdict.suspects);
        self.alone(book, full, alone.into_iter().collect()).await?;
        if self.on.is_some() {
            let showing: Vec<usize> = members.into_iter().filter(|probe| book.shows(*probe)).collect();
            let groups = apart(book, showing, 4);
            self.show(book, (self.start, &[]), groups, &Vec::new()).await?;
        }
        Ok(())
    }

    /// One by one: whatever changes is its doing.
    async fn alone(
        &self,
        book: &mut Notebook<'_>,
        at: (&Scene, &[(ValuePath, Value)]),
        probes: Vec<usize>,
    ) -> Result<(), RenderError> {
        let groups = probes.into_iter().map(|probe| vec![probe]).collect();
        for (group, observation) in self.show(book, at, groups, &Vec::new()).await? {
            for decided in &observation.decided {
                book.decided(group[0], decided, &Vec::new());
            }
        }
        Ok(())
    }

    /// Maps and lists, in as many rounds as there are shapes.
    pub async fn shapes(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let rounds: BTreeSet<At> = book
            .probes
            .iter()
            .map(|p| p.stage)
            .filter(|s| matches!(s, At::Shapes(_)))
            .collect();
        for round in rounds {
            let members: Vec<usize> = book.of_stage(round);
            let members: Vec<usize> = members
                .into_iter()
                .filter(|n| !book.is_understood(book.probes[*n].subject))
                .collect();
            if members.is_empty() {
                continue;
            }
            let mut accepted = members;
            for at in self.scenes() {
                let seen = self.show(book, at, vec![accepted], &Vec::new()).await?;
                accepted = seen.into_iter().flat_map(|(group, _)| group).collect();
            }
        }
        Ok(())
    }

    /// What was not found: where other choices were made, with other contents, and alone.
    pub async fn leftovers(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let full = self.full();
        let contexts: Vec<usize> = (0..book.probes.len())
            .filter(|n| is_context(book, *n))
            .take(CONTEXTS)
            .collect();
        for context in contexts {
            let lost = lost(book, &|probe| {
                book.shows(probe) && book.probes[probe].stage != At::Alone
            });
            let lost: Vec<usize> = lost
                .into_iter()
                .filter(|probe| !book.exclude(*probe, context))
                .collect();
            if !lost.is_empty() {
                let given = vec![book.changes()[context].clone()];
                self.show(book, full, vec![lost], &given).await?;
            }
        }
        let late = lost(book, &|probe| book.probes[probe].stage == At::Late);
        if !late.is_empty() {
            self.show(book, full, vec![late], &Vec::new()).await?;
        }
        // What may not even be a value is not worth a render of its own.
        let known = |book: &Notebook<'_>, n: usize| book.subjects[book.probes[n].subject].origin != Origin::Hidden;
        for at in self.scenes() {
            let mut lone = lost(book, &|n| book.probes[n].stage != At::Alone && known(book, n));
            lone.extend(lost(book, &|n| book.probes[n].stage == At::Late && known(book, n)));
            lone.sort_unstable();
            lone.dedup();
            lone.truncate(ALONE);
            self.alone(book, at, lone).await?;
        }
        Ok(())
    }

    /// Texts that hold several values show so only when all of them are sentinels.
    pub async fn together(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let mut members = Vec::new();
        for subject in 0..book.subjects.len() {
            if is_part_of_texts(book, subject) {
                let first = |n: &usize| {
                    let probe = &book.probes[*n];
                    probe.subject == subject && matches!(probe.kind, Kind::Marked { .. }) && probe.stage != At::Late
                };
                members.extend((0..book.probes.len()).find(first));
            }
        }
        for at in self.scenes().into_iter().filter(|_| members.len() > 1) {
            self.show(book, at, vec![members.clone()], &Vec::new()).await?;
        }
        Ok(())
    }
}

/// A value that is only ever a part of texts or a field, and neither hides nor renames anything.
fn is_part_of_texts(book: &Notebook<'_>, subject: usize) -> bool {
    use super::super::map::How;
    let reaches = &book.reaches[subject];
    let text = |how: &How| matches!(how, How::Text { .. });
    let harmless = |how: &How| text(how) || matches!(how, How::Whole | How::Each { .. } | How::Joined { .. });
    reaches.iter().any(|reach| text(&reach.how)) && reaches.iter().all(|reach| harmless(&reach.how))
}

/// True for a choice between texts that the chart takes: other templates may come to life with it.
fn is_context(book: &Notebook<'_>, probe: usize) -> bool {
    let probe = &book.probes[probe];
    probe.kind == Kind::Other && probe.value.is_string() && !book.refused.contains_key(&probe.subject)
}

/// One probe for each value that was not found and that templates speak of.
fn lost(book: &Notebook<'_>, fits: &dyn Fn(usize) -> bool) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let probes = (0..book.probes.len()).filter(|n| {
        let subject = book.probes[*n].subject;
        !book.is_unspoken(subject) && !book.is_located(subject) && fits(*n) && seen.insert(subject)
    });
    let mut chosen: Vec<usize> = Vec::new();
    for probe in probes {
        if !chosen.iter().any(|other| book.exclude(*other, probe)) {
            chosen.push(probe);
        }
    }
    chosen
}

/// Deals probes into groups in which none excludes another.
fn apart(book: &Notebook<'_>, probes: Vec<usize>, count: usize) -> Vec<Vec<usize>> {
    let mut groups = vec![Vec::new(); count];
    for (n, probe) in probes.into_iter().enumerate() {
        let fits = |group: &Vec<usize>| !group.iter().any(|other| book.exclude(*other, probe));
        if let Some(group) = (0..count).map(|k| (n + k) % count).find(|k| fits(&groups[*k])) {
            groups[group].push(probe);
        }
    }
    groups
}

fn observe(scene: &Scene, rendered: &[Rendered], book: &Notebook<'_>) -> Observation {
    scene.observe(rendered, book.marks)
}

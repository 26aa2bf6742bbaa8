//! The order of trying.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::chart::ChartTree;
use super::super::path::ValuePath;
use super::super::render::{RenderError, Rendered};
use super::lab::{Changes, Lab, Settled};
use super::notebook::Notebook;
use super::probes::{Kind, Stage as At, Subject};
use super::scene::{Decided, Scene};

/// Where trying happens.
pub(super) struct Stage<'a> {
    pub lab: &'a Lab<'a>,
    /// With the values that were given.
    pub start: &'a Scene,
    /// With switches on, when that is another scene.
    pub on: Option<&'a Scene>,
    pub switched_on: &'a Changes,
}

/// What a group of probes made otherwise, sentinels left out.
pub(super) type Seen = (Vec<usize>, Vec<Decided>);

/// Switches that can be on together, and the render in which they are.
pub(super) async fn switches(
    lab: &Lab<'_>,
    tree: &ChartTree,
    subjects: &[Subject],
) -> Result<(Changes, Vec<Rendered>), RenderError> {
    let conditions: Vec<&ValuePath> = tree.all().into_iter().flat_map(|tree| &tree.conditions).collect();
    let off = subjects
        .iter()
        .filter(|s| s.default == json!(false) && (is_switch(&s.path) || conditions.contains(&&s.path)));
    let all: Changes = off.map(|s| (s.path.clone(), json!(true))).collect();
    let settled = lab
        .settle(&[], &all, vec![(0..all.len()).collect()], &|rendered| rendered)
        .await?;
    let mut groups: Vec<_> = settled.into_iter().flat_map(|s| s.groups).collect();
    groups.sort_by_key(|(group, _)| std::cmp::Reverse(group.len()));
    let mut groups = groups.into_iter();
    let (mut together, mut shown) = groups.next().unwrap_or_default();
    for (group, _) in groups {
        let both: Vec<usize> = together.iter().chain(&group).copied().collect();
        let changes: Changes = both.iter().map(|n| all[*n].clone()).collect();
        match lab.render(&changes, 0).await {
            Ok(rendered) => (together, shown) = (both, rendered),
            Err(RenderError::Refused(_)) => {}
            Err(broken) => return Err(broken),
        }
    }
    together.sort_unstable();
    Ok((together.into_iter().map(|n| all[n].clone()).collect(), shown))
}

/// True for what a value that turns something on is called everywhere.
fn is_switch(path: &ValuePath) -> bool {
    let name = path.last_key().unwrap_or_default().to_lowercase();
    ["enabled", "enable", "create", "install", "deploy"].contains(&name.as_str()) || name.ends_with("enabled")
}

impl Stage<'_> {
    /// The scenes with what is changed in them, the fuller one first.
    pub(super) fn scenes(&self) -> Vec<(&Scene, &[(ValuePath, Value)])> {
        let on = self.on.map(|on| (on, &self.switched_on[..]));
        on.into_iter().chain([(self.start, &[][..])]).collect()
    }

    pub(super) fn full(&self) -> (&Scene, &[(ValuePath, Value)]) {
        self.on.map_or((self.start, &[]), |on| (on, self.switched_on))
    }

    /// Tries groups, and notes what sentinels show; what else changed comes back with the groups. What the chart refused
    /// before is left out.
    pub(super) async fn show(
        &self,
        book: &mut Notebook<'_>,
        (scene, under): (&Scene, &[(ValuePath, Value)]),
        mut groups: Vec<Vec<usize>>,
        given: &Changes,
    ) -> Result<Vec<Seen>, RenderError> {
        let under: Changes = under.iter().chain(given).cloned().collect();
        groups
            .iter_mut()
            .for_each(|group| group.retain(|probe| !book.unfit.contains(probe)));
        let (all, notes) = (book.changes(), &*book);
        let read = |rendered: Vec<Rendered>| {
            let seen = scene.observe(&rendered, notes.marks);
            (notes.read(&seen), seen.decided, seen.derived)
        };
        let settled = self.lab.settle(&under, &all, groups, &read).await?;
        let mut seen = Vec::new();
        for Settled { groups, refused } in settled {
            for (probe, words) in refused {
                book.refused.insert(book.probes[probe].subject, words);
                book.unfit.insert(probe);
            }
            for (group, (found, decided, derived)) in groups {
                book.note(found, given);
                book.derived.extend(derived);
                seen.push((group, decided));
            }
        }
        Ok(seen)
    }

    /// One by one: whatever changes is its doing.
    pub(super) async fn alone(
        &self,
        book: &mut Notebook<'_>,
        at: (&Scene, &[(ValuePath, Value)]),
        probes: Vec<usize>,
    ) -> Result<(), RenderError> {
        let groups = probes.into_iter().map(|probe| vec![probe]).collect();
        for (group, decided) in self.show(book, at, groups, &Vec::new()).await? {
            for decided in &decided {
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
            for at in self.scenes() {
                self.show(book, at, vec![members.clone()], &Vec::new()).await?;
            }
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

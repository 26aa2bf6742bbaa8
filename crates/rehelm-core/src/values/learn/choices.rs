//! Who decides what: probes are tried in groups by whose changes each is told from all others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::path::ValuePath;
use super::super::render::RenderError;
use super::coded::{self, Density};
use super::notebook::Notebook;
use super::phases::Stage;
use super::probes::{Kind, Stage as At};
use super::scene::Scene;

/// Probes that are tried alone when groups do not tell.
const ALONE: usize = 24;
/// Groups in which sentinels are tried when some switches are off.
const OFF: usize = 2;

/// Where probes are tried: a scene, and what is changed in it.
type Where<'a> = (&'a Scene, &'a [(ValuePath, Value)]);

impl Stage<'_> {
    /// Texts and numbers that nothing should hang on, all at once.
    pub async fn contents(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let mut members = book.of_stage(At::Contents);
        for at in self.scenes() {
            let seen = self.show(book, at, vec![members.clone()], &Vec::new()).await?;
            if seen.iter().all(|(_, decided)| decided.is_empty()) {
                continue;
            }
            let accepted: Vec<usize> = seen.into_iter().flat_map(|(group, _)| group).collect();
            let deciding = self.blame(book, at, accepted, Density::Half).await?;
            members.retain(|probe| !deciding.contains(probe));
            // What they hid is seen without them.
            if !deciding.is_empty() {
                self.show(book, at, vec![members.clone()], &Vec::new()).await?;
            }
        }
        Ok(())
    }

    /// Switches, choices, empty values.
    pub async fn choices(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let full = self.full();
        // Sentinels all at once: that finds most of them, and whom the chart refuses.
        let (marked, other): (Vec<usize>, Vec<usize>) = book
            .of_stage(At::Choices)
            .into_iter()
            .partition(|probe| matches!(book.probes[*probe].kind, Kind::Marked { .. }));
        let seen = self
            .show(book, full, apart(book, marked.clone(), 1), &Vec::new())
            .await?;
        if seen.iter().any(|(_, decided)| !decided.is_empty()) {
            self.blame(book, full, marked.clone(), Density::Third).await?;
        }
        self.blame(book, full, other, Density::Sparse).await?;
        self.alone(book, full, book.of_stage(At::Alone)).await?;
        if self.on.is_some() {
            let groups = apart(book, marked, OFF);
            self.show(book, (self.start, &[]), groups, &Vec::new()).await?;
        }
        Ok(())
    }

    /// Finds and notes who decides what; those who do come back.
    async fn blame(
        &self,
        book: &mut Notebook<'_>,
        at: Where<'_>,
        members: Vec<usize>,
        density: Density,
    ) -> Result<BTreeSet<usize>, RenderError> {
        let (mut deciding, suspects) = self.round(book, at, &[members], density).await?;
        // Those that may make whole objects come and go hide what others do: they are kept from them.
        let (hiding, others): (Vec<_>, Vec<_>) = suspects.into_iter().partition(|(_, hides)| *hides);
        let plain = |group: Vec<(usize, bool)>| -> Vec<usize> { group.into_iter().map(|(probe, _)| probe).collect() };
        let (more, left) = self
            .round(book, at, &[plain(hiding), plain(others)], Density::Sparse)
            .await?;
        deciding.extend(more);
        let mut left: Vec<usize> = left.into_iter().map(|(probe, _)| probe).collect();
        // Who is known to do something else can wait.
        left.sort_by_key(|probe| book.is_understood(book.probes[*probe].subject));
        left.truncate(ALONE);
        let groups = left.into_iter().map(|probe| vec![probe]).collect();
        for (group, decided) in self.show(book, at, groups, &Vec::new()).await? {
            for decided in &decided {
                deciding.insert(group[0]);
                book.decided(group[0], decided, &Vec::new());
            }
        }
        Ok(deciding)
    }

    /// One round of groups of their own for each set of members: notes what is clear; who decides something, and who may.
    async fn round(
        &self,
        book: &mut Notebook<'_>,
        at: Where<'_>,
        sets: &[Vec<usize>],
        density: Density,
    ) -> Result<(BTreeSet<usize>, Vec<(usize, bool)>), RenderError> {
        let mut groups = Vec::new();
        for members in sets {
            groups.extend(coded::groups(members, density, &|a, b| book.exclude(a, b)));
        }
        let seen = self.show(book, at, groups, &Vec::new()).await?;
        let (mut deciding, mut suspects) = (BTreeSet::new(), Vec::new());
        let of = |set: usize| {
            let members = &sets[set];
            let of_set = seen
                .iter()
                .filter(|(group, _)| group.iter().any(|probe| members.contains(probe)));
            of_set.cloned().collect::<Vec<_>>()
        };
        for set in 0..sets.len() {
            let verdict = coded::attribute(&of(set), &|probe, source| book.speaks(probe, source));
            for (probe, decided) in verdict.clear {
                deciding.insert(probe);
                book.decided(probe, &decided, &Vec::new());
            }
            suspects.extend(verdict.suspects);
        }
        Ok((deciding, suspects))
    }
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

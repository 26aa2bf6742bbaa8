//! What was not found so far: looked for where other choices were made, with other contents, and alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::map::{Origin, Reach};
use super::super::path::ValuePath;
use super::super::render::RenderError;
use super::lab::Changes;
use super::notebook::Notebook;
use super::phases::Stage;
use super::probes::{Kind, Stage as At};

/// Values that are tried one by one in the end.
const ALONE: usize = 16;
/// Other worlds for all values in which what was not found is looked for.
const CONTEXTS: usize = 6;
/// Neighbours of which each is changed alone, in one turn.
const WORLDS: usize = 6;
/// Neighbours that are changed for a value that was not found.
const NEIGHBOURS: usize = 4;

impl Stage<'_> {
    /// What was not found: where other choices were made, with other contents, and alone.
    pub async fn leftovers(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        let full = self.full();
        let contexts: Vec<usize> = (0..book.probes.len())
            .filter(|n| is_context(book, *n))
            .take(CONTEXTS)
            .collect();
        for context in contexts {
            let mut lost = lost(book, &|probe| book.shows(probe));
            lost.retain(|probe| !book.exclude(*probe, context));
            if !lost.is_empty() {
                let given = vec![book.changes()[context].clone()];
                self.show(book, full, vec![lost], &given).await?;
            }
        }
        // What may not even be a value is not worth all this.
        let late = lost(book, &|probe| {
            book.probes[probe].stage == At::Late && is_known(book, probe)
        });
        if !late.is_empty() {
            self.show(book, full, vec![late], &Vec::new()).await?;
        }
        self.neighbours(book).await?;
        // Once more without what may have hidden them: sentinels together, everything else alone.
        let (shown, mut lone): (Vec<usize>, Vec<usize>) = lost(book, &|n| is_known(book, n))
            .into_iter()
            .partition(|n| book.shows(*n));
        let seen = self.show(book, full, vec![shown], &Vec::new()).await?;
        for (group, decided) in seen {
            lone.extend(group.into_iter().filter(|_| !decided.is_empty()));
        }
        lone.truncate(ALONE);
        self.alone(book, full, lone).await
    }

    /// A value may only count when one beside it says so: each is looked for while its neighbours are otherwise, one
    /// neighbour after the other, those of all lost values at once; who is found is looked at once more with its own only.
    async fn neighbours(&self, book: &mut Notebook<'_>) -> Result<(), RenderError> {
        for turn in 0..NEIGHBOURS {
            let mut own: Vec<(usize, (ValuePath, Value))> = Vec::new();
            for probe in lost(book, &|n| book.shows(n) && is_known(book, n)) {
                own.extend(neighbour(book, probe, turn).map(|change| (probe, change)));
            }
            if own.is_empty() {
                continue;
            }
            if let Some(found) = self.with(book, &own).await? {
                let subjects: BTreeSet<usize> = found.into_iter().map(|(subject, _)| subject).collect();
                own.retain(|(probe, _)| subjects.contains(&book.probes[*probe].subject));
            }
            for _ in 0..WORLDS {
                let Some((_, change)) = own.first().cloned() else { break };
                let (same, others) = own.into_iter().partition(|(_, other)| *other == change);
                own = others;
                let found = self.with(book, &same).await?.unwrap_or_default();
                book.note(found, &vec![change]);
            }
        }
        Ok(())
    }

    /// What is seen when probes are tried with their neighbours changed; None when the chart refuses that.
    async fn with(
        &self,
        book: &Notebook<'_>,
        own: &[(usize, (ValuePath, Value))],
    ) -> Result<Option<Vec<(usize, Reach)>>, RenderError> {
        let (scene, on) = self.full();
        let all = book.changes();
        let given: BTreeMap<&ValuePath, &Value> = own.iter().map(|(_, (path, value))| (path, value)).collect();
        let given = given.into_iter().map(|(path, value)| (path.clone(), value.clone()));
        let probes = own.iter().map(|(probe, _)| all[*probe].clone());
        let changes: Changes = on.iter().cloned().chain(given).chain(probes).collect();
        match self.lab.render(&changes, 0).await {
            Ok(rendered) => {
                let seen = scene.observe(&rendered, book.marks);
                let tried: BTreeSet<usize> = own.iter().map(|(probe, _)| book.probes[*probe].subject).collect();
                let found = book.read(&seen).into_iter();
                Ok(Some(found.filter(|(subject, _)| tried.contains(subject)).collect()))
            }
            Err(RenderError::Refused(_)) => Ok(None),
            Err(broken) => Err(broken),
        }
    }
}

/// The nearest values that decide something, each with another content than it has.
fn neighbour(book: &Notebook<'_>, probe: usize, turn: usize) -> Option<(ValuePath, Value)> {
    let path = &book.subjects[book.probes[probe].subject].path;
    let common = |other: &ValuePath| other.0.iter().zip(&path.0).take_while(|(a, b)| a == b).count();
    let near = book.subjects.iter().filter(|other| {
        let decides = other.usage.decides || other.default.is_boolean();
        decides && common(&other.path) > 0 && !other.path.is_above(path) && !path.is_above(&other.path)
    });
    let mut near: Vec<_> = near
        .filter_map(|other| {
            let content = match &other.default {
                Value::Bool(on) => json!(!on),
                Value::String(text) if !text.is_empty() => match other.usage.literals.iter().find(|l| *l != text) {
                    Some(literal) => json!(literal),
                    None => json!(""),
                },
                _ => return None,
            };
            Some((other, content))
        })
        .collect();
    // The nearest first; what can be turned on before what can be turned off.
    near.sort_by_key(|(other, content)| (std::cmp::Reverse(common(&other.path)), *content != json!(true)));
    near.into_iter()
        .nth(turn)
        .map(|(other, content)| (other.path.clone(), content))
}

/// True for a choice between words that the chart takes: other templates may come to life with it.
fn is_context(book: &Notebook<'_>, probe: usize) -> bool {
    let Kind::Other = book.probes[probe].kind else {
        return false;
    };
    let word = book.probes[probe].value.as_str();
    word.is_some_and(|word| word != "true" && word != "false") && !book.unfit.contains(&probe)
}

/// True for a value that some file has.
fn is_known(book: &Notebook<'_>, probe: usize) -> bool {
    let origin = book.subjects[book.probes[probe].subject].origin;
    matches!(origin, Origin::File | Origin::Subchart)
}

/// One probe for each value that was not found and that templates speak of; more entries for what has some already count
/// for nothing here.
fn lost(book: &Notebook<'_>, fits: &dyn Fn(usize) -> bool) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let probes = (0..book.probes.len()).filter(|n| {
        let (probe, subject) = (&book.probes[*n], book.probes[*n].subject);
        let open = book.subjects[subject].origin == Origin::Open;
        !open
            && probe.stage != At::Alone
            && !book.unfit.contains(n)
            && !book.is_located(subject)
            && !book.is_unspoken(subject)
            && fits(*n)
            && seen.insert(subject)
    });
    let mut chosen: Vec<usize> = Vec::new();
    for probe in probes {
        if !chosen.iter().any(|other| book.exclude(*other, probe)) {
            chosen.push(probe);
        }
    }
    chosen
}

//! From what was noted to the entries of the map.

use serde_json::Value;

use super::super::map::{Entry, Note, Origin, Reach};
use super::notebook::Notebook;

/// One entry for each value; what only might have been a value and does nothing is left out.
pub(super) fn entries(book: &Notebook<'_>, defaults: &Value) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (index, subject) in book.subjects.iter().enumerate() {
        let mut reaches = book.reaches[index].clone();
        reaches.sort_by(|a, b| (&a.object, &a.field).cmp(&(&b.object, &b.field)));
        if reaches.is_empty() && matches!(subject.origin, Origin::Open | Origin::Hidden) {
            continue;
        }
        entries.push(Entry {
            path: subject.path.clone(),
            origin: subject.origin,
            default: subject.path.get(defaults).cloned().unwrap_or_default(),
            note: reaches.is_empty().then(|| note(book, index)),
            reaches: without_covered(reaches),
        });
    }
    entries
}

/// What is below a map or list that is the value as a whole says nothing more.
fn without_covered(reaches: Vec<Reach>) -> Vec<Reach> {
    use super::super::map::How;
    let whole: Vec<_> = reaches
        .iter()
        .filter(|reach| reach.how == How::Whole)
        .map(|reach| (reach.object.clone(), reach.field.clone()))
        .collect();
    let covered = |reach: &Reach| {
        whole
            .iter()
            .any(|(object, field)| *object == reach.object && *field != reach.field && field.is_above(&reach.field))
    };
    reaches.into_iter().filter(|reach| !covered(reach)).collect()
}

fn note(book: &Notebook<'_>, index: usize) -> Note {
    match book.refused.get(&index) {
        Some(words) => Note::Refused(words.lines().next().unwrap_or_default().to_owned()),
        None if book.is_unspoken(index) => Note::Unused,
        None => Note::NoEffect,
    }
}

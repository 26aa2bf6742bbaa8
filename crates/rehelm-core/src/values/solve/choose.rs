//! Which of the ways are gone: of several wishes for one value, that of the most fields, unless more fields want it as it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::ways::{Put, Way};
use crate::object::ObjRef;
use crate::values::field::FieldPath;
use crate::values::path::ValuePath;

/// A field that wishes something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Wisher {
    /// The object of the chart; today's where the chart has none yet.
    pub object: ObjRef,
    /// The field; empty for the object as a whole.
    pub field: FieldPath,
}

/// A wish with the ways to fulfil it, best first.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Who.
    pub by: Wisher,
    /// How.
    pub ways: Vec<Way>,
}

/// A value that two fields want to be different things.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// The value.
    pub path: ValuePath,
    /// Each content with who wishes it. The first one is what the value became; null when it stayed as it was.
    pub wishes: Vec<(Value, Vec<Wisher>)>,
}

/// What to put, each with the fields that wish it.
pub type Chosen = Vec<(ValuePath, Put, Vec<Wisher>)>;

/// Chooses. `against` says how many fields are right as they are and would not be with another content of a value.
pub fn choose(wishes: &[Wish], against: &dyn Fn(&ValuePath, &Value) -> usize) -> (Chosen, Vec<Conflict>) {
    let mut cursor: Vec<usize> = vec![0; wishes.len()];
    let mut conflicts: BTreeMap<ValuePath, Vec<(Value, BTreeSet<Wisher>)>> = BTreeMap::new();
    loop {
        let supporters = tally(wishes, &cursor);
        let mut beaten: BTreeSet<usize> = BTreeSet::new();
        for (path, contents) in &supporters {
            let best = contents.iter().map(|(_, by)| by.len()).max().unwrap_or(0);
            let mut won = false;
            for (content, by) in contents {
                let wins = !won && by.len() == best && (best > against(path, content) || against(path, content) == 0);
                if wins {
                    won = true;
                    continue;
                }
                beaten.extend(by.iter().copied());
                let noted = conflicts.entry(path.clone()).or_default();
                let who = by.iter().map(|at| wishes[*at].by.clone());
                match noted.iter_mut().find(|(have, _)| have == content) {
                    Some((_, all)) => all.extend(who),
                    None => noted.push((content.clone(), who.collect())),
                }
            }
        }
        if beaten.is_empty() {
            break;
        }
        for at in beaten {
            cursor[at] += 1;
        }
    }
    let mut chosen: Chosen = Vec::new();
    let mut settled: BTreeSet<&Wisher> = BTreeSet::new();
    for (wish, at) in wishes.iter().zip(&cursor) {
        let Some(way) = wish.ways.get(*at) else { continue };
        settled.insert(&wish.by);
        for (path, put) in &way.puts {
            match chosen.iter_mut().find(|(p, have, _)| p == path && have == put) {
                Some((_, _, by)) => by.push(wish.by.clone()),
                None => chosen.push((path.clone(), put.clone(), vec![wish.by.clone()])),
            }
        }
    }
    (chosen, lost(conflicts, &settled, &supporters_of(wishes, &cursor)))
}

type Supporters = BTreeMap<ValuePath, Vec<(Value, Vec<usize>)>>;

/// Every content that a value is wished to become, with the wishes.
fn tally(wishes: &[Wish], cursor: &[usize]) -> Supporters {
    let mut out: Supporters = BTreeMap::new();
    for (at, wish) in wishes.iter().enumerate() {
        for (path, put) in wish.ways.get(cursor[at]).into_iter().flat_map(|way| &way.puts) {
            let Put::Set(content) = put else { continue };
            let contents = out.entry(path.clone()).or_default();
            match contents.iter_mut().find(|(have, _)| have == content) {
                Some((_, by)) => by.push(at),
                None => contents.push((content.clone(), vec![at])),
            }
        }
    }
    out
}

fn supporters_of(wishes: &[Wish], cursor: &[usize]) -> BTreeMap<ValuePath, (Value, Vec<Wisher>)> {
    let winners = tally(wishes, cursor).into_iter().filter_map(|(path, contents)| {
        let (content, by) = contents.into_iter().next()?;
        Some((
            path,
            (content, by.into_iter().map(|at| wishes[at].by.clone()).collect()),
        ))
    });
    winners.collect()
}

/// Of the wishes that were beaten those that found no other way.
fn lost(
    conflicts: BTreeMap<ValuePath, Vec<(Value, BTreeSet<Wisher>)>>,
    settled: &BTreeSet<&Wisher>,
    winners: &BTreeMap<ValuePath, (Value, Vec<Wisher>)>,
) -> Vec<Conflict> {
    let mut out = Vec::new();
    for (path, wishes) in conflicts {
        let lost: Vec<(Value, Vec<Wisher>)> = wishes
            .into_iter()
            .map(|(content, by)| {
                (
                    content,
                    by.into_iter().filter(|w| !settled.contains(w)).collect::<Vec<_>>(),
                )
            })
            .filter(|(_, by)| !by.is_empty())
            .collect();
        if lost.is_empty() {
            continue;
        }
        let first = winners.get(&path).cloned().unwrap_or((Value::Null, Vec::new()));
        out.push(Conflict {
            path,
            wishes: std::iter::once(first).chain(lost).collect(),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wish(name: &str, ways: &[(&str, Value)]) -> Wish {
        Wish {
            by: Wisher {
                object: ObjRef::new("v1", "X", None, name),
                field: FieldPath::default(),
            },
            ways: ways
                .iter()
                .map(|(path, value)| Way::set(path.parse().unwrap(), value.clone()))
                .collect(),
        }
    }

    #[test]
    fn the_most_fields_win_and_others_go_another_way() {
        let wishes = [
            wish("a", &[("p", json!(1))]),
            wish("b", &[("p", json!(1))]),
            wish("c", &[("p", json!(2)), ("q", json!(2))]),
        ];
        let (chosen, conflicts) = choose(&wishes, &|_, _| 0);
        assert_eq!(chosen.len(), 2);
        assert_eq!((chosen[0].2.len(), chosen[1].0.to_string()), (2, "q".to_owned()));
        assert!(conflicts.is_empty());
    }

    #[test]
    fn what_finds_no_way_is_a_conflict_with_both_wishes() {
        let wishes = [wish("a", &[("p", json!(1))]), wish("b", &[("p", json!(2))])];
        let (chosen, conflicts) = choose(&wishes, &|_, _| 0);
        assert_eq!(chosen.len(), 1);
        assert_eq!(
            conflicts[0].wishes.iter().map(|(v, _)| v.clone()).collect::<Vec<_>>(),
            [json!(1), json!(2)]
        );
    }

    #[test]
    fn fields_that_are_right_count_against_a_change() {
        let (chosen, conflicts) = choose(&[wish("a", &[("p", json!(1))])], &|_, _| 3);
        assert!(chosen.is_empty());
        assert_eq!(conflicts.len(), 1);
    }
}

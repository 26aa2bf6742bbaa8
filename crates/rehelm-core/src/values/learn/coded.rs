//! Groups in which every member is told by where it is: each is in some of the groups, and no two are in the same ones.

use std::collections::{BTreeMap, BTreeSet};

use super::phases::Seen;
use super::scene::Decided;
use crate::values::map::Place;

/// How many of the groups each member is in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Density {
    /// Two: members may hide what others do.
    Sparse,
    /// A third.
    Third,
    /// Half: hardly anybody is expected to do anything.
    Half,
}

/// Deals members into groups; neighbours rarely meet. Few members get a group each. Two that exclude each other are never in
/// the same group; who finds no room is in a group alone.
pub(super) fn groups(members: &[usize], density: Density, exclude: &dyn Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    if members.len() <= 6 {
        return members.iter().map(|member| vec![*member]).collect();
    }
    let share = |count: usize| match density {
        Density::Sparse => 2,
        Density::Third => (count / 3).max(2),
        Density::Half => count / 2,
    };
    let mut count = 5;
    while choose(count, share(count)) < members.len() {
        count += 1;
    }
    let codes = codes(count, share(count));
    // Codes in a row are alike, members in a row as well: they are dealt far from each other.
    let stride = (codes.len() * 5 / 8..).find(|stride| gcd(*stride, codes.len()) == 1);
    let stride = stride.unwrap_or(1);
    let mut groups: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut used = vec![false; codes.len()];
    for (at, member) in members.iter().enumerate() {
        let fits = |group: &usize| !groups[*group].iter().any(|other| exclude(*other, *member));
        let tried = (0..codes.len()).map(|n| (at + n) * stride % codes.len());
        match tried.into_iter().find(|n| !used[*n] && codes[*n].iter().all(fits)) {
            Some(code) => {
                used[code] = true;
                codes[code].iter().for_each(|group| groups[*group].push(*member));
            }
            None => groups.push(vec![*member]),
        }
    }
    groups
}

/// Every choice of so many out of `count`.
fn codes(count: usize, share: usize) -> Vec<Vec<usize>> {
    let mut codes: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..share {
        let longer = codes.into_iter().flat_map(|code| {
            let from = code.last().map_or(0, |last| last + 1);
            (from..count).map(move |next| code.iter().copied().chain([next]).collect())
        });
        codes = longer.collect();
    }
    codes
}

fn choose(count: usize, share: usize) -> usize {
    (0..share).fold(1, |all, n| all * (count - n) / (n + 1))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Who did what, as far as it is clear.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Member, and what it changed.
    pub clear: Vec<(usize, Decided)>,
    /// Members that may have changed something and have to be tried further; true when it may be whole objects.
    pub suspects: BTreeMap<usize, bool>,
}

impl Verdict {
    fn suspect(&mut self, members: &[usize], place: &Place) {
        for member in members {
            *self.suspects.entry(*member).or_default() |= place.field.0.is_empty();
        }
    }
}

/// Finds out, from all groups that rendered, who changed what. `speaks` says whether the template of an object is known to use
/// what a member changes: where such members explain a change, no others are considered.
pub(super) fn attribute(seen: &[Seen], speaks: &dyn Fn(usize, &str) -> bool) -> Verdict {
    let mut verdict = Verdict::default();
    let mut groups_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (n, (members, _)) in seen.iter().enumerate() {
        for member in members {
            groups_of.entry(*member).or_default().insert(n);
        }
    }
    let mut changed: BTreeMap<&Place, BTreeMap<usize, &Decided>> = BTreeMap::new();
    for (n, (_, all)) in seen.iter().enumerate() {
        for decided in all {
            changed.entry(&decided.place).or_default().insert(n, decided);
        }
    }
    for (place, by) in &changed {
        let here: BTreeSet<usize> = by.keys().copied().collect();
        // Groups in which the place could not be seen, because something above it changed.
        let hidden: BTreeSet<usize> = changed
            .iter()
            .filter(|(other, _)| {
                other.object == place.object && other.field != place.field && other.field.is_above(&place.field)
            })
            .flat_map(|(_, by)| by.keys().copied())
            .collect();
        let may: Vec<usize> = groups_of
            .iter()
            .filter(|(_, groups)| {
                groups.iter().all(|n| here.contains(n) || hidden.contains(n)) && !groups.is_disjoint(&here)
            })
            .map(|(member, _)| *member)
            .collect();
        let source = by.values().next().map_or("", |decided| decided.source.as_str());
        let known: Vec<usize> = may.iter().copied().filter(|member| speaks(*member, source)).collect();
        let explains = |all: &[usize]| {
            here.iter()
                .all(|n| all.iter().any(|member| groups_of[member].contains(n)))
        };
        let may = if explains(&known) { known } else { may };
        let same = || {
            by.values()
                .all(|decided| by.values().all(|other| other.after == decided.after))
        };
        // Those that were in changed groups only explain more than those that might have been hidden in the others.
        let full: Vec<usize> = may
            .iter()
            .copied()
            .filter(|member| groups_of[member].is_subset(&here))
            .collect();
        let all_of_it = |member: &&usize| groups_of[*member] == here;
        // Two or more that share a place: who alone explains some group did it; those do explain all, as a rule.
        let needed: Vec<usize> = full
            .iter()
            .copied()
            .filter(|member| {
                let by_others = |group: &usize| full.iter().any(|o| o != member && groups_of[o].contains(group));
                groups_of[member].iter().any(|group| !by_others(group))
            })
            .collect();
        let explained = here
            .iter()
            .all(|n| needed.iter().any(|member| groups_of[member].contains(n)));
        match (full.iter().find(all_of_it), &full[..], &may[..]) {
            (Some(one), ..) | (None, [one], _) | (None, [], [one]) if same() => {
                if let Some(decided) = by.values().next() {
                    verdict.clear.push((*one, (*decided).clone()));
                }
            }
            (_, [_, _, ..], _) if explained && same() => {
                for member in needed {
                    let of_its_own = by.iter().find(|(n, _)| groups_of[&member].contains(*n));
                    let decided = of_its_own.map(|(_, decided)| (member, (*decided).clone()));
                    verdict.clear.extend(decided);
                }
            }
            (_, [_, ..], _) => verdict.suspect(&full, place),
            // What cannot be told from this many is left: who is not found by anything else is tried alone later.
            _ if may.len() <= 3 => verdict.suspect(&may, place),
            _ => {}
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::object::ObjRef;

    #[test]
    fn no_two_members_are_in_the_same_groups() {
        let densities = [Density::Sparse, Density::Third, Density::Half];
        for (members, density) in [3, 7, 40, 171, 600].into_iter().flat_map(|n| densities.map(|d| (n, d))) {
            let all: Vec<usize> = (0..members).collect();
            let groups = groups(&all, density, &|_, _| false);
            let of = |member: usize| {
                groups
                    .iter()
                    .enumerate()
                    .filter(|(_, g)| g.contains(&member))
                    .map(|(n, _)| n)
                    .collect::<Vec<_>>()
            };
            let codes: BTreeSet<Vec<usize>> = (0..members).map(of).collect();
            assert_eq!(codes.len(), members);
            let most = match density {
                Density::Sparse => 9 + 2 * (members as f64).sqrt() as usize,
                Density::Third => 14,
                Density::Half => 12,
            };
            assert!(groups.len() <= most, "{} groups", groups.len());
            let sizes = groups.iter().map(Vec::len);
            let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
            assert!(members < 40 || most < 3 * least, "{least} to {most} members");
        }
    }

    #[test]
    fn two_that_take_the_same_object_away_are_both_found() {
        let gone = Decided {
            place: Place {
                object: ObjRef::new("v1", "Service", None, "a"),
                field: "".parse().unwrap(),
            },
            before: Some(json!({})),
            after: None,
            hook: false,
            source: String::new(),
        };
        let dealt = groups(&(0..60).collect::<Vec<_>>(), Density::Sparse, &|_, _| false);
        let seen: Vec<Seen> = dealt
            .into_iter()
            .map(|members| {
                let takes = members.contains(&11) || members.contains(&42);
                (members, if takes { vec![gone.clone()] } else { Vec::new() })
            })
            .collect();
        let of = |verdict: &Verdict| verdict.clear.iter().map(|(member, _)| *member).collect::<Vec<_>>();
        // Without knowing who is spoken of, nobody is blamed for what others may have done.
        let verdict = attribute(&seen, &|_, _| false);
        assert!(of(&verdict).is_empty() && [11, 42].iter().all(|n| verdict.suspects.contains_key(n)));
        let verdict = attribute(&seen, &|member, _| [3, 11, 27, 42].contains(&member));
        assert_eq!(of(&verdict), [11, 42]);
        assert!(verdict.suspects.is_empty(), "{:?}", verdict.suspects);
    }

    #[test]
    fn those_that_exclude_each_other_never_meet() {
        let all: Vec<usize> = (0..40).collect();
        let exclude = |a: usize, b: usize| a != b && a / 4 == b / 4;
        let groups = groups(&all, Density::Sparse, &exclude);
        let meet = |group: &Vec<usize>| group.iter().any(|a| group.iter().any(|b| exclude(*a, *b)));
        assert!(!groups.iter().any(meet), "{groups:?}");
        assert!(
            all.iter()
                .all(|member| groups.iter().any(|group| group.contains(member)))
        );
    }

    #[test]
    fn the_one_in_all_changed_groups_did_it() {
        let change = |field: &str| Decided {
            place: Place {
                object: ObjRef::new("v1", "Service", None, "a"),
                field: field.parse().unwrap(),
            },
            before: Some(json!(1)),
            after: None,
            hook: false,
            source: String::new(),
        };
        let dealt = groups(&(0..30).collect::<Vec<_>>(), Density::Sparse, &|_, _| false);
        let culprit = 17;
        let seen: Vec<Seen> = dealt
            .into_iter()
            .map(|members| {
                let decided = if members.contains(&culprit) {
                    vec![change("spec.x")]
                } else {
                    Vec::new()
                };
                (members, decided)
            })
            .collect();
        let verdict = attribute(&seen, &|_, _| false);
        assert_eq!(
            verdict.clear.iter().map(|(member, _)| *member).collect::<Vec<_>>(),
            [culprit]
        );
        assert!(verdict.suspects.is_empty());
    }
}

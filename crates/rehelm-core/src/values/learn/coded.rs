//! Groups in which every member is told by where it is: each is in two groups, and no two are in the same two.

use std::collections::{BTreeMap, BTreeSet};

use super::scene::{Decided, Observation};
use crate::values::map::Place;

/// Deals members into groups; neighbours rarely meet. Few members get a group each.
pub(super) fn groups(members: usize) -> Vec<Vec<usize>> {
    if members <= 6 {
        return (0..members).map(|member| vec![member]).collect();
    }
    // Pairs (a, a + d) for d from 2 up to half of an odd number of groups.
    let mut count = 7;
    while count * ((count - 1) / 2 - 1) < members {
        count += 2;
    }
    let mut groups = vec![Vec::new(); count];
    for member in 0..members {
        let (distance, first) = (2 + member / count, member % count);
        groups[first].push(member);
        groups[(first + distance) % count].push(member);
    }
    groups
}

/// Who did what, as far as it is clear.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Member, and what it changed.
    pub clear: Vec<(usize, Decided)>,
    /// Members that may have changed something and have to be tried alone.
    pub suspects: BTreeSet<usize>,
}

/// Finds out, from all groups that rendered, who changed what.
pub(super) fn attribute(seen: &[(Vec<usize>, Observation)]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut groups_of: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (n, (members, _)) in seen.iter().enumerate() {
        for member in members {
            groups_of.entry(*member).or_default().insert(n);
        }
    }
    let mut changed: BTreeMap<&Place, BTreeMap<usize, &Decided>> = BTreeMap::new();
    for (n, (_, observation)) in seen.iter().enumerate() {
        for decided in &observation.decided {
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
        match (full.iter().find(all_of_it), &full[..], &may[..]) {
            (Some(one), ..) | (None, [one], _) | (None, [], [one]) if same() => {
                if let Some(decided) = by.values().next() {
                    verdict.clear.push((*one, (*decided).clone()));
                }
            }
            (_, [_, ..], _) => verdict.suspects.extend(full),
            // What cannot be told from this many is left: who is not found by anything else is tried alone later.
            _ if may.len() <= 3 => verdict.suspects.extend(may),
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
        for members in [3, 7, 40, 171, 600] {
            let groups = groups(members);
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
            assert!(
                members < 7 || groups.len() < 9 + 2 * (members as f64).sqrt() as usize,
                "{} groups",
                groups.len()
            );
        }
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
        };
        let dealt = groups(30);
        let culprit = 17;
        let seen: Vec<(Vec<usize>, Observation)> = dealt
            .into_iter()
            .map(|members| {
                let decided = if members.contains(&culprit) {
                    vec![change("spec.x")]
                } else {
                    Vec::new()
                };
                (
                    members,
                    Observation {
                        decided,
                        ..Observation::default()
                    },
                )
            })
            .collect();
        let verdict = attribute(&seen);
        assert_eq!(
            verdict.clear.iter().map(|(member, _)| *member).collect::<Vec<_>>(),
            [culprit]
        );
        assert!(verdict.suspects.is_empty());
    }
}

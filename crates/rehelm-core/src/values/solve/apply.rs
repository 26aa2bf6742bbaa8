//! Trying what was chosen: render, keep what works, leave the rest.

use std::collections::BTreeSet;

use super::choose::Wisher;
use super::index::name_of;
use super::names::Names;
use super::ways::Put;
use super::{Group, Kept, Search, differing};
use crate::object::ObjRef;
use crate::values::field::FieldPath;
use crate::values::path::ValuePath;
use crate::values::render::{RenderError, Rendered};
use crate::values::sides::{Sides, sides};

/// Renders with what was chosen and keeps what is good. None when nothing of it was: the next round knows more.
pub(super) async fn apply(
    search: &mut Search<'_>,
    chosen: Group,
    before: &Sides,
    names: &Names,
) -> Result<Option<(Vec<Rendered>, Sides)>, RenderError> {
    let (accepted, rendered) = refusals(search, chosen).await?;
    let Some(rendered) = rendered else { return Ok(None) };
    let after = sides(search.problem.today, &rendered, search.problem.renames);
    let (good, bad) = judge(search, accepted, before, &after, names, &rendered);
    search.failed.extend(bad);
    better(search, good, before).await
}

/// Keeps of a group what brings the two sides nearer: all of it, or halves of it.
async fn better(
    search: &mut Search<'_>,
    good: Group,
    before: &Sides,
) -> Result<Option<(Vec<Rendered>, Sides)>, RenderError> {
    let mut best = before.distance();
    let mut found = None;
    let mut todo = vec![good];
    while let Some(group) = todo.pop() {
        if group.is_empty() {
            continue;
        }
        let kept = with(&search.kept, &group);
        search.renders += 1;
        let nearer = match search.renderer.render(&search.values(&kept), 0).await {
            Ok(rendered) => {
                let after = sides(search.problem.today, &rendered, search.problem.renames);
                (after.distance() < best).then_some((rendered, after))
            }
            Err(RenderError::Refused(_)) => None,
            Err(broken) => return Err(broken),
        };
        if let Some((rendered, after)) = nearer {
            best = after.distance();
            search.kept = kept;
            found = Some((rendered, after));
        } else if group.len() == 1 {
            search
                .failed
                .extend(group.into_iter().map(|(path, put, _)| (path, put)));
        } else {
            let mut first = group;
            let second = first.split_off(first.len() / 2);
            todo.push(second);
            todo.push(first);
        }
    }
    Ok(found)
}

/// What is kept with more on top: a later content of a value takes the place of the earlier one.
fn with(kept: &[Kept], more: &Group) -> Vec<Kept> {
    let replaced = |path: &ValuePath| more.iter().any(|(p, put, _)| p == path && matches!(put, Put::Set(_)));
    let mut out: Vec<Kept> = kept.iter().filter(|k| !replaced(&k.path)).cloned().collect();
    out.extend(more.iter().map(|(path, put, because)| Kept {
        path: path.clone(),
        put: put.clone(),
        because: because.clone(),
    }));
    out
}

/// Halves what the chart refuses until only what it takes is left, with the render of that.
async fn refusals(search: &mut Search<'_>, chosen: Group) -> Result<(Group, Option<Vec<Rendered>>), RenderError> {
    let mut accepted: Group = Vec::new();
    let mut last = None;
    let mut todo = vec![chosen];
    while let Some(group) = todo.pop() {
        if group.is_empty() {
            continue;
        }
        let mut tried = accepted.clone();
        tried.extend(group.clone());
        search.renders += 1;
        let values = search.values(&with(&search.kept, &tried));
        match search.renderer.render(&values, 0).await {
            Ok(rendered) => {
                accepted = tried;
                last = Some(rendered);
            }
            Err(RenderError::Refused(_)) if group.len() == 1 => {
                search
                    .failed
                    .extend(group.into_iter().map(|(path, put, _)| (path, put)));
            }
            Err(RenderError::Refused(_)) => {
                let mut first = group;
                let second = first.split_off(first.len() / 2);
                todo.push(second);
                todo.push(first);
            }
            Err(broken) => return Err(broken),
        }
    }
    Ok((accepted, last))
}

/// Kinds of guesses that are asked for when the chart refuses all at once.
const KINDS: usize = 12;

/// Of guesses what the chart takes: all, or those of one last key at a time. One that refuses unknown keys is not asked for each.
pub(super) async fn harmless(search: &mut Search<'_>, guesses: Group) -> Result<Group, RenderError> {
    if guesses.is_empty() || takes(search, &guesses).await? {
        return Ok(guesses);
    }
    let mut kinds: Vec<(String, Group)> = Vec::new();
    for guess in guesses {
        let kind = guess.0.last_key().unwrap_or_default().to_owned();
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, group)) => group.push(guess),
            None => kinds.push((kind, vec![guess])),
        }
    }
    let mut out = Group::new();
    for (_, group) in kinds.into_iter().take(KINDS) {
        if takes(search, &group).await? {
            out.extend(group);
        }
    }
    Ok(out)
}

async fn takes(search: &mut Search<'_>, group: &Group) -> Result<bool, RenderError> {
    search.renders += 1;
    let values = search.values(&with(&search.kept, group));
    match search.renderer.render(&values, 0).await {
        Ok(_) => Ok(true),
        Err(RenderError::Refused(_)) => Ok(false),
        Err(broken) => Err(broken),
    }
}

type Judged = (Group, Vec<(ValuePath, Put)>);

/// What made a field right that wished it, and did not make more fields wrong than right.
fn judge(
    search: &Search<'_>,
    accepted: Group,
    before: &Sides,
    after: &Sides,
    names: &Names,
    rendered: &[Rendered],
) -> Judged {
    let (old, new) = (differing(before), differing(after));
    let there: BTreeSet<(String, String)> = before
        .pairs()
        .map(|(_, made, _)| id(&made.object.reference()))
        .collect();
    let learned = names.of(rendered);
    let broken: Vec<&(ObjRef, FieldPath)> = new
        .iter()
        .filter(|place| !old.contains(place) && there.contains(&id(&place.0)))
        .collect();
    let missing: BTreeSet<(String, String)> = after.only_today().map(|o| id(&o.reference())).collect();
    let extra: BTreeSet<(String, String)> = after.only_chart().map(|m| id(&m.object.reference())).collect();
    let was_missing: BTreeSet<(String, String)> = before.only_today().map(|o| id(&o.reference())).collect();
    let works = |by: &Wisher| {
        if by.field.0.is_empty() {
            let id = id(&by.object);
            return if was_missing.contains(&id) {
                !missing.contains(&id)
            } else {
                !extra.contains(&id)
            };
        }
        if by.field == FieldPath::keys(["metadata", "name"]) {
            return after
                .pairs()
                .all(|(a, m, _)| id(&m.object.reference()) != id(&by.object) || a.name() == m.object.name());
        }
        !new.contains(&(by.object.clone(), by.field.clone()))
    };
    let (mut good, mut bad): Judged = (Vec::new(), Vec::new());
    for (path, put, by) in accepted {
        let right: Vec<Wisher> = by.into_iter().filter(|by| works(by)).collect();
        let wrong = broken
            .iter()
            .filter(|(object, field)| {
                let name = name_of(object);
                let name = learned.get(&name).unwrap_or(&name);
                let reaching = search.index.field(name, field);
                reaching
                    .iter()
                    .any(|(entry, _)| entry.path.is_above(&path) || path.is_above(&entry.path))
            })
            .count();
        let lost = missing
            .difference(&was_missing)
            .filter(|id| switched(search, id, &path))
            .count();
        if right.is_empty() || wrong >= right.len() + usize::from(wrong == 0) || lost > 0 {
            bad.push((path, put));
        } else {
            good.push((path, put, right));
        }
    }
    (good, bad)
}

fn id(object: &ObjRef) -> (String, String) {
    (object.kind.clone(), object.name.clone())
}

fn switched(search: &Search<'_>, id: &(String, String), path: &ValuePath) -> bool {
    let found = search.problem.map.entry(path);
    found.is_some_and(|entry| {
        entry
            .reaches
            .iter()
            .any(|r| r.field.0.is_empty() && id.0 == r.object.kind && id.1 == r.object.name)
    })
}

//! Lists in strategic merge patches: joined by merge key or as sets, and put in order.

use serde_json::Value;

use super::{DIRECTIVE, Field, Mapping, merge_maps, unknown_directive};
use crate::patch::wording;
use crate::refusal::Refusal;

/// Joins a list with a patch's, or takes the patch's scalars out of it.
pub(super) fn merged(field: &Field, old: Vec<Value>, new: Vec<Value>, deletes: bool) -> Result<Vec<Value>, Refusal> {
    if old.is_empty() && new.is_empty() {
        return Ok(old);
    }
    let of_maps = old.first().or(new.first()).is_some_and(Value::is_object);
    if !of_maps {
        if deletes {
            return Ok(old.into_iter().filter(|item| !new.contains(item)).collect());
        }
        let mut joined: Vec<Value> = Vec::with_capacity(old.len() + new.len());
        for item in old.iter().chain(&new) {
            if !joined.contains(item) {
                joined.push(item.clone());
            }
        }
        return Ok(ordered(joined, &new, &old, None));
    }
    let Some(key) = field.key.as_deref() else {
        return Err(Refusal::unexplained("cannot merge lists without merge key"));
    };
    let (mut list, rest) = directed(key, old, new)?;
    let before = list.clone();
    let items = field.items();
    for item in &rest {
        let Value::Object(item) = item else {
            return Err(Refusal::unexplained("expected a map[string]interface {}"));
        };
        let value = item.get(key).ok_or_else(|| no_key(item, key))?;
        match list.iter().position(|old| old.get(key) == Some(value)) {
            Some(at) => {
                let old = list[at].as_object().cloned().unwrap_or_default();
                list[at] = Value::Object(merge_maps(items.as_ref(), old, item.clone())?);
            }
            None => list.push(Value::Object(item.clone())),
        }
    }
    Ok(ordered(list, &rest, &before, Some(key)))
}

/// Carries out the directives among the items; gives the list and what is left of the patch.
fn directed(key: &str, mut old: Vec<Value>, new: Vec<Value>) -> Result<(Vec<Value>, Vec<Value>), Refusal> {
    let (mut rest, mut replaces) = (Vec::new(), false);
    for item in new {
        let Some(directive) = item.get(DIRECTIVE) else {
            rest.push(item);
            continue;
        };
        let map = item.as_object().cloned().unwrap_or_default();
        match directive.as_str() {
            Some("delete") => {
                let value = map.get(key).ok_or_else(|| no_key(&map, key))?;
                old.retain(|item| item.get(key) != Some(value));
            }
            Some("replace") => replaces = true,
            Some("merge") => {
                return Err(Refusal::unexplained(
                    "merging lists cannot yet be specified in the patch",
                ));
            }
            _ => return Err(unknown_directive(directive, &map)),
        }
    }
    Ok(if replaces { (rest, Vec::new()) } else { (old, rest) })
}

fn no_key(item: &Mapping, key: &str) -> Refusal {
    let map = wording::plain(&Value::Object(item.clone()));
    Refusal::unexplained(format!("map: {map} does not contain declared merge key: {key}"))
}

fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    match key {
        Some(key) => a.get(key).is_some() && a.get(key) == b.get(key),
        None => a == b,
    }
}

/// Items that `order` names in its order; the others keep their places of `before` among them.
pub(super) fn ordered(list: Vec<Value>, order: &[Value], before: &[Value], key: Option<&str>) -> Vec<Value> {
    let place = |among: &[Value], item: &Value| among.iter().position(|other| same(other, item, key));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        list.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    others.sort_by_key(|item| place(before, item));
    let mut all = Vec::with_capacity(named.len() + others.len());
    let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let first = match (others.peek(), named.peek()) {
            (Some(other), Some(one)) => match (place(before, other), place(before, one)) {
                (Some(a), Some(b)) if a < b => others.next(),
                _ => named.next(),
            },
            (Some(_), None) => others.next(),
            (None, _) => named.next(),
        };
        match first {
            Some(item) => all.push(item),
            None => return all,
        }
    }
}

/// A patch's items must be in the order that its `$setElementOrder` names.
pub(super) fn check_order(items: &[Value], order: &[Value], key: Option<&str>) -> Result<(), Refusal> {
    if items.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut left = order.iter();
    let kept = items.iter().filter(|item| item.get(DIRECTIVE).is_none());
    for item in kept {
        if !left.by_ref().any(|named| same(named, item, key)) {
            let list = |list: &[Value]| wording::plain(&Value::Array(list.to_vec()));
            return Err(Refusal::unexplained(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                list(items),
                list(order)
            )));
        }
    }
    Ok(())
}

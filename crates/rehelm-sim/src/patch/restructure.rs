//! Server-side apply's own operations on objects: laying one over another, and taking fields out.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fieldset::{Element, FieldSet};
use super::typed::{Atom, Type, item_element};

fn is_void(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// Lays `over` over `under`: leaves of `over` win, everything else is joined. None when nothing is left.
pub(crate) fn laid_over(of: &Type, under: Option<&Value>, over: Option<&Value>) -> Option<Value> {
    let (Some(a), Some(b)) = (under, over) else {
        return over.or(under).cloned();
    };
    let atom = if b.is_null() { of.atom(a) } else { of.atom(b) };
    if atom == Atom::Leaf || (is_void(under) && is_void(over)) {
        return Some(b.clone());
    }
    match (&atom, a, b) {
        (Atom::Map, _, Value::Object(over)) => {
            let nothing = Map::new();
            let mut joined = a.as_object().unwrap_or(&nothing).clone();
            for (key, value) in over {
                let below = laid_over(&of.field(key), joined.get(key), Some(value));
                match below {
                    Some(value) => joined.insert(key.clone(), value),
                    None => joined.shift_remove(key),
                };
            }
            Some(Value::Object(joined))
        }
        (Atom::Set | Atom::Keyed(_), _, Value::Array(over)) => {
            let under = a.as_array().map(Vec::as_slice).unwrap_or_default();
            let list = joined_lists(of, &atom, under, over);
            (!list.is_empty()).then_some(Value::Array(list))
        }
        // A null of a joined type says nothing.
        _ => Some(a.clone()),
    }
}

/// Items of both lists: those of `over` in its order; those only in `under` stay where they were among the others.
fn joined_lists(of: &Type, atom: &Atom, under: &[Value], over: &[Value]) -> Vec<Value> {
    let items = of.items();
    let named = |list: &'_ [Value]| -> Vec<Option<Element>> {
        list.iter().map(|item| item_element(of, atom, item).ok()).collect()
    };
    let (left, right) = (named(under), named(over));
    let at_right: BTreeMap<&Element, usize> = index(&right);
    // An item that is there more than once is replaced rather than joined.
    let at_left: BTreeMap<&Element, Option<usize>> =
        left.iter().enumerate().fold(BTreeMap::new(), |mut map, (at, e)| {
            if let Some(element) = e {
                map.entry(element).and_modify(|place| *place = None).or_insert(Some(at));
            }
            map
        });
    let mut shared = right
        .iter()
        .flatten()
        .filter(|element| at_left.contains_key(element))
        .peekable();
    let joined = |r: usize| {
        let before = right[r]
            .as_ref()
            .and_then(|element| at_left.get(element).copied().flatten());
        laid_over(&items, before.map(|at| &under[at]), Some(&over[r]))
    };
    let mut out = Vec::with_capacity(under.len().max(over.len()));
    let mut done = std::collections::BTreeSet::new();
    let (mut l, mut r) = (0, 0);
    while l < left.len() || r < right.len() {
        if let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
            if a == b {
                out.extend(joined(r));
                done.insert(b);
                l += 1;
                r += 1;
                shared.next();
                continue;
            }
            let both = a.as_ref().is_some_and(|a| at_right.contains_key(a));
            if both && shared.peek().is_some_and(|next| Some(*next) != a.as_ref()) {
                l += 1;
                continue;
            }
        }
        if let Some(a) = left.get(l) {
            if !a.as_ref().is_some_and(|a| at_right.contains_key(a)) {
                out.push(under[l].clone());
                l += 1;
                continue;
            }
            if done.contains(a) {
                l += 1;
            }
        }
        if let Some(b) = right.get(r) {
            out.extend(joined(r));
            done.insert(b);
            r += 1;
            if shared.peek().copied() == b.as_ref() {
                shared.next();
            }
        }
    }
    out
}

fn index(list: &[Option<Element>]) -> BTreeMap<&Element, usize> {
    let known = list.iter().enumerate().filter_map(|(at, e)| Some((e.as_ref()?, at)));
    known.collect()
}

/// The value without the fields of a set; what is emptied by that becomes null.
pub(crate) fn without(of: &Type, value: &Value, gone: &FieldSet) -> Value {
    let atom = of.atom(value);
    match (&atom, value) {
        (Atom::Map, Value::Object(map)) if !map.is_empty() => {
            let mut left = Map::new();
            for (key, value) in map {
                let element = Element::field(key);
                if gone.has_element(&element) {
                    continue;
                }
                let value = match gone.below(&element) {
                    Some(below) => without(&of.field(key), value, below),
                    None => value.clone(),
                };
                left.insert(key.clone(), value);
            }
            if left.is_empty() {
                Value::Null
            } else {
                Value::Object(left)
            }
        }
        (Atom::Set | Atom::Keyed(_), Value::Array(list)) if !list.is_empty() => {
            let items = of.items();
            let left: Vec<Value> = list
                .iter()
                .filter_map(|item| {
                    let Ok(element) = item_element(of, &atom, item) else {
                        return Some(item.clone());
                    };
                    if gone.has_element(&element) {
                        return None;
                    }
                    Some(match gone.below(&element) {
                        Some(below) => without(&items, item, below),
                        None => item.clone(),
                    })
                })
                .collect();
            if left.is_empty() {
                Value::Null
            } else {
                Value::Array(left)
            }
        }
        _ if atom == Atom::Leaf && !value.is_object() && !value.is_array() => value.clone(),
        _ => Value::Null,
    }
}

/// Drops nulls, as a server does that keeps objects as structs.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

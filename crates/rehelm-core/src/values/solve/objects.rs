//! Wishes of whole objects: to be there, not to be there, to be called as today.

use std::collections::BTreeMap;

use serde_json::Value;

use super::choose::{Wish, Wisher};
use super::index::{Index, Name, name_of};
use super::ways::{Put, Scene, Way, off};
use crate::object::{ObjRef, Object};
use crate::values::field::FieldPath;
use crate::values::map::How;
use crate::values::sides::Sides;
use crate::values::text;

/// Wishes of today's objects that the chart does not make, and of the chart's that today has not.
pub(super) fn wishes(index: &Index<'_>, now: &Sides, learned: &BTreeMap<Name, Name>, values: &Value) -> Vec<Wish> {
    let wished = now.only_today().filter_map(|object| there(index, object, values));
    let unwished = now
        .only_chart()
        .filter(|made| !made.hook && made.object.kind() != "Secret")
        .filter_map(|made| {
            let name = name_of(&made.object.reference());
            let name = learned.get(&name).unwrap_or(&name);
            gone(index, now, name, &made.object, values)
        });
    wished.chain(unwished).collect()
}

/// Every switch of the object is thrown.
fn there(index: &Index<'_>, object: &Object, values: &Value) -> Option<Wish> {
    let switches = index.switches(&name_of(&object.reference()));
    let mut puts: Vec<(crate::values::ValuePath, Put)> = Vec::new();
    for (entry, reach) in switches {
        let on = match &reach.how {
            How::Presence { when } => when.clone(),
            How::Absence { when } if when.is_boolean() => off(when, &entry.default),
            _ => continue,
        };
        let given = reach.given.iter().map(|(path, value)| (path, value));
        for (path, value) in std::iter::once((&entry.path, &on)).chain(given) {
            let known = puts.iter().any(|(p, _)| p == path);
            if !known && path.get(values).unwrap_or(&Value::Null) != value {
                puts.push((path.clone(), Put::Set(value.clone())));
            }
        }
    }
    let by = Wisher {
        object: object.reference(),
        field: FieldPath::default(),
    };
    (!puts.is_empty()).then(|| Wish {
        by,
        ways: vec![Way { puts }],
    })
}

/// One switch is enough; one that also makes hooks, secrets or what today has is none for this.
fn gone(index: &Index<'_>, now: &Sides, name: &Name, object: &Object, values: &Value) -> Option<Wish> {
    let ways = index.switches(name).into_iter().filter_map(|(entry, reach)| {
        let without = match &reach.how {
            How::Presence { when } if when.is_boolean() => off(when, &entry.default),
            How::Absence { when } => when.clone(),
            _ => return None,
        };
        let harmless = entry.reaches.iter().filter(|r| r.field.0.is_empty()).all(|r| {
            let other = name_of(&r.object);
            let today = now.today.iter().any(|o| name_of(&o.reference()) == other);
            !r.hook && other.1 != "Secret" && !today
        });
        let now = entry.path.get(values).unwrap_or(&Value::Null);
        (harmless && without != *now).then(|| Way::set(entry.path.clone(), without))
    });
    let ways: Vec<Way> = ways.collect();
    let by = Wisher {
        object: object.reference(),
        field: FieldPath::default(),
    };
    (!ways.is_empty()).then_some(Wish { by, ways })
}

/// Values that are part of the object's name.
pub(super) fn renamed(scene: &Scene<'_>, wanted: &str, reference: &ObjRef) -> Option<Wish> {
    let mut ways = Vec::new();
    for (_, reach) in scene.index.object(scene.name) {
        let How::Renames { parts } = &reach.how else { continue };
        let Some(read) = text::read(parts, wanted) else {
            continue;
        };
        let puts = read
            .into_iter()
            .map(|(path, text)| (path, Put::Set(Value::String(text))));
        ways.push(Way {
            puts: puts
                .filter(|(path, put)| !matches!(put, Put::Set(v) if scene.value(path) == v))
                .collect(),
        });
    }
    ways.retain(|way| !way.puts.is_empty());
    ways.dedup();
    let by = Wisher {
        object: reference.clone(),
        field: FieldPath::keys(["metadata", "name"]),
    };
    (!ways.is_empty()).then_some(Wish { by, ways })
}

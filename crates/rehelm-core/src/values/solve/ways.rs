//! Ways to make one field of the chart as it is today, from what the map knows; each is a guess that a render has to confirm.

use serde_json::{Number, Value, json};

use super::index::{Index, Name};
use super::lists;
use crate::values::compare::{Compared, Difference};
use crate::values::field::{FieldPath, FieldStep};
use crate::values::map::{Entry, How, Reach};
use crate::values::path::ValuePath;
use crate::values::text::{self, Part};

/// What is done to one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// It becomes this; null takes a default away.
    Set(Value),
    /// The list gets this item as well.
    Append(Value),
    /// The list loses this item.
    Drop(Value),
}

/// One way: everything that has to be put for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// What is put where.
    pub puts: Vec<(ValuePath, Put)>,
}

impl Way {
    pub(super) fn set(path: ValuePath, value: Value) -> Self {
        Self {
            puts: vec![(path, Put::Set(value))],
        }
    }
}

/// One object with its comparison, and the values as they are now.
pub struct Scene<'a> {
    /// The map.
    pub index: &'a Index<'a>,
    /// The object's name in the map.
    pub name: &'a Name,
    /// Values as they are now, defaults included.
    pub values: &'a Value,
    /// The comparison.
    pub compared: &'a Compared,
}

impl Scene<'_> {
    /// What today has at a path of the chart's side.
    pub fn today(&self, field: &FieldPath) -> Option<Value> {
        self.at(field, true)
    }

    /// What the chart has at a path.
    pub fn chart(&self, field: &FieldPath) -> Option<Value> {
        self.at(field, false)
    }

    fn at(&self, field: &FieldPath, today: bool) -> Option<Value> {
        if let Some(node) = self.compared.nodes.get(field) {
            return if today { node.today.clone() } else { node.chart.clone() };
        }
        if let Some(difference) = self.compared.differences.iter().find(|d| d.field == *field) {
            return if today {
                difference.today.clone()
            } else {
                difference.chart.clone()
            };
        }
        self.compared
            .equal
            .iter()
            .find(|(path, _)| path == field)
            .map(|(_, value)| value.clone())
    }

    /// What one side itself says at a path, without what the server would fill in.
    fn said(&self, field: &FieldPath, today: bool) -> Option<Value> {
        let (Some(FieldStep::Key(key)), Some(above)) = (field.0.last(), field.parent()) else {
            return self.at(field, today);
        };
        let node = self.compared.nodes.get(&above)?;
        let side = if today { &node.today } else { &node.chart };
        side.as_ref()?.get(key).cloned()
    }

    /// A value as it is now.
    pub fn value(&self, path: &ValuePath) -> &Value {
        path.get(self.values).unwrap_or(&Value::Null)
    }
}

/// Ways to settle a difference, best first.
pub fn ways(scene: &Scene<'_>, difference: &Difference) -> Vec<Way> {
    let mut out = Vec::new();
    for (entry, reach) in scene.index.field(scene.name, &difference.field) {
        let mut found = by(scene, entry, reach, difference);
        let needed: Vec<(ValuePath, Put)> = reach
            .given
            .iter()
            .filter(|(path, value)| scene.value(path) != value)
            .map(|(path, value)| (path.clone(), Put::Set(value.clone())))
            .collect();
        for way in &mut found {
            let more: Vec<_> = needed
                .iter()
                .filter(|(path, _)| way.puts.iter().all(|(p, _)| p != path))
                .cloned()
                .collect();
            way.puts.extend(more);
        }
        out.extend(found);
    }
    // What needs nothing else comes first, in the order of nearness.
    out.retain(|way| !way.puts.is_empty());
    let mut unique: Vec<Way> = Vec::new();
    for way in out {
        if !unique.contains(&way) {
            unique.push(way);
        }
    }
    unique.sort_by_key(|way| way.puts.len() > 2);
    unique
}

pub(super) fn by(scene: &Scene<'_>, entry: &Entry, reach: &Reach, difference: &Difference) -> Vec<Way> {
    let exact = reach.field == difference.field;
    match &reach.how {
        How::Whole => whole(scene, entry, reach, difference),
        How::Text { parts } if exact => difference.today.as_ref().map_or_else(
            || removed(scene, entry, &difference.field),
            |today| texts(scene, parts, today),
        ),
        How::Choice { cases } if exact => cases
            .iter()
            .filter(|(_, content)| *content == difference.today || *content == scene.said(&difference.field, true))
            .map(|(value, _)| Way::set(entry.path.clone(), value.clone()))
            .collect(),
        How::Each { key, item } => lists::each(scene, entry, reach, difference, key.as_deref(), item),
        How::Joined { item, by } if exact => lists::joined(scene, entry, difference, item, by),
        How::Presence { when } => presence(scene, entry, reach, when),
        How::Absence { when } => absence(scene, entry, reach, when),
        How::Alters if exact => match &difference.today {
            Some(today) if !today.is_object() && !today.is_array() => {
                vec![Way::set(entry.path.clone(), like(today, &entry.default))]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The value that switches something off that exists with `when`.
pub fn off(when: &Value, default: &Value) -> Value {
    match when {
        Value::Bool(on) => json!(!on),
        _ if default != when => default.clone(),
        Value::String(_) => json!(""),
        Value::Number(_) => json!(0),
        Value::Array(_) => json!([]),
        _ => Value::Null,
    }
}

fn presence(scene: &Scene<'_>, entry: &Entry, reach: &Reach, when: &Value) -> Vec<Way> {
    let (today, chart) = (scene.said(&reach.field, true), scene.said(&reach.field, false));
    let now = scene.value(&entry.path);
    match (today, chart) {
        (Some(_), None) if now != when => vec![Way::set(entry.path.clone(), when.clone())],
        (None, Some(_)) => {
            let off = off(when, &entry.default);
            let off = if *now == off { Value::Null } else { off };
            vec![Way::set(entry.path.clone(), off)]
        }
        _ => Vec::new(),
    }
}

/// The field is gone with one content and there with any other.
fn absence(scene: &Scene<'_>, entry: &Entry, reach: &Reach, when: &Value) -> Vec<Way> {
    let now = scene.value(&entry.path);
    match (scene.said(&reach.field, true), scene.said(&reach.field, false)) {
        (None, Some(_)) if now != when => vec![Way::set(entry.path.clone(), when.clone())],
        (Some(_), None) if when.is_boolean() => vec![Way::set(entry.path.clone(), off(when, &entry.default))],
        _ => Vec::new(),
    }
}

/// The field, or something above it, is the value itself.
fn whole(scene: &Scene<'_>, entry: &Entry, reach: &Reach, difference: &Difference) -> Vec<Way> {
    let rest = &difference.field.0[reach.field.0.len()..];
    // Down to the first list, which is given as a whole: Helm cannot merge lists.
    let keys: Vec<&str> = rest
        .iter()
        .map_while(|step| match step {
            FieldStep::Key(key) => Some(key.as_str()),
            _ => None,
        })
        .collect();
    let below = |n: usize| keys[..n].iter().fold(entry.path.clone(), |path, key| path.key(key));
    if keys.len() < rest.len() {
        let field = keys.iter().fold(reach.field.clone(), |path, key| path.key(key));
        let list = scene.today(&field).unwrap_or_else(|| json!([]));
        return vec![Way::set(below(keys.len()), list)];
    }
    match &difference.today {
        Some(today) if keys.is_empty() => scalars(entry.path.clone(), today, &entry.default),
        Some(today) => scalars(
            below(keys.len()),
            today,
            below(keys.len()).get(scene.values).unwrap_or(today),
        ),
        None if keys.is_empty() => removed(scene, entry, &difference.field),
        None => {
            // The highest map that today has not at all; that is the value itself when nothing of it is there.
            let mut depth = keys.len();
            while depth > 0 {
                let field = keys[..depth - 1]
                    .iter()
                    .fold(reach.field.clone(), |path, key| path.key(key));
                if scene.today(&field).is_some() {
                    break;
                }
                depth -= 1;
            }
            let highest = Way::set(below(depth), Value::Null);
            match depth {
                0 => vec![highest, Way::set(below(1), Value::Null)],
                _ => vec![highest],
            }
        }
    }
}

/// A scalar, in the forms that survive Helm's reader.
fn scalars(path: ValuePath, today: &Value, now: &Value) -> Vec<Way> {
    let first = if now.is_null() { today.clone() } else { like(today, now) };
    let mut found = vec![Way::set(path.clone(), first.clone())];
    if first != *today {
        found.push(Way::set(path.clone(), today.clone()));
    }
    if let Value::Number(number) = &first
        && number.as_f64().is_some_and(|n| n.abs() >= 1e6)
    {
        // Helm prints such numbers with an exponent unless they are texts.
        found.insert(0, Way::set(path.clone(), json!(number.to_string())));
    }
    if let Some(escaped) = escaped(today) {
        found.push(Way::set(path, escaped));
    }
    found
}

/// What leaves a field out. When today has nothing of the map that it is in, the map's value goes as a whole: half of a map,
/// such as a probe without its action, would be refused by the server.
fn removed(scene: &Scene<'_>, entry: &Entry, field: &FieldPath) -> Vec<Way> {
    if let Some(above) = absent_above(scene, &entry.path, field) {
        return vec![Way::set(above, Value::Null)];
    }
    let mut contents = match &entry.default {
        Value::String(_) => vec![json!(""), Value::Null],
        Value::Object(_) | Value::Array(_) | Value::Null => vec![Value::Null],
        _ => vec![Value::Null, json!("")],
    };
    contents.retain(|content| content != scene.value(&entry.path));
    contents
        .into_iter()
        .map(|content| Way::set(entry.path.clone(), content))
        .collect()
}

/// The highest value above a path that makes a map of which today has nothing, by the keys that path and field share.
fn absent_above(scene: &Scene<'_>, path: &ValuePath, field: &FieldPath) -> Option<ValuePath> {
    let (mut path, mut field) = (path.clone(), field.clone());
    let mut highest = None;
    while let (Some(key), Some(FieldStep::Key(name))) = (path.last_key(), field.0.last()) {
        let (above, higher) = (path.parent()?, field.parent()?);
        if key != name || above.0.is_empty() || scene.today(&higher).is_some() {
            break;
        }
        highest = Some(above.clone());
        (path, field) = (above, higher);
    }
    highest
}

/// Values that make a text: all of them as the text is made, then each of them alone with the others as they are.
fn texts(scene: &Scene<'_>, parts: &[Part], today: &Value) -> Vec<Way> {
    let text = match today {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => today.to_string(),
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut add = |read: Option<Vec<(ValuePath, String)>>| {
        let Some(read) = read else { return };
        let mut plain = Way { puts: Vec::new() };
        let mut safe = Way { puts: Vec::new() };
        for (path, text) in read {
            let now = scene.value(&path);
            let value = like(&Value::String(text), now);
            if value == *now || plain.puts.iter().any(|(p, _)| *p == path) {
                continue;
            }
            safe.puts
                .push((path.clone(), Put::Set(escaped(&value).unwrap_or_else(|| value.clone()))));
            plain.puts.push((path, Put::Set(value)));
        }
        found.push(plain.clone());
        if safe != plain {
            found.push(safe);
        }
    };
    add(text::read(parts, &text));
    let values = text::values_of(parts);
    if values.len() > 1 {
        for only in values {
            add(fixed(parts, only, scene).and_then(|parts| text::read(&parts, &text)));
        }
    }
    found
}

/// The parts with every value but one as it is now.
fn fixed(parts: &[Part], only: &ValuePath, scene: &Scene<'_>) -> Option<Vec<Part>> {
    let fixed = parts.iter().map(|part| match part {
        Part::Value { path, coding } if path != only => Some(Part::Literal(coding.write(scene.value(path))?)),
        Part::Base64(inner) => Some(Part::Base64(fixed(inner, only, scene)?)),
        part => Some(part.clone()),
    });
    let mut joined: Vec<Part> = Vec::new();
    for part in fixed.collect::<Option<Vec<_>>>()? {
        match (joined.last_mut(), part) {
            (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
            (_, part) => joined.push(part),
        }
    }
    Some(joined)
}

/// A text that a template engine would take for one of its own, written so that it does not.
fn escaped(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.contains("{{"))?;
    Some(json!(text.replace("{{", "{{ \"{{\" }}")))
}

/// A scalar in the type of another one, where it has a form in it.
pub fn like(value: &Value, other: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return value.clone(),
    };
    match other {
        Value::Bool(_) => text.parse::<bool>().map_or_else(|_| value.clone(), Value::Bool),
        Value::Number(_) => {
            let small = |n: &i64| n.abs() < 1_000_000 && n.to_string() == text;
            let number = text.parse::<i64>().ok().filter(small).map(Number::from);
            number.map_or_else(|| value.clone(), Value::Number)
        }
        Value::String(_) if !value.is_string() => Value::String(text),
        _ => value.clone(),
    }
}

/// A path with `*` for items, as the table of defaults has it.
pub fn starred(field: &FieldPath) -> String {
    let steps = field.0.iter().map(|step| match step {
        FieldStep::Key(key) => key.as_str(),
        _ => "*",
    });
    steps.collect::<Vec<_>>().join(".")
}

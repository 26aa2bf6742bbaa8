//! Ways through lists and maps that the chart ranges over: an item or an entry more, or one less.

use serde_json::{Map, Value};

use super::ways::{Put, Scene, Way, like};
use crate::values::compare::Difference;
use crate::values::field::FieldStep;
use crate::values::map::{Entry, Reach};
use crate::values::path::ValuePath;
use crate::values::pattern::{Fit, Hole, Pattern, read_text};

/// The field is a map or a list, and each entry or item of the value makes one of it.
pub(super) fn each(
    scene: &Scene<'_>,
    entry: &Entry,
    reach: &Reach,
    difference: &Difference,
    key: Option<&[Hole]>,
    item: &Pattern,
) -> Vec<Way> {
    let Some(step) = difference.field.0.get(reach.field.0.len()) else {
        return Vec::new();
    };
    let at = reach.field.step(step.clone());
    let (today, chart) = (scene.today(&at), scene.chart(&at));
    let name = match step {
        FieldStep::Key(name) => Some(name.as_str()),
        _ => None,
    };
    let fit = |made: Option<Value>| -> Option<Fit> {
        let mut fit = item.read(&made?)?;
        if let Some(holes) = key {
            fit.key = read_text(holes, name?)?.key;
        }
        Some(fit)
    };
    let now = scene.value(&entry.path);
    let keyed = now.is_object() || (!now.is_array() && entry.default.is_object()) || key.is_some();
    if keyed {
        return keys(&entry.path, now, fit(today.clone()), fit(chart), today.is_some());
    }
    let of_value = |fit: &Fit| {
        let content = fit.content.as_ref()?;
        now.as_array()?.iter().find(|have| *have == content).cloned()
    };
    let mut puts = Vec::new();
    // The chart's item goes when the value made it; what the chart writes itself can only be followed by another.
    if let Some(made) = fit(chart.clone()).as_ref().and_then(of_value) {
        puts.push((entry.path.clone(), Put::Drop(made)));
    }
    match fit(today.clone()) {
        Some(Fit {
            content: Some(content), ..
        }) => puts.push((entry.path.clone(), Put::Append(content))),
        _ if today.is_some() => return Vec::new(),
        _ => {}
    }
    vec![Way { puts }]
}

fn keys(path: &ValuePath, now: &Value, today: Option<Fit>, chart: Option<Fit>, wanted: bool) -> Vec<Way> {
    match (today, chart) {
        (
            Some(Fit {
                key: Some(key),
                content,
            }),
            _,
        ) => {
            let now = now.get(&key).unwrap_or(&Value::Null);
            let content = content.unwrap_or(Value::Null);
            let plain = Way::set(path.key(&key), like(&content, now));
            let literal = Way::set(path.key(&key), content);
            if plain == literal {
                vec![plain]
            } else {
                vec![plain, literal]
            }
        }
        (None, Some(Fit { key: Some(key), .. })) if !wanted && now.get(&key).is_some_and(|v| !v.is_null()) => {
            vec![Way::set(path.key(&key), Value::Null)]
        }
        _ => Vec::new(),
    }
}

/// The field is a text with every item or entry in it.
pub(super) fn joined(scene: &Scene<'_>, entry: &Entry, difference: &Difference, item: &[Hole], by: &str) -> Vec<Way> {
    let Some(Value::String(text)) = &difference.today else {
        return Vec::new();
    };
    let pieces: Vec<&str> = if text.is_empty() {
        Vec::new()
    } else {
        text.split(by).collect()
    };
    let fits: Option<Vec<Fit>> = pieces.into_iter().map(|piece| read_text(item, piece)).collect();
    let Some(fits) = fits else { return Vec::new() };
    let now = scene.value(&entry.path);
    if !now.is_object() {
        let items = fits
            .into_iter()
            .filter_map(|fit| fit.content.or(fit.key.map(Value::String)));
        return vec![Way::set(entry.path.clone(), items.collect())];
    }
    let mut map: Map<String, Value> = now
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| (key.clone(), Value::Null))
        .collect();
    for fit in fits {
        let Some(key) = fit.key else { return Vec::new() };
        map.insert(key, fit.content.unwrap_or(Value::Null));
    }
    let puts = map.into_iter().filter(|(key, value)| now.get(key) != Some(value));
    vec![Way {
        puts: puts
            .map(|(key, value)| (entry.path.key(&key), Put::Set(value)))
            .collect(),
    }]
}

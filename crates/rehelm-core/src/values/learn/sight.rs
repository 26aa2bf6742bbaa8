//! Finds sentinels in rendered objects.

use serde_json::Value;

use super::super::field::{FieldPath, item_steps};
use super::diff::name_of;
use super::normal::encoded_runs;
use super::sentinel::{MarkId, Marks};

/// Finds every sentinel. Paths are those of the restored version, whose items have their usual names; keys are as rendered.
pub(super) fn sight(
    raw: &Value,
    plain: &Value,
    at: &FieldPath,
    marks: &Marks,
    found: &mut dyn FnMut(MarkId, FieldPath, bool),
) {
    match (raw, plain) {
        (Value::String(text), _) => {
            for mark in in_text(text, marks) {
                found(mark, at.clone(), false);
            }
        }
        (Value::Number(number), _) => {
            if let Some(mark) = marks.of_number(number) {
                found(mark, at.clone(), false);
            }
        }
        (Value::Array(items), Value::Array(plains)) => {
            let steps = item_steps(name_of(at), plains);
            for ((item, plain), step) in items.iter().zip(plains).zip(steps) {
                sight(item, plain, &at.step(step), marks, found);
            }
        }
        (Value::Object(map), Value::Object(plains)) => {
            // Two keys may become one when they are restored; then the fields are looked at as they are.
            let zipped: Vec<&Value> = if map.len() == plains.len() {
                plains.values().collect()
            } else {
                map.values().collect()
            };
            let keys: Vec<&String> = if map.len() == plains.len() {
                plains.keys().collect()
            } else {
                map.keys().collect()
            };
            for (((key, value), plain), plain_key) in map.iter().zip(zipped).zip(keys) {
                let below = at.key(plain_key);
                for mark in in_text(key, marks) {
                    found(mark, below.clone(), true);
                }
                sight(value, plain, &below, marks, found);
            }
        }
        _ => {}
    }
}

/// Sentinels in a text, in base64 within it as well.
fn in_text(text: &str, marks: &Marks) -> Vec<MarkId> {
    let mut found: Vec<MarkId> = marks.in_text(text).into_iter().map(|sight| sight.mark).collect();
    if found.is_empty() {
        for (_, _, decoded) in encoded_runs(text) {
            found.extend(in_text(&decoded, marks));
        }
    }
    found.dedup();
    found
}

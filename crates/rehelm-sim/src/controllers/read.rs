//! Reading fields of objects that are plain JSON, and the conditions of their status.

use std::time::Duration;

use serde_json::{Value, json};

use crate::timeline::Time;

/// What a JSON pointer points at. The library copies every name of it to look for escapes; most pointers have none.
pub(crate) fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    if pointer.bytes().any(|byte| byte == b'~' || byte.is_ascii_digit()) {
        return object.pointer(pointer);
    }
    pointer
        .split('/')
        .skip(1)
        .try_fold(object, |value, name| value.get(name))
}

/// A text; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    at(object, pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number; 0 when absent.
pub(crate) fn int(object: &Value, pointer: &str) -> i64 {
    at(object, pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// `spec.replicas`, which is 1 when absent.
pub(crate) fn replicas(object: &Value) -> i64 {
    at(object, "/spec/replicas").and_then(Value::as_i64).unwrap_or(1)
}

pub(crate) fn flag(object: &Value, pointer: &str) -> bool {
    at(object, pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// A list; empty when absent.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    let list = at(object, pointer).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A time as `metav1.Time` and `metav1.MicroTime` write it.
pub(crate) fn time(text: &str) -> Option<Time> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Time(i64::try_from(moment.as_nanosecond()).ok()?))
}

/// How much of `span` is left since a moment that an object tells; nothing when the moment cannot be read.
pub(crate) fn left(since: &str, span: Duration, now: Time) -> Duration {
    time(since).map_or(Duration::ZERO, |since| since.after(span).since(now))
}

/// A count of the status, or a share of the replicas: `3`, `"25%"`.
pub(crate) fn scaled(value: Option<&Value>, of: i64, round_up: bool) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let product = percent * of;
            if round_up { (product + 99) / 100 } else { product / 100 }
        }
        _ => 0,
    }
}

/// A condition of the status.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|c| c["type"] == kind)
}

pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|c| c["status"] == "True")
}

/// A condition to be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition<'a> {
    pub kind: &'a str,
    pub status: &'a str,
    pub reason: &'a str,
    pub message: &'a str,
}

/// Sets a condition in its place (or adds it); `lastTransitionTime` moves when its status does.
pub(crate) fn set_condition(status: &mut Value, wanted: Condition<'_>, now: Time) {
    let old = list(status, "/conditions")
        .iter()
        .position(|c| c["type"] == wanted.kind);
    let before = old.map(|at| status["conditions"][at].clone());
    let same = before.as_ref().is_some_and(|c| c["status"] == wanted.status);
    let mut new = before.unwrap_or_else(|| json!({}));
    new["type"] = wanted.kind.into();
    new["status"] = wanted.status.into();
    if !same {
        new["lastTransitionTime"] = now.rfc3339().into();
    }
    new["reason"] = wanted.reason.into();
    new["message"] = wanted.message.into();
    place_condition(status, old, new);
}

/// Puts a condition at a place of the list, or at its end.
pub(crate) fn place_condition(status: &mut Value, at: Option<usize>, condition: Value) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    if let Some(all) = status["conditions"].as_array_mut() {
        match at {
            Some(at) => all[at] = condition,
            None => all.push(condition),
        }
    }
}

/// Takes a condition away; an empty list goes, too.
pub(crate) fn drop_condition(status: &mut Value, kind: &str) {
    if let Some(all) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        all.retain(|c| c["type"] != kind);
        if all.is_empty()
            && let Some(map) = status.as_object_mut()
        {
            map.shift_remove("conditions");
        }
    }
}

/// Sets a count that is left out when it is 0, as Go's `omitempty` has it.
pub(crate) fn set_count(status: &mut Value, field: &str, count: i64) {
    if count != 0 {
        status[field] = count.into();
    } else if let Some(map) = status.as_object_mut() {
        map.shift_remove(field);
    }
}

/// A count as `len` gives it.
pub(crate) fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// A number of things to take from a list; nothing for negative ones.
pub(crate) fn up_to(count: i64) -> usize {
    usize::try_from(count).unwrap_or(0)
}

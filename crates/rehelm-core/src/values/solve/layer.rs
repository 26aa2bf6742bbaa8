//! Values over values, as Helm lays them: maps are joined, everything else is replaced, null takes a key away.

use serde_json::{Map, Value};

use super::ways::Put;
use crate::values::path::{ValuePath, ValueStep};

/// What templates see: `over` on top of `base`.
pub fn overlay(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut out = base.clone();
            for (key, value) in over {
                match base.get(key) {
                    _ if value.is_null() => {
                        out.shift_remove(key);
                    }
                    Some(below) => {
                        out.insert(key.clone(), overlay(below, value));
                    }
                    None => {
                        out.insert(key.clone(), overlay(&Value::Object(Map::new()), value));
                    }
                }
            }
            Value::Object(out)
        }
        (_, over) => over.clone(),
    }
}

/// Puts everything, in order, into values that lie on top of `base`. A list is written as a whole, because Helm joins no lists.
pub fn replay<'a>(base: &Value, puts: impl IntoIterator<Item = (&'a ValuePath, &'a Put)>) -> Value {
    let mut over = Value::Object(Map::new());
    for (path, put) in puts {
        let split = path.0.iter().position(|step| matches!(step, ValueStep::Index(_)));
        let (list, inside) = match (split, put) {
            (Some(at), _) => (ValuePath(path.0[..at].to_vec()), Some(ValuePath(path.0[at..].to_vec()))),
            (None, Put::Set(_)) => (path.clone(), None),
            (None, _) => (path.clone(), Some(ValuePath::default())),
        };
        let Some(inside) = inside else {
            if let Put::Set(value) = put {
                list.set(&mut over, value.clone());
            }
            continue;
        };
        let now = overlay(base, &over);
        let mut whole = list.get(&now).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
        match put {
            Put::Set(value) => inside.set(&mut whole, value.clone()),
            Put::Append(item) | Put::Drop(item) => {
                let mut items = inside
                    .get(&whole)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                items.retain(|have| have != item);
                if matches!(put, Put::Append(_)) {
                    items.push(item.clone());
                }
                inside.set(&mut whole, Value::Array(items));
            }
        }
        list.set(&mut over, whole);
    }
    over
}

/// What is in `over` and not in `base` already; empty maps are left out.
pub fn minimal(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut out = Map::new();
            for (key, value) in over {
                match base.get(key) {
                    // A null that takes nothing away.
                    None if value.is_null() => {}
                    None => {
                        out.insert(key.clone(), value.clone());
                    }
                    Some(below) => {
                        let rest = minimal(below, value);
                        let same = below == value
                            || (value.is_object() && below.is_object() && rest.as_object().is_some_and(Map::is_empty));
                        if !same {
                            out.insert(key.clone(), rest);
                        }
                    }
                }
            }
            Value::Object(out)
        }
        (_, over) => over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_takes_away_and_lists_are_replaced() {
        let base = json!({"a": {"b": 1, "c": 2}, "l": [1]});
        let over = json!({"a": {"b": null, "d": 3}, "l": [2]});
        assert_eq!(overlay(&base, &over), json!({"a": {"c": 2, "d": 3}, "l": [2]}));
    }

    #[test]
    fn lists_are_written_as_a_whole() {
        let base = json!({"hosts": [{"name": "a", "port": 1}], "env": [{"name": "A"}]});
        let puts = [
            ("hosts[0].name".parse::<ValuePath>().unwrap(), Put::Set(json!("b"))),
            ("env".parse().unwrap(), Put::Append(json!({"name": "B"}))),
            ("env".parse().unwrap(), Put::Drop(json!({"name": "A"}))),
        ];
        let over = replay(&base, puts.iter().map(|(path, put)| (path, put)));
        assert_eq!(
            over,
            json!({"hosts": [{"name": "b", "port": 1}], "env": [{"name": "B"}]})
        );
    }

    #[test]
    fn what_is_there_already_is_left_out() {
        let base = json!({"a": {"b": 1}, "c": 1});
        assert_eq!(
            minimal(&base, &json!({"a": {"b": 1}, "c": 2, "d": {"e": 1}, "n": null})),
            json!({"c": 2, "d": {"e": 1}})
        );
    }
}

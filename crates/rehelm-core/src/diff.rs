//! Differences between two JSON documents: as an RFC 7386 merge patch, and as a list of fields for people.

use serde_json::{Map, Value};

/// The merge patch that makes `wanted` out of `live`; an empty mapping when they are equal.
pub fn merge_patch(live: &Value, wanted: &Value) -> Value {
    let (Value::Object(live), Value::Object(wanted)) = (live, wanted) else {
        return wanted.clone();
    };
    let mut patch = Map::new();
    for (key, want) in wanted {
        match live.get(key) {
            None => {
                patch.insert(key.clone(), want.clone());
            }
            Some(have) if have == want => {}
            Some(have @ Value::Object(_)) if want.is_object() => {
                patch.insert(key.clone(), merge_patch(have, want));
            }
            Some(_) => {
                patch.insert(key.clone(), want.clone());
            }
        }
    }
    for key in live.keys().filter(|k| !wanted.contains_key(*k)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// JSON pointer.
    pub field: String,
    /// Before; None when absent.
    pub before: Option<Value>,
    /// After; None when absent.
    pub after: Option<Value>,
}

/// Every leaf that differs, in document order.
pub fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let mut out = Vec::new();
    walk(String::new(), Some(before), Some(after), &mut out);
    out
}

fn walk(field: String, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<Change>) {
    match (before, after) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))) {
                walk(format!("{field}/{}", escape(key)), a.get(key), b.get(key), out);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                walk(format!("{field}/{i}"), a.get(i), b.get(i), out);
            }
        }
        (a, b) => out.push(Change {
            field,
            before: a.cloned(),
            after: b.cloned(),
        }),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn apply(target: &mut Value, patch: &Value) {
        json_patch::merge(target, patch);
    }

    #[test]
    fn equal_documents_need_no_patch() {
        let a = json!({"a": {"b": [1, 2]}});
        assert_eq!(merge_patch(&a, &a), json!({}));
        assert!(changes(&a, &a).is_empty());
    }

    #[test]
    fn removed_keys_become_null_and_lists_are_replaced() {
        let patch = merge_patch(
            &json!({"a": 1, "b": {"c": [1], "d": 2}}),
            &json!({"b": {"c": [2], "d": 2}}),
        );
        assert_eq!(patch, json!({"b": {"c": [2]}, "a": null}));
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
        .prop_filter("documents are mappings", Value::is_object)
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_wanted_document(live in document(), wanted in document()) {
            let mut patched = live.clone();
            apply(&mut patched, &merge_patch(&live, &wanted));
            prop_assert_eq!(patched, wanted);
        }
    }
}

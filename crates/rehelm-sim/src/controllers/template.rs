//! Pod templates: whether two are the same, their hash, and the revisions that remember them.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::meta;

/// Label that tells ReplicaSets of a Deployment apart.
pub(crate) const HASH: &str = "pod-template-hash";

/// The template without what does not make it another one: nulls, empty lists and mappings, and this label.
pub(crate) fn core(template: &Value, without: &str) -> Value {
    let mut core = pruned(template).unwrap_or(Value::Object(Map::new()));
    let labels = core.pointer_mut("/metadata/labels").and_then(Value::as_object_mut);
    let empty = labels.is_some_and(|labels| {
        labels.shift_remove(without);
        labels.is_empty()
    });
    if empty && let Some(meta) = core.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("labels");
    }
    if core
        .get("metadata")
        .and_then(Value::as_object)
        .is_some_and(Map::is_empty)
        && let Some(map) = core.as_object_mut()
    {
        map.shift_remove("metadata");
    }
    core
}

/// Two templates have the same [`core`]; neither is built for it.
pub(crate) fn alike(a: &Value, b: &Value, without: &str) -> bool {
    let metadata = [&a["metadata"], &b["metadata"]];
    let labels = metadata.map(|metadata| &metadata["labels"]);
    fields_equal(a, b, Some("metadata"))
        && fields_equal(metadata[0], metadata[1], Some("labels"))
        && fields_equal(labels[0], labels[1], Some(without))
}

/// All fields are equal (but one, when it is named), empty ones being absent.
fn fields_equal(a: &Value, b: &Value, but: Option<&str>) -> bool {
    meta::same_fields(a, b, but, |one, other| equal(one, other.unwrap_or(&Value::Null)))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_nothing),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(_), Value::Object(_)) => fields_equal(a, b, None),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        _ => a == b || is_nothing(a) && is_nothing(b),
    }
}

/// Go's semantic equality knows no difference between empty and absent.
fn pruned(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), pruned(value)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(list) => {
            // Items keep their places.
            (!list.is_empty()).then(|| list.iter().map(|item| pruned(item).unwrap_or(Value::Null)).collect())
        }
        other => Some(other.clone()),
    }
}

/// The order of keys does not matter to what a template is, so it may not matter to its hash.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            hasher.update(b"{");
            for key in keys {
                hasher.update(key.as_bytes());
                hasher.update(b":");
                feed(hasher, &map[key]);
            }
            hasher.update(b"}");
        }
        Value::Array(list) => {
            hasher.update(b"[");
            list.iter().for_each(|item| feed(hasher, item));
            hasher.update(b"]");
        }
        other => hasher.update(other.to_string().as_bytes()),
    }
    hasher.update(b",");
}

/// A hash of a template (or of another value), in the letters that the real server uses: the digits of 32 bits, each
/// written as a letter that makes no words. The number itself is not the real server's, whose input is Go's printing.
pub(crate) fn hash(value: &Value, collisions: i64) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hasher = Sha256::new();
    feed(&mut hasher, value);
    if collisions > 0 {
        hasher.update(collisions.to_string().as_bytes());
    }
    let digest = hasher.finalize();
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let digits = number.to_string();
    digits
        .bytes()
        .map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn empty_is_absent_and_the_hash_label_does_not_count() {
        let a = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"securityContext": {}, "containers": [{"name": "c"}]}});
        let b = json!({"spec": {"containers": [{"name": "c", "resources": {}}]},
            "metadata": {"creationTimestamp": null, "labels": {"pod-template-hash": "x", "app": "a"}}});
        assert_eq!(core(&a, HASH), core(&b, HASH));
        assert!(alike(&a, &b, HASH));
        assert_eq!(hash(&core(&a, HASH), 0), hash(&core(&b, HASH), 0));
        assert_ne!(hash(&core(&a, HASH), 0), hash(&core(&b, HASH), 1));
        let mut c = b.clone();
        c["spec"]["containers"][0]["name"] = "d".into();
        assert_ne!(core(&a, HASH), core(&c, HASH));
        assert!(!alike(&a, &c, HASH) && !alike(&c, &a, HASH));
    }

    #[test]
    fn two_are_alike_when_what_counts_of_them_is_the_same() {
        let values = [
            json!({}),
            json!(null),
            json!({"metadata": {"labels": {"pod-template-hash": "x"}}}),
            json!({"metadata": {"labels": {"app": "a"}}}),
            json!({"metadata": {"labels": {"app": "a", "pod-template-hash": "y"}, "annotations": {}}}),
            json!({"spec": {"a": [null]}}),
            json!({"spec": {"a": [{}]}}),
            json!({"spec": {"a": [{"b": []}]}}),
            json!({"spec": {"a": []}}),
            json!({"spec": {"a": [1], "b": null}}),
            json!({"spec": {"a": [1]}, "metadata": null}),
            json!({"spec": {"a": ""}}),
            json!({"spec": {"": "a"}}),
            json!({"spec": {"a": {"metadata": 1}}}),
            json!({"spec": {"a": {"labels": {"pod-template-hash": "x"}}}}),
        ];
        for a in &values {
            for b in &values {
                assert_eq!(alike(a, b, HASH), core(a, HASH) == core(b, HASH), "{a} {b}");
            }
        }
    }

    #[test]
    fn hashes_have_the_letters_that_make_no_words() {
        let hash = hash(&json!({"a": 1}), 0);
        assert!(
            hash.len() <= 10 && hash.bytes().all(|b| b"bcdf456789".contains(&b)),
            "{hash}"
        );
    }
}

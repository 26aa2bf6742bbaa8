//! Reading and writing `metadata` of objects that are plain JSON.

use serde_json::{Map, Value};

/// A text of `metadata`; empty when absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|meta| meta.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "name")
}

/// Namespace; empty for cluster-scoped objects.
pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "uid")
}

pub(crate) fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

/// Two objects are the same but for one field of theirs.
pub(crate) fn same_but(a: &Value, b: &Value, but: &str) -> bool {
    same_fields(a, b, Some(but), |one, other| Some(one) == other)
}

/// All fields are the same to `same` (but one, when it is named); it is given None where the other one lacks the field.
pub(crate) fn same_fields(
    a: &Value,
    b: &Value,
    but: Option<&str>,
    same: impl Fn(&Value, Option<&Value>) -> bool,
) -> bool {
    let covers = |a: &Value, b: &Value| {
        let fields = a.as_object().into_iter().flatten();
        fields
            .filter(|(key, _)| Some(key.as_str()) != but)
            .all(|(key, value)| same(value, b.get(key)))
    };
    covers(a, b) && covers(b, a)
}

/// True once deletion was asked for.
pub(crate) fn is_terminating(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// A field of `metadata`; None when absent or null.
pub(crate) fn get<'a>(object: &'a Value, field: &str) -> Option<&'a Value> {
    object.get("metadata")?.get(field).filter(|value| !value.is_null())
}

pub(crate) fn map_mut(object: &mut Value) -> &mut Map<String, Value> {
    child_map(object, "metadata")
}

/// The mapping below a key of a mapping; made when it is not there.
pub(crate) fn child_map<'a>(object: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(map) = object else {
        unreachable!("made an object above")
    };
    let child = map.entry(key).or_insert(Value::Null);
    if !child.is_object() {
        *child = Value::Object(Map::new());
    }
    let Value::Object(child) = child else {
        unreachable!("made an object above")
    };
    child
}

pub(crate) fn set(object: &mut Value, field: &str, value: Value) {
    map_mut(object).insert(field.to_owned(), value);
}

/// Removes a field of `metadata`.
pub(crate) fn unset(object: &mut Value, field: &str) {
    map_mut(object).shift_remove(field);
}

/// A label; None when absent.
pub(crate) fn label<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, "labels")?.get(key)?.as_str()
}

/// An annotation; None when absent.
pub(crate) fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    get(object, "annotations")?.get(key)?.as_str()
}

pub(crate) fn set_annotation(object: &mut Value, key: &str, value: &str) {
    let annotations = map_mut(object)
        .entry("annotations")
        .or_insert_with(|| Value::Object(Map::new()));
    if !annotations.is_object() {
        *annotations = Value::Object(Map::new());
    }
    if let Some(map) = annotations.as_object_mut() {
        map.insert(key.to_owned(), value.into());
    }
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = get(object, "finalizers").and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

pub(crate) fn add_finalizer(object: &mut Value, finalizer: &str) {
    if finalizers(object).contains(&finalizer) {
        return;
    }
    let list = map_mut(object)
        .entry("finalizers")
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Some(list) = list.as_array_mut() {
        list.push(finalizer.into());
    }
}

/// Removes a finalizer; an empty list goes, too.
pub(crate) fn drop_finalizer(object: &mut Value, finalizer: &str) {
    let left: Vec<Value> = finalizers(object)
        .into_iter()
        .filter(|name| *name != finalizer)
        .map(Value::from)
        .collect();
    if left.is_empty() {
        unset(object, "finalizers");
    } else {
        set(object, "finalizers", Value::Array(left));
    }
}

pub(crate) fn owners(object: &Value) -> &[Value] {
    let list = get(object, "ownerReferences").and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The owner reference with `controller: true`.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    owners(object)
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

/// `namespace/name`, or `name` for cluster-scoped objects: the key of controllers' tasks.
pub(crate) fn key(object: &Value) -> String {
    match namespace(object) {
        "" => name(object).to_owned(),
        namespace => format!("{namespace}/{}", name(object)),
    }
}

/// Takes a task's key apart; the namespace of a cluster-scoped object is empty.
pub(crate) fn split_key(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}

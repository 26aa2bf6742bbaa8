//! `kubectl.kubernetes.io/last-applied-configuration`: what client-side apply leaves behind.
//!
//! When kubectl applies server-side to an object that it applied client-side before, the server takes the fields of the
//! annotation for kubectl's own, and keeps the annotation up to date so that client-side apply still works afterwards.

use serde_json::Value;

use crate::kinds::Kind;
use crate::meta;
use crate::patch::compare::{compare, fields_of};
use crate::patch::fieldset::FieldSet;
use crate::patch::typed::Root;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Bytes of all annotations that an object has at most.
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// Fields of the annotation that the object still has so; None when there is no such annotation of this version.
pub(super) fn still_so(kind: &Kind, root: &Root, live: &Value) -> Option<FieldSet> {
    let text = meta::annotation(live, ANNOTATION).filter(|text| !text.is_empty())?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(kind.api_version().as_str()) {
        return None;
    }
    let mut set = fields_of(&root.of, &last);
    let found = compare(root, &last, live);
    set.difference(&found.set());
    set.difference(&found.removed);
    Some(set)
}

/// Writes the annotation anew on an object that has it.
pub(super) fn renew(object: &mut Value, config: &Value) {
    if meta::annotation(object, ANNOTATION).is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = meta::map_mut(&mut config)
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.shift_remove(ANNOTATION);
        if annotations.is_empty() {
            meta::unset(&mut config, "annotations");
        }
    }
    sort(&mut config);
    meta::set_annotation(object, ANNOTATION, &format!("{config}\n"));
    let annotations = meta::get(object, "annotations").and_then(Value::as_object);
    let size = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    if annotations.is_some_and(|all| all.iter().map(size).sum::<usize>() > MOST_ANNOTATIONS)
        && let Some(all) = meta::map_mut(object)
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
    {
        all.shift_remove(ANNOTATION);
    }
}

/// The server writes keys in the order of the alphabet.
fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        Value::Array(list) => list.iter_mut().for_each(sort),
        _ => {}
    }
}

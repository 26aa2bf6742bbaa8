//! Jobs choose their own pods by the Job's uid, unless told otherwise.

use serde_json::{Map, Value};

use crate::meta;

/// Labels the template with the Job's name and uid (twice: under the old names and the new), and selects by the uid.
pub(super) fn select_own_pods(object: &mut Value) {
    if object.pointer("/spec/manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    let (name, uid) = (meta::name(object).to_owned(), meta::uid(object).to_owned());
    let spec = meta::child_map(object, "spec");
    let template = spec.entry("template").or_insert_with(|| Value::Object(Map::new()));
    let labels = meta::map_mut(template)
        .entry("labels")
        .or_insert_with(|| Value::Object(Map::new()));
    if !labels.is_object() {
        *labels = Value::Object(Map::new());
    }
    if let Some(labels) = labels.as_object_mut() {
        for (key, value) in [
            ("batch.kubernetes.io/controller-uid", &uid),
            ("batch.kubernetes.io/job-name", &name),
            ("controller-uid", &uid),
            ("job-name", &name),
        ] {
            labels.entry(key).or_insert_with(|| value.as_str().into());
        }
    }
    let selector = spec.entry("selector").or_insert_with(|| Value::Object(Map::new()));
    meta::child_map(selector, "matchLabels")
        .entry("batch.kubernetes.io/controller-uid")
        .or_insert_with(|| uid.as_str().into());
}

//! Metadata of the copies: server bookkeeping removed, ownership and hooks set.

use serde_json::{Map, Value};

use super::{ConvertOptions, MetadataPolicy, SecretClass};
use crate::object::Object;

/// Fields of `metadata` that belong to one object on one server and mean nothing for its copy.
pub const SERVER_METADATA: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
    "selfLink",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Annotations that describe how the old object was written; kubectl would compare the copy with them.
pub const SERVER_ANNOTATIONS: [&str; 1] = ["kubectl.kubernetes.io/last-applied-configuration"];

/// Says what keeps an object from being rewritten: everything here relies on `metadata` being a mapping.
pub(super) fn check(object: &Object) -> Result<(), String> {
    match object.get("/metadata") {
        Some(Value::Object(_)) => Ok(()),
        _ => Err("metadata is not a mapping".to_owned()),
    }
}

/// Removes [`SERVER_METADATA`] and [`SERVER_ANNOTATIONS`]; an annotations mapping that gets empty goes, too.
pub fn without_server_fields(object: &mut Object) {
    let Some(Value::Object(metadata)) = object.0.get_mut("metadata") else {
        return;
    };
    for field in SERVER_METADATA {
        metadata.shift_remove(field);
    }
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        let before = annotations.len();
        annotations.retain(|key, _| !SERVER_ANNOTATIONS.contains(&key.as_str()));
        if annotations.is_empty() && before > 0 {
            metadata.shift_remove("annotations");
        }
    }
}

/// Sets namespace, annotations and labels as the class wants them.
pub(super) fn apply(object: &mut Object, class: &SecretClass, options: &ConvertOptions) {
    let mut annotations = class.set_annotations.clone();
    let mut labels = class.set_labels.clone();
    if class.helm_owned {
        annotations.insert("meta.helm.sh/release-name".into(), options.release.clone());
        annotations.insert("meta.helm.sh/release-namespace".into(), options.namespace.clone());
        labels.insert("app.kubernetes.io/managed-by".into(), "Helm".into());
    }
    object.set_namespace(&options.namespace);
    let metadata = object.metadata_mut();
    set(metadata, "annotations", class.annotations, annotations);
    set(metadata, "labels", class.labels, labels);
}

fn set(
    metadata: &mut Map<String, Value>,
    field: &str,
    policy: MetadataPolicy,
    entries: impl IntoIterator<Item = (String, String)>,
) {
    let mut mapping = match (policy, metadata.get(field)) {
        (MetadataPolicy::Untouched, _) => return,
        (MetadataPolicy::Merge, Some(Value::Object(existing))) => existing.clone(),
        (MetadataPolicy::Merge | MetadataPolicy::Replace, _) => Map::new(),
    };
    mapping.extend(entries.into_iter().map(|(key, value)| (key, Value::String(value))));
    if mapping.is_empty() {
        metadata.shift_remove(field);
    } else {
        metadata.insert(field.to_owned(), Value::Object(mapping));
    }
}

//! The same object in another version of its kind.

use serde_json::Value;

use crate::kinds::Kind;

/// An object as a version of its kind shows it. The store keeps what was written; most versions differ by name only.
pub(crate) fn to_version(kind: &Kind, mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), kind.api_version().into());
        map.insert("kind".to_owned(), kind.facts.kind.clone().into());
    }
    object
}

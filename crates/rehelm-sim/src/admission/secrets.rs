//! `stringData` of Secrets: written as text, kept as base64 under `data`.

use base64::Engine as _;
use serde_json::{Map, Value};

/// Moves `stringData` into `data`, as decoding does; what it names wins.
pub(super) fn join_string_data(id: &str, object: &mut Value) {
    if id != "secrets" {
        return;
    }
    let Some(map) = object.as_object_mut() else { return };
    let Some(Value::Object(texts)) = map.shift_remove("stringData") else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    let data = map.entry("data").or_insert(Value::Null);
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else { return };
    for (key, text) in texts {
        let bytes = text.as_str().unwrap_or_default();
        data.insert(key, base64::engine::general_purpose::STANDARD.encode(bytes).into());
    }
}

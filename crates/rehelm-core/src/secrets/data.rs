//! What a secret holds: `data` in base64, `stringData` in clear.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::finding::Finding;
use crate::object::Object;

/// Decodes one value of `data` as the API server does: standard alphabet, padded, line breaks ignored.
pub fn decode(value: &str) -> Option<Vec<u8>> {
    let value: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(value).ok()
}

pub(super) fn encode(content: &[u8]) -> String {
    STANDARD.encode(content)
}

/// Keys that pods find in a secret: those of `data` and of `stringData`.
pub fn keys(object: &Object) -> BTreeSet<String> {
    ["/data", "/stringData"]
        .iter()
        .filter_map(|part| object.get(part)?.as_object())
        .flat_map(|mapping| mapping.keys().cloned())
        .collect()
}

/// Looks through `data` and `stringData`. Err when one of them is no mapping; odd values are findings, because the
/// copy carries them as they are.
pub(super) fn check(object: &Object, subject: &str, findings: &mut Vec<Finding>) -> Result<(), String> {
    for part in ["data", "stringData"] {
        match object.0.get(part) {
            None | Some(Value::Null) => {}
            Some(Value::Object(mapping)) => {
                let of_key = |code: &str, key: &str| Finding::warning(code, subject).arg("key", key);
                for (key, value) in mapping {
                    match value {
                        // An empty value: what YAML calls null is what the server stores as empty.
                        Value::Null => {}
                        Value::String(text) if part == "stringData" || decode(text).is_some() => {}
                        Value::String(_) => findings.push(of_key("secret-value-not-base64", key)),
                        other => findings.push(of_key("secret-value-not-text", key).arg("type", type_of(other))),
                    }
                }
            }
            Some(_) => return Err(format!("{part} is not a mapping")),
        }
    }
    if keys(object).is_empty() {
        findings.push(Finding::warning("secret-without-data", subject));
    }
    if object.get("/stringData").is_some_and(Value::is_object) {
        findings.push(Finding::info("secret-string-data", subject));
    }
    Ok(())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "mapping",
    }
}

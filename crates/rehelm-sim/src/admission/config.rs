//! Secrets and ConfigMaps.

use base64::Engine as _;
use serde_json::Value;

use super::look::{At, Causes};
use super::names;
use crate::meta;
use crate::refusal::Cause;

/// Bytes of data, at most.
const LARGEST: usize = 1024 * 1024;

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default();
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap_or_default()
}

fn key(key: &str, at: &At<'_>, causes: &mut Causes) {
    for why in names::config_key(key) {
        causes.0.push(Cause::invalid(&at.path, &key.into(), &why));
    }
}

const FROZEN: &str = "field is immutable when `immutable` is set";

fn frozen(object: &Value, old: Option<&Value>, fields: &[&str], causes: &mut Causes) {
    let Some(old) = old.filter(|old| old.get("immutable") == Some(&Value::Bool(true))) else {
        return;
    };
    if object.get("immutable") != Some(&Value::Bool(true)) {
        causes.0.push(Cause::forbidden("immutable", FROZEN));
    }
    for field in fields {
        if object.get(field) != old.get(field) {
            causes.0.push(Cause::forbidden(field, FROZEN));
        }
    }
}

pub(super) fn secret(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    frozen(object, old, &["data"], causes);
    let data = At::new(object.get("data"), "data");
    let mut size = 0;
    for (name, value) in data.entries() {
        key(name, &value, causes);
        size += value.text().len() / 4 * 3;
    }
    if size > LARGEST + 2 * data.entries().count() {
        causes.0.push(Cause::too_long("data", LARGEST));
    }
    let need = |name: &str| At::new(data.value.get(name), &format!("data[{name}]"));
    let json = |name: &str, causes: &mut Causes| {
        let value = need(name);
        if !value.is_set() {
            causes.required(&value, "");
        } else if let Err(error) = serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes(value.value)) {
            let redacted = "<secret contents redacted>".into();
            causes.0.push(Cause::invalid(
                &value.path,
                &redacted,
                &go_error(&bytes(value.value), &error),
            ));
        }
    };
    match object.get("type").and_then(Value::as_str).unwrap_or_default() {
        "kubernetes.io/service-account-token" => {
            let annotation = "kubernetes.io/service-account.name";
            if meta::annotation(object, annotation).is_none_or(str::is_empty) {
                let field = format!("metadata.annotations[{annotation}]");
                causes.0.push(Cause::required(&field, ""));
            }
        }
        "kubernetes.io/dockercfg" => json(".dockercfg", causes),
        "kubernetes.io/dockerconfigjson" => json(".dockerconfigjson", causes),
        "kubernetes.io/basic-auth" => {
            let (user, password) = (need("username"), need("password"));
            if !user.is_set() && !password.is_set() {
                causes.required(&user, "");
                causes.required(&password, "");
            }
        }
        "kubernetes.io/ssh-auth" => {
            let key = need("ssh-privatekey");
            if key.is_empty() {
                causes.required(&key, "");
            }
        }
        "kubernetes.io/tls" => {
            for part in ["tls.crt", "tls.key"] {
                let part = need(part);
                if !part.is_set() {
                    causes.required(&part, "");
                }
            }
        }
        _ => {}
    }
}

/// The commonest complaints of the server's JSON reader.
fn go_error(bytes: &[u8], error: &serde_json::Error) -> String {
    if bytes.iter().all(u8::is_ascii_whitespace) || error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(first) if !b"{[\"tfn-0123456789".contains(first) => {
            format!(
                "invalid character '{}' looking for beginning of value",
                char::from(*first)
            )
        }
        _ => error.to_string(),
    }
}

pub(super) fn config_map(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    frozen(object, old, &["data", "binaryData"], causes);
    let (data, binary) = (
        At::new(object.get("data"), "data"),
        At::new(object.get("binaryData"), "binaryData"),
    );
    let mut size = 0;
    for (name, value) in data.entries() {
        key(name, &value, causes);
        if binary.value.get(name).is_some() {
            let why = "duplicate of key present in binaryData";
            causes.0.push(Cause::invalid(&value.path, &name.into(), why));
        }
        size += value.text().len();
    }
    for (name, value) in binary.entries() {
        key(name, &value, causes);
        size += value.text().len() / 4 * 3;
    }
    if size > LARGEST {
        causes.0.push(Cause::too_long("", LARGEST));
    }
}

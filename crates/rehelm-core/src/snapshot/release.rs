//! Helm's records of releases: Secrets whose `release` is base64 of gzip of JSON, with whole manifests in it.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::redact::{self, Known};
use super::stand_in::StandIns;

const TYPE: &str = "helm.sh/release.v1";

/// More than this is no release: Secrets hold 1 MiB, and manifests pack at most some hundredfold.
const MOST: u64 = 256 << 20;

/// Parts of the keys of values that are secrets.
const SECRET_KEYS: [&str; 6] = ["pass", "secret", "token", "credential", "apikey", "connectionstring"];

/// True for the record of one revision.
pub(super) fn is_record(secret: &Value) -> bool {
    secret.get("type").and_then(Value::as_str) == Some(TYPE)
}

/// Replaces secrets in a record; one that cannot be read becomes a stand-in as a whole.
pub(super) fn redact(secret: &mut Value, stand_ins: &StandIns, known: &Known) {
    let stored = secret.pointer("/data/release").and_then(Value::as_str);
    let redacted = stored.and_then(unpack).and_then(|mut release| {
        cleanse(&mut release, stand_ins, known);
        pack(&release)
    });
    match redacted {
        Some(packed) => secret["data"] = serde_json::json!({"release": packed}),
        None => redact::content(secret, stand_ins),
    }
}

fn cleanse(release: &mut Value, stand_ins: &StandIns, known: &Known) {
    if let Some(Value::String(text)) = release.get_mut("manifest") {
        *text = manifest(text, stand_ins);
    }
    let hooks = release.get_mut("hooks").and_then(Value::as_array_mut);
    for hook in hooks.into_iter().flatten() {
        if let Some(Value::String(text)) = hook.get_mut("manifest") {
            *text = manifest(text, stand_ins);
        }
    }
    if let Some(config) = release.get_mut("config") {
        named_secret(config, stand_ins);
    }
    // Notes, defaults, and whatever else repeats a value.
    known.mask_all(release);
}

/// Documents that are Secrets get stand-ins; all others stay as they are, to the letter.
fn manifest(text: &str, stand_ins: &StandIns) -> String {
    let mut documents: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.trim_end() == "---" || documents.is_empty() {
            documents.push(String::new());
        }
        if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let one = |document: String| {
        if !document.contains("Secret") {
            return document;
        }
        let body = document.strip_prefix("---\n").unwrap_or(&document);
        match crate::yaml::parse_document(body, "a release's manifest") {
            Ok(Some(mut value)) if value.get("kind").and_then(Value::as_str) == Some("Secret") => {
                redact::content(&mut value, stand_ins);
                // JSON is YAML.
                format!("---\n{value}\n")
            }
            Ok(_) => document,
            // What cannot be read may hold anything.
            Err(_) => "---\n".to_owned(),
        }
    };
    documents.into_iter().map(one).collect()
}

/// Values of keys that are called like secrets.
fn named_secret(value: &mut Value, stand_ins: &StandIns) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut() {
                let plain: String = key.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
                if SECRET_KEYS.iter().any(|part| plain.contains(part)) && !field.is_object() {
                    stand_ins.leaves(field);
                } else {
                    named_secret(field, stand_ins);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| named_secret(item, stand_ins)),
        _ => {}
    }
}

pub(super) fn unpack(stored: &str) -> Option<Value> {
    let inner = STANDARD.decode(STANDARD.decode(stored).ok()?).ok()?;
    if !inner.starts_with(&[0x1f, 0x8b]) {
        return serde_json::from_slice(&inner).ok();
    }
    let mut json = Vec::new();
    GzDecoder::new(inner.as_slice())
        .take(MOST)
        .read_to_end(&mut json)
        .ok()?;
    serde_json::from_slice(&json).ok()
}

pub(super) fn pack(release: &Value) -> Option<String> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(release.to_string().as_bytes()).ok()?;
    Some(STANDARD.encode(STANDARD.encode(packed.finish().ok()?)))
}

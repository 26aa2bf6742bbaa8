//! A snapshot without secrets: every value of every Secret becomes a stand-in, wherever it is repeated as well.
//!
//! Repeated it is in what kubectl keeps in an annotation, in Helm's records, and where somebody wrote a password into a
//! workload or a ConfigMap. The last is said, because it is readable by everybody in the cluster, too.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::stand_in::StandIns;
use super::{SECRETS, Secrecy, Snapshot, release};
use crate::finding::Finding;
use crate::mongo_uri::ConnectionString;
use crate::object::Object;

const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const DOCKER: [&str; 2] = [".dockerconfigjson", ".dockercfg"];

/// A value that is repeated elsewhere counts when it has so many letters: shorter ones are words.
const DISTINCT: usize = 8;

/// Parts of names of variables that hold secrets.
const SECRET_NAMES: [&str; 7] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "PRIVATE_KEY",
];

/// Replaces every secret by a stand-in. `key` is random and kept nowhere.
pub fn redact(snapshot: &mut Snapshot, key: [u8; 32]) -> Vec<Finding> {
    let stand_ins = StandIns::new(key);
    let names = names(snapshot);
    let mut known = Known::default();
    for secret in snapshot.objects.get(SECRETS).into_iter().flatten() {
        let Some(data) = secret.get("data").and_then(Value::as_object) else {
            continue;
        };
        if release::is_record(secret) {
            continue;
        }
        let values = data
            .values()
            .filter_map(Value::as_str)
            .filter_map(|text| STANDARD.decode(text).ok());
        for text in values.filter_map(|bytes| String::from_utf8(bytes).ok()) {
            known.learn(&text, &stand_ins, &names);
        }
    }
    known.sort();
    let mut findings = Vec::new();
    for (resource, objects) in &mut snapshot.objects {
        for object in objects {
            if resource == SECRETS {
                secret(object, &stand_ins, &known);
            } else {
                elsewhere(object, &known, &mut findings);
            }
        }
    }
    snapshot.meta.secrets = Secrecy::Redacted;
    findings
}

/// Where a password is written into an object that is no Secret, for a snapshot that keeps them as they are.
pub fn literals(snapshot: &Snapshot) -> Vec<Finding> {
    let known = Known::default();
    let mut findings = Vec::new();
    for objects in snapshot.objects.iter().filter(|(resource, _)| *resource != SECRETS) {
        for object in objects.1 {
            elsewhere(&mut object.clone(), &known, &mut findings);
        }
    }
    findings
}

/// Names of objects are no secrets, even where a Secret holds one.
fn names(snapshot: &Snapshot) -> BTreeSet<String> {
    let text = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let objects = snapshot.objects.values().flatten();
    objects
        .flat_map(|o| [text(o, "/metadata/name"), text(o, "/metadata/namespace")])
        .flatten()
        .collect()
}

/// Secret values with their stand-ins, longest first.
#[derive(Default)]
pub(super) struct Known {
    values: BTreeMap<String, String>,
    sorted: Vec<(String, String)>,
}

impl Known {
    fn learn(&mut self, text: &str, stand_ins: &StandIns, names: &BTreeSet<String>) {
        let text = text.trim_end();
        let plain = |c: char| c.is_ascii_digit() || !c.is_ascii_alphanumeric();
        let mut add = |value: &str, stand_in: String| {
            let distinct = value.len() >= DISTINCT && (value.len() >= 2 * DISTINCT || value.contains(plain));
            if distinct && !names.contains(value) {
                self.values.insert(value.to_owned(), stand_in);
            }
        };
        add(text, stand_ins.text(text));
        if let Ok(uri) = ConnectionString::parse(text)
            && let Some(password) = uri.password()
        {
            use secrecy::ExposeSecret as _;
            let password = password.expose_secret();
            add(password, stand_ins.word(password));
        } else if let Some((_, rest)) = text.split_once("://")
            && let Some((login, _)) = rest.split_once('@')
        {
            let word = login.split_once(':').map_or(login, |(_, word)| word);
            add(word, stand_ins.word(word));
        } else if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
            each_text(&value, &mut |leaf| add(leaf, stand_ins.text(leaf)));
        }
    }

    fn sort(&mut self) {
        self.sorted = std::mem::take(&mut self.values).into_iter().collect();
        self.sorted.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    }

    /// The text with stand-ins where it repeats a secret, plain or in base64; None when it does not.
    pub fn mask(&self, text: &str) -> Option<String> {
        let mut masked = text.to_owned();
        for (value, stand_in) in self.sorted.iter().filter(|(value, _)| value.len() <= text.len()) {
            if masked.contains(value.as_str()) {
                masked = masked.replace(value.as_str(), stand_in);
            }
            let encoded = STANDARD.encode(value);
            if masked.contains(&encoded) {
                masked = masked.replace(&encoded, &STANDARD.encode(stand_in));
            }
        }
        (masked != text).then_some(masked)
    }

    /// Masks every text below; true when there was something to mask.
    pub fn mask_all(&self, value: &mut Value) -> bool {
        match value {
            Value::String(text) => match self.mask(text) {
                Some(masked) => {
                    *text = masked;
                    true
                }
                None => false,
            },
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.mask_all(item) | any),
            Value::Object(fields) => fields.values_mut().fold(false, |any, field| self.mask_all(field) | any),
            _ => false,
        }
    }
}

fn each_text(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| each_text(field, found)),
        _ => {}
    }
}

/// One Secret.
fn secret(object: &mut Value, stand_ins: &StandIns, known: &Known) {
    let packed = release::is_record(object);
    if packed {
        release::redact(object, stand_ins, known);
    } else {
        content(object, stand_ins);
    }
    let applied = object
        .pointer_mut("/metadata/annotations")
        .and_then(|a| a.get_mut(APPLIED));
    if let Some(Value::String(text)) = applied {
        match serde_json::from_str::<Value>(text) {
            Ok(mut manifest) => {
                content(&mut manifest, stand_ins);
                known.mask_all(&mut manifest);
                *text = manifest.to_string();
            }
            Err(_) => *text = "{}".to_owned(),
        }
    }
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        for (_, value) in annotations.iter_mut().filter(|(name, _)| *name != APPLIED) {
            known.mask_all(value);
        }
    }
}

/// `data` and `stringData` of a Secret or of its manifest.
pub(super) fn content(object: &mut Value, stand_ins: &StandIns) {
    // The name of a namespace is in every secret of this type, and no secret.
    let token = object.get("type").and_then(Value::as_str) == Some("kubernetes.io/service-account-token");
    let one = |key: &str, bytes: &[u8]| -> Vec<u8> {
        if token && key == "namespace" {
            return bytes.to_vec();
        }
        if DOCKER.contains(&key)
            && let Some(config) = std::str::from_utf8(bytes).ok().and_then(|text| stand_ins.docker(text))
        {
            return config.into_bytes();
        }
        stand_ins.bytes(bytes)
    };
    if let Some(Value::Object(data)) = object.get_mut("data") {
        for (key, value) in data.iter_mut() {
            if let Value::String(text) = value {
                // What is no base64 was never in a cluster; a manifest may hold anything.
                let decoded = STANDARD
                    .decode(text.trim())
                    .unwrap_or_else(|_| text.clone().into_bytes());
                *text = STANDARD.encode(one(key, &decoded));
            }
        }
    }
    if let Some(Value::Object(data)) = object.get_mut("stringData") {
        for (key, value) in data.iter_mut() {
            match value {
                Value::String(text) => *text = String::from_utf8_lossy(&one(key, text.as_bytes())).into_owned(),
                other => stand_ins.leaves(other),
            }
        }
    }
}

/// An object that should hold no secrets.
fn elsewhere(object: &mut Value, known: &Known, findings: &mut Vec<Finding>) {
    let subject = Object(object.clone()).reference().to_string();
    let mut repeated = false;
    for part in ["/data", "/spec", "/metadata/annotations"] {
        if let Some(value) = object.pointer_mut(part) {
            repeated |= known.mask_all(value);
        }
    }
    if repeated {
        findings.push(Finding::warning("snapshot-secret-repeated", subject.clone()));
    }
    // Pods have what their owners have.
    if object.pointer("/metadata/ownerReferences").is_none() {
        let names = literal_names(object);
        if !names.is_empty() {
            findings.push(Finding::warning("snapshot-literal-password", subject).arg("names", names.join(", ")));
        }
    }
}

/// Variables of containers that look like secrets and have their value written down.
fn literal_names(object: &Value) -> Vec<String> {
    let mut names = BTreeSet::new();
    if let Some(spec) = crate::pods::pod_spec(&Object(object.clone())) {
        for list in ["containers", "initContainers"] {
            let containers = spec.get(list).and_then(Value::as_array).into_iter().flatten();
            for variable in containers.filter_map(|c| c.get("env")?.as_array()).flatten() {
                let name = variable.get("name").and_then(Value::as_str).unwrap_or_default();
                let value = variable.get("value").and_then(Value::as_str).unwrap_or_default();
                let upper = name.to_ascii_uppercase();
                // A path or a name of something is what most of such variables hold that are none.
                let plain = value.is_empty() || value.starts_with('/') || value.len() < 4;
                if !plain && SECRET_NAMES.iter().any(|part| upper.contains(part)) {
                    names.insert(name.to_owned());
                }
            }
        }
    }
    names.into_iter().collect()
}

#[cfg(test)]
#[path = "redact_tests.rs"]
mod tests;

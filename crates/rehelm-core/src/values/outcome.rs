//! The solution as files: values with a comment each, and what is secret apart from them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::field::FieldPath;
use super::file::{Comments, write};
use super::map::ValueMap;
use super::path::{ValuePath, ValueStep};
use super::solve::layer::overlay;
use super::solve::ways::Put;
use super::solve::{Kept, Solution};
use super::warnings::short;

/// The files that a solution becomes.
#[derive(Clone, Debug)]
pub struct Files {
    /// The values file.
    pub values: String,
    /// Values that must not be read by others, for a file of their own; None when there are none.
    pub secrets: Option<String>,
    /// Paths of the values in that file.
    pub secret_paths: Vec<ValuePath>,
}

/// Parts of names that mean a secret.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "credential",
    "privatekey",
];
/// Parts of names that only speak of one.
const ABOUT_SECRETS: [&str; 12] = [
    "existingsecret",
    "secretname",
    "secretref",
    "pullsecret",
    "tokenurl",
    "token_url",
    "name",
    "enabled",
    "ttl",
    "expir",
    "automount",
    "path",
];

/// True for a name under which a secret may stand in plain.
pub fn looks_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    // Of a variable the name counts: `env[name=X].value`.
    let named = lower.strip_suffix(".value").unwrap_or(&lower);
    let last = named
        .trim_end_matches([']', '"'])
        .rsplit(['.', '[', '='])
        .next()
        .unwrap_or_default();
    SECRET_WORDS.iter().any(|word| last.contains(word)) && !ABOUT_SECRETS.iter().any(|word| last.contains(word))
}

/// Writes a solution on top of what a person gave.
pub fn files(map: &ValueMap, given: &Value, solution: &Solution, head: &[String]) -> Files {
    let mut open = solution.values.clone();
    let mut hidden = Value::Object(Map::new());
    let mut secret_paths = Vec::new();
    for kept in solution.kept.iter().filter(|kept| is_secret(kept)) {
        // A list is one value.
        let at = kept
            .path
            .0
            .iter()
            .position(|step| matches!(step, ValueStep::Index(_)))
            .unwrap_or(kept.path.0.len());
        let path = ValuePath(kept.path.0[..at].to_vec());
        if let Some(content) = path.remove(&mut open) {
            path.set(&mut hidden, content);
            secret_paths.push(path);
        }
    }
    prune(&mut open);
    let mut all = overlay_keeping_nulls(given, &open);
    // What a person gave stays as it is, but a secret of it is not written a second time where others can read.
    for path in secret_leaves(given) {
        if let Some(content) = path.remove(&mut all) {
            path.set(&mut hidden, content);
            secret_paths.push(path);
        }
    }
    prune(&mut all);
    let comments = comments(map, solution);
    let order = &map.values;
    Files {
        values: write(&all, order, head, &comments),
        secrets: (!secret_paths.is_empty()).then(|| {
            write(
                &hidden,
                order,
                &["Secret: keep this file to yourself.".to_owned()],
                &comments,
            )
        }),
        secret_paths,
    }
}

/// Texts under a name that means a secret.
fn secret_leaves(given: &Value) -> Vec<ValuePath> {
    fn walk(at: &ValuePath, value: &Value, out: &mut Vec<ValuePath>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, inner)| walk(&at.key(key), inner, out)),
            Value::String(text) if !text.is_empty() && looks_secret(&at.to_string()) => out.push(at.clone()),
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(&ValuePath::default(), given, &mut out);
    out
}

/// True when a content came from a secret, or its name says so.
fn is_secret(kept: &Kept) -> bool {
    let plain = match &kept.put {
        Put::Set(Value::String(text)) => !text.is_empty(),
        Put::Append(item) => {
            return item.get("name").and_then(Value::as_str).is_some_and(looks_secret) && item.get("value").is_some();
        }
        _ => false,
    };
    plain
        && (looks_secret(&kept.path.to_string())
            || kept
                .because
                .iter()
                .any(|by| by.object.kind == "Secret" && in_data(&by.field)))
}

fn in_data(field: &FieldPath) -> bool {
    field.to_string().starts_with("data")
}

/// `over` on `base`, with nulls kept: they take the chart's defaults away.
fn overlay_keeping_nulls(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            let mut out = base.clone();
            for (key, value) in over {
                let below = base.get(key).cloned().unwrap_or_else(|| Value::Object(Map::new()));
                out.insert(
                    key.clone(),
                    if value.is_null() {
                        Value::Null
                    } else {
                        overlay_keeping_nulls(&below, value)
                    },
                );
            }
            Value::Object(out)
        }
        (_, over) => over.clone(),
    }
}

fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        for inner in map.values_mut() {
            prune(inner);
        }
        // A map that a removal has left empty; one that was empty from the start says nothing either.
        map.retain(|_, inner| !inner.as_object().is_some_and(Map::is_empty));
    }
}

fn comments(map: &ValueMap, solution: &Solution) -> Comments {
    let mut out: BTreeMap<Vec<String>, String> = Comments::new();
    let defaults = overlay(&map.values, &Value::Object(Map::new()));
    for kept in &solution.kept {
        let keys: Vec<String> = kept
            .path
            .0
            .iter()
            .map_while(|step| match step {
                ValueStep::Key(key) => Some(key.clone()),
                ValueStep::Index(_) => None,
            })
            .collect();
        let path = ValuePath::keys(&keys);
        let Some(first) = kept.because.first() else { continue };
        let place = if first.field.0.is_empty() {
            short(&first.object)
        } else {
            format!("{} {}", short(&first.object), first.field)
        };
        let more = match kept.because.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let default = match path.get(&defaults) {
            None | Some(Value::Null) => "nothing".to_owned(),
            Some(_) if looks_secret(&path.to_string()) => "(hidden)".to_owned(),
            Some(Value::Object(map)) if !map.is_empty() => "a map".to_owned(),
            Some(Value::Array(list)) if !list.is_empty() => "a list".to_owned(),
            Some(Value::String(text)) if text.chars().count() > 60 => {
                format!("{}…", text.chars().take(59).collect::<String>())
            }
            Some(value) => value.to_string(),
        };
        out.entry(keys)
            .or_insert_with(|| format!("{place}{more}; chart: {default}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_secret() {
        for secret in [
            "smtpPassword",
            "auth.apiKey",
            "spec.containers[name=a].env[name=DB_PASSWORD].value",
            "data.token",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for plain in [
            "tls.existingSecret",
            "secretName",
            "image.pullSecrets",
            "serviceAccount.automountToken",
            "replicas",
        ] {
            assert!(!looks_secret(plain), "{plain}");
        }
    }
}

//! Secrets as files: the texts of a folder become source secrets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ConvertOptions, ConvertedSecret, SecretRules, SourceSecret, convert, file_stem};
use crate::finding::{Finding, Severity};
use crate::object::Object;
use crate::yaml::{self, Dialect};

/// Converts the files of a folder (name, text). Findings are those of [`convert`] and [`read_files`].
///
/// A file that cannot be read stands for the secret after which it is named: that secret is not reported as
/// missing on top.
pub fn convert_files(
    files: &[(String, String)],
    rules: &SecretRules,
    options: &ConvertOptions,
) -> (Vec<ConvertedSecret>, Vec<Finding>) {
    let (sources, mut findings) = read_files(files, rules);
    let (converted, more) = convert(sources, rules, options);
    findings.extend(more);
    let broken: BTreeSet<String> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .filter(|f| files.iter().any(|(file, _)| *file == f.subject))
        .map(|f| file_stem(&f.subject).to_owned())
        .collect();
    let stem_of = |name: &str| rules.rules().find(|r| r.name == name).map(|r| r.file_stem());
    let is_broken = |name: &str| broken.contains(name) || stem_of(name).is_some_and(|stem| broken.contains(stem));
    findings.retain(|f| f.code != "secret-missing" || !is_broken(&f.subject));
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    (converted, findings)
}

/// Reads files, scalars as PyYAML does: Python tools write text such as `1e10` or `0899` without quotes, which
/// go-yaml takes for numbers, while kubectl's own output quotes all that either could mistake. A file normally holds one secret; several documents and `kind: List` are taken, too.
///
/// `apiVersion` and `kind` are filled in where a file leaves them out. Findings: `secret-file-unreadable` (`why`),
/// `secret-file-empty`, `secret-not-an-object` (`document`, `why`) as errors, the latter two as warnings where the
/// file's name is none that the rules expect; `secret-file-many` (`documents`) and `secret-head-completed` as notes.
pub fn read_files(files: &[(String, String)], rules: &SecretRules) -> (Vec<SourceSecret>, Vec<Finding>) {
    let (mut sources, mut findings) = (Vec::new(), Vec::new());
    let expected: BTreeSet<&str> = rules.rules().flat_map(|r| [r.name, r.file_stem()]).collect();
    for (file, text) in files {
        let documents = match yaml::parse_documents_as(text, file, Dialect::Python) {
            Ok(documents) => documents,
            Err(why) => {
                findings.push(Finding::error("secret-file-unreadable", file).arg("why", why));
                continue;
            }
        };
        let mut items = Vec::new();
        for document in documents {
            yaml::flatten(document, &mut |item| items.push(item));
        }
        let severity = match expected.contains(file_stem(file)) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        match items.len() {
            0 => findings.push(Finding::new("secret-file-empty", severity, file)),
            1 => {}
            n => findings.push(Finding::info("secret-file-many", file).arg("documents", n)),
        }
        let alone = items.len() == 1;
        for (index, item) in items.into_iter().enumerate() {
            match complete(item, file, &mut findings) {
                Ok(object) => sources.push(SourceSecret {
                    file: Some(file.clone()),
                    alone,
                    object,
                }),
                Err(why) => findings.push(
                    Finding::new("secret-not-an-object", severity, file)
                        .arg("document", index + 1)
                        .arg("why", why),
                ),
            }
        }
    }
    (sources, findings)
}

/// An object, with `apiVersion` and `kind` of a Secret where both cannot be anything else.
fn complete(mut value: Value, file: &str, findings: &mut Vec<Finding>) -> Result<Object, String> {
    let Value::Object(map) = &mut value else {
        return Err("not a mapping".to_owned());
    };
    match map.get("metadata") {
        Some(Value::Object(_)) => {}
        Some(_) => return Err("metadata is not a mapping".to_owned()),
        None => return Err("metadata is missing".to_owned()),
    }
    let has_data = map.contains_key("data") || map.contains_key("stringData");
    let is_secret = map.get("kind").is_some_and(|k| k == "Secret");
    let completed = !map.contains_key("apiVersion") && (is_secret || (has_data && !map.contains_key("kind")));
    if completed {
        map.insert("apiVersion".into(), json!("v1"));
        map.insert("kind".into(), json!("Secret"));
    }
    let object = Object::from_value(value)?;
    if completed {
        findings.push(Finding::info("secret-head-completed", file));
    }
    Ok(object)
}

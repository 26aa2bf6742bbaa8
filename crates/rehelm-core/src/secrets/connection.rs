//! Connection strings whose user and database get another name. Everything else in them stays byte for byte:
//! a password or a host that happens to contain the old name is no reference to it.

use serde_json::Value;

use super::ConnectionStringRename;
use super::data::{decode, encode};
use crate::finding::Finding;
use crate::mongo_uri::ConnectionString;
use crate::object::Object;

/// Renames in `data` and in `stringData`; false when there is no usable connection string (a finding says why).
pub(super) fn rename(
    object: &mut Object,
    rule: &ConnectionStringRename,
    subject: &str,
    findings: &mut Vec<Finding>,
) -> bool {
    let mut seen = false;
    for (part, is_encoded) in [("data", true), ("stringData", false)] {
        let Some(value) = object.0.get_mut(part).and_then(|m| m.get_mut(&rule.key)) else {
            continue;
        };
        seen = true;
        let text = match value {
            Value::String(text) if is_encoded => decode(text).and_then(|bytes| String::from_utf8(bytes).ok()),
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        let renamed = match text {
            None => Err("not readable text".to_owned()),
            Some(text) => rename_text(&text, rule, subject, findings),
        };
        match renamed {
            Ok(new) if is_encoded => *value = Value::String(encode(new.as_bytes())),
            Ok(new) => *value = Value::String(new),
            Err(why) => {
                let finding = Finding::error("connection-string-unreadable", subject);
                findings.push(finding.arg("key", &rule.key).arg("why", why));
                return false;
            }
        }
    }
    if !seen {
        findings.push(Finding::error("secret-key-missing", subject).arg("key", &rule.key));
    }
    seen
}

fn rename_text(
    text: &str,
    rule: &ConnectionStringRename,
    subject: &str,
    findings: &mut Vec<Finding>,
) -> Result<String, String> {
    let old = ConnectionString::parse(text).map_err(|e| e.to_string())?;
    let names = (rule.from.as_str(), rule.to.as_str());
    for (part, name) in [("user", old.user()), ("database", old.database())] {
        if name.as_deref() != Some(rule.from.as_str()) {
            let finding = Finding::warning("connection-string-named-otherwise", subject);
            findings.push(
                finding
                    .arg("key", &rule.key)
                    .arg("part", part)
                    .arg("expected", &rule.from),
            );
        }
    }
    // The user moves with its database, so an `authSource` that names that database has to follow.
    let new = old.rewrite(names, names).rewrite_auth_source(names);
    // A replacement of text would have changed these as well.
    let is_old = |part: &str| part.contains(&rule.from);
    let hosts_keep = new.hosts().iter().any(|host| is_old(&host.name));
    let password_keeps = new
        .password()
        .is_some_and(|p| is_old(secrecy::ExposeSecret::expose_secret(&p)));
    for (part, keeps) in [("hosts", hosts_keep), ("password", password_keeps)] {
        if keeps {
            let finding = Finding::warning("connection-string-part-kept", subject);
            findings.push(finding.arg("key", &rule.key).arg("part", part));
        }
    }
    Ok(new.expose().to_owned())
}

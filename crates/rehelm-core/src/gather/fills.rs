//! Values that rehelm adds to the user's: facts of today's volumes, and contents of secrets that the chart would
//! overwrite. A plan names their sources only.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::finding::Finding;
use crate::inventory::Claim;
use crate::object::Object;
use crate::plan::{Fill, FillFrom};
use crate::profile::Profile;

pub(super) fn volume_fills(
    profile: &Profile,
    claims: &[Claim],
    user: &Value,
    findings: &mut Vec<Finding>,
) -> Vec<Fill> {
    let mut fills = Vec::new();
    for rule in &profile.volumes.values {
        let Some(volume) = claims
            .iter()
            .find(|c| c.name() == rule.claim)
            .and_then(|c| c.volume.as_ref())
        else {
            continue;
        };
        let read = rule.from.iter().find_map(|field| {
            let text = volume.str(&field.field)?;
            let end = text.find(|c| field.until.contains(c)).unwrap_or(text.len());
            text.starts_with(&field.prefix).then(|| text[..end].to_owned())
        });
        let Some(text) = read else { continue };
        match value_at(user, &rule.value).and_then(Value::as_str) {
            Some(have) if have == text => {}
            Some(have) if !have.is_empty() => findings.push(
                Finding::error("volume-value-differs", format!("values {}", rule.value))
                    .arg("have", have)
                    .arg("want", &text)
                    .arg("claim", &rule.claim),
            ),
            _ => fills.push(Fill {
                value: rule.value.clone(),
                from: FillFrom::Volume {
                    claim: rule.claim.clone(),
                    text,
                },
            }),
        }
    }
    fills
}

/// Values for the secrets that the render would overwrite with other content, where the profile knows the value.
pub(super) fn secret_fills(profile: &Profile, rendered: &[Object], converted: &[Object]) -> Vec<Fill> {
    overwritten(rendered, converted)
        .into_iter()
        .filter_map(|(secret, key)| {
            let rule = profile
                .values
                .from_secrets
                .iter()
                .find(|r| r.secret == secret && r.key == key)?;
            Some(Fill {
                value: rule.value.clone(),
                from: FillFrom::Secret { secret, key },
            })
        })
        .collect()
}

/// Secret and key of everything that the render would write over a converted secret with other content.
pub fn overwritten(rendered: &[Object], converted: &[Object]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for secret in converted {
        let key = secret.reference().key();
        for chart in rendered.iter().filter(|r| r.reference().key() == key) {
            let data = chart_data(chart);
            for (name, content) in &data {
                if secret.0.get("data").and_then(|d| d.get(name)).and_then(Value::as_str) != Some(content) {
                    out.push((secret.name().to_owned(), name.clone()));
                }
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

/// `data` of a secret in base64, `stringData` included.
pub fn chart_data(secret: &Object) -> BTreeMap<String, String> {
    use base64::Engine as _;
    let texts = |field: &str| {
        let map = secret
            .0
            .get(field)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        map.into_iter()
            .map(|(k, v)| (k, v.as_str().unwrap_or_default().to_owned()))
            .collect::<Vec<_>>()
    };
    let mut data: BTreeMap<String, String> = texts("data").into_iter().collect();
    for (key, text) in texts("stringData") {
        data.insert(key, base64::engine::general_purpose::STANDARD.encode(text));
    }
    data
}

/// The values document of all fills. Contents of secrets are taken from the converted secrets.
pub fn private_values(fills: &[Fill], converted: &[Object]) -> Option<Value> {
    use base64::Engine as _;
    let mut root = Value::Object(Map::new());
    for fill in fills {
        let text = match &fill.from {
            FillFrom::Volume { text, .. } => Some(text.clone()),
            FillFrom::Secret { secret, key } => converted
                .iter()
                .find(|c| c.name() == secret)
                .and_then(|c| c.0.get("data")?.get(key)?.as_str())
                .and_then(|b64| base64::engine::general_purpose::STANDARD.decode(b64).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok()),
        };
        if let Some(text) = text {
            set_value(&mut root, &fill.value, Value::String(text));
        }
    }
    (!fills.is_empty()).then_some(root)
}

/// A value by its dotted path.
pub fn value_at<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(values, |at, part| at.get(part))
}

fn set_value(root: &mut Value, path: &str, value: Value) {
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(p, l)| (Some(p), l));
    let mut at = root;
    for part in parents.into_iter().flat_map(|p| p.split('.')) {
        if !at.get(part).is_some_and(Value::is_object) {
            at[part] = Value::Object(Map::new());
        }
        at = &mut at[part];
    }
    at[last] = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(name: &str, data: Value) -> Object {
        Object(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "n"}, "data": data}),
        )
    }

    #[test]
    fn a_chart_that_would_empty_a_password_is_found() {
        let converted = [secret("mail", json!({"password": "c2VjcmV0", "other": "eA=="}))];
        let rendered = [secret("mail", json!({"password": ""}))];
        assert_eq!(
            overwritten(&rendered, &converted),
            [("mail".to_owned(), "password".to_owned())]
        );
        assert!(overwritten(&converted, &converted).is_empty());
    }

    #[test]
    fn fills_become_nested_values() {
        let fills = [
            Fill {
                value: "a.b".into(),
                from: FillFrom::Secret {
                    secret: "mail".into(),
                    key: "password".into(),
                },
            },
            Fill {
                value: "a.c".into(),
                from: FillFrom::Volume {
                    claim: "x".into(),
                    text: "fs-1".into(),
                },
            },
        ];
        let values = private_values(&fills, &[secret("mail", json!({"password": "c2VjcmV0"}))]);
        assert_eq!(values, Some(json!({"a": {"b": "secret", "c": "fs-1"}})));
        assert_eq!(private_values(&[], &[]), None);
    }
}

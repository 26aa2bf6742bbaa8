//! What one step would change, line by line, against the cluster as it is now. Reads only; contents of secrets are hidden.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::plan::{Plan, Step};
use rehelm_core::ports::Cluster;
use rehelm_core::steps::StepSpec;
use rehelm_core::{restore, server, yaml};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

use crate::errors::{Context, Result};

/// The differences of all objects whose new form the step knows.
///
/// # Errors
/// When the cluster does not answer.
pub async fn of_step(plan: &Plan, step: &Step, cluster: &dyn Cluster) -> Result<String> {
    let mut out = String::new();
    for (reference, change) in changes(plan, step) {
        let live = cluster
            .get(&reference)
            .await
            .context(|| format!("cannot read {reference}"))?;
        let before = live.as_ref().map(server::without_owned);
        let after = match change {
            Change::To(value) => Some(server::without_owned(&Object(value))),
            Change::Merge(patch) => before.clone().map(|mut object| {
                merge(&mut object.0, &patch);
                object
            }),
            Change::Gone => None,
        };
        out.push_str(&texts(&reference, before.as_ref(), after.as_ref()));
    }
    if out.is_empty() {
        out.push_str("This step changes no object whose new form is known beforehand.\n");
    }
    Ok(out)
}

enum Change {
    To(Value),
    Merge(Value),
    Gone,
}

fn changes(plan: &Plan, step: &Step) -> Vec<(ObjRef, Change)> {
    match &step.spec {
        StepSpec::Adopt(adopt) => {
            let ownership = restore::ownership(&plan.target.release, &plan.target.namespace);
            adopt
                .objects
                .iter()
                .map(|o| (o.object.clone(), Change::Merge(ownership.clone())))
                .collect()
        }
        StepSpec::Recreate(recreate) => recreate
            .objects
            .iter()
            .map(|o| (o.object.clone(), Change::To(o.manifest.clone())))
            .collect(),
        StepSpec::Claims(claims) => claims
            .claims
            .iter()
            .map(|claim| (claim.object().reference(), Change::To(claim.manifest.clone())))
            .collect(),
        StepSpec::Retain(retain) => {
            let keep = json!({"spec": {"persistentVolumeReclaimPolicy": "Retain"}});
            let volume = |name: &str| rehelm_core::steps::retain::volume_ref(name);
            retain
                .volumes
                .iter()
                .map(|v| (volume(&v.volume), Change::Merge(keep.clone())))
                .collect()
        }
        StepSpec::Scale(scale) => {
            let stopped = json!({"spec": {"replicas": 0}});
            let scaled = scale.workloads.iter().filter(|w| w.replicas.is_some());
            scaled
                .map(|w| (w.object.clone(), Change::Merge(stopped.clone())))
                .collect()
        }
        StepSpec::Retire(retire) => retire
            .objects
            .iter()
            .map(|o| (o.object.clone(), Change::Gone))
            .collect(),
        _ => Vec::new(),
    }
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

fn texts(reference: &ObjRef, before: Option<&Object>, after: Option<&Object>) -> String {
    let text = |object: Option<&Object>| {
        object
            .map(hidden)
            .map(|value| yaml::to_string(&value))
            .unwrap_or_default()
    };
    let (before, after) = (text(before), text(after));
    let bold = Style::new().bold();
    let mut out = format!("{bold}{reference}{bold:#}\n");
    if before == after {
        out.push_str("  as it is\n");
        return out;
    }
    let diff = TextDiff::from_lines(&before, &after);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            out.push_str(&format!(
                "  {style}{sign} {}{style:#}\n",
                change.value().trim_end_matches('\n')
            ));
        }
    }
    out
}

/// Keys in one order, so that only what differs is shown.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let keys: BTreeMap<&String, Value> = map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(keys.into_iter().map(|(key, value)| (key.clone(), value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// The object without the contents of a secret.
fn hidden(object: &Object) -> Value {
    let mut value = sorted(&object.0);
    if object.kind() == "Secret" {
        for field in ["data", "stringData"] {
            if let Some(Value::Object(data)) = value.get_mut(field) {
                for content in data.values_mut() {
                    *content = json!("(hidden)");
                }
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown_and_secrets_are_hidden() {
        let secret = |label: &str| {
            Object(
                json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "labels": {"a": label}}, "data": {"k": "aHVudGVyMg=="}}),
            )
        };
        let text = texts(&secret("old").reference(), Some(&secret("old")), Some(&secret("new")));
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(
            text.contains("-     a: old\n") && text.contains("+     a: new\n"),
            "{text}"
        );
        assert!(!text.contains("aHVudGVyMg"), "{text}");
    }

    #[test]
    fn an_object_that_stays_says_so() {
        let object = Object(json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "s"}}));
        let text = texts(&object.reference(), Some(&object), Some(&object));
        assert!(text.ends_with("  as it is\n"));
    }
}

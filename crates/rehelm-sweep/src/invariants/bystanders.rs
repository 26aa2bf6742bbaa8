//! What the plan does not touch is as it was.

use std::collections::HashMap;
use std::sync::Arc;

use rehelm_core::object::Object;
use rehelm_core::{diff, server};
use serde_json::Value;

use super::Broken;
use super::known::Known;

/// The newest version of each bystander that was found unchanged: most are never looked at twice.
#[derive(Default)]
pub struct Unchanged(HashMap<String, Arc<Value>>);

impl Unchanged {
    /// Bystanders that are gone or changed.
    pub fn differ(&mut self, known: &Known, objects: &[Arc<Value>], cleaning: bool) -> Vec<Broken> {
        let mut broken = Vec::new();
        let mut met = 0;
        for object in objects {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            if !known.bystanders.contains(uid) {
                continue;
            }
            met += 1;
            let Some(before) = known.before.get(uid) else { continue };
            if Arc::ptr_eq(before, object) || self.0.get(uid).is_some_and(|seen| Arc::ptr_eq(seen, object)) {
                continue;
            }
            let clean = |value: &Arc<Value>| server::without_owned(&Object((**value).clone())).0;
            let fields: Vec<String> = diff::changes(&clean(before), &clean(object))
                .iter()
                .map(|change| change.field.to_string())
                .collect();
            if fields.is_empty() {
                self.0.insert(uid.to_owned(), object.clone());
            } else {
                broken.push(("bystander", format!("{} has other {}", said(object), fields.join(", "))));
            }
        }
        // Cleanup may take away what was left of the old install by names that only it knows.
        if met < known.bystanders.len() && !cleaning {
            for uid in &known.bystanders {
                if !objects.iter().any(|o| o["metadata"]["uid"] == uid.as_str())
                    && let Some(before) = known.before.get(uid)
                {
                    broken.push(("bystander", format!("{} is gone", said(before))));
                }
            }
        }
        broken
    }
}

fn said(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!(
        "{} {}/{}",
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name")
    )
}

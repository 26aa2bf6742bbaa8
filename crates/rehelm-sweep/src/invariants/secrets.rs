//! Secrets hold what they held, and those of the old install stay, with its claims, until cleanup.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::Broken;
use super::known::Known;

/// What each secret held when it was seen first, by uid.
#[derive(Default)]
pub struct Seen(HashMap<String, Arc<Value>>);

fn is_records(secret: &Value) -> bool {
    secret["type"] == "helm.sh/release.v1"
}

impl Seen {
    /// Secrets whose content changed, and data of the old install that is gone.
    pub fn changed(&mut self, known: &Known, objects: &[Arc<Value>], cleaning: bool) -> Vec<Broken> {
        let mut broken = Vec::new();
        let mut there: BTreeSet<&str> = BTreeSet::new();
        let mut claims: BTreeSet<(&str, &str)> = BTreeSet::new();
        for object in objects {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            let place = || {
                let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
                (text("namespace"), text("name"))
            };
            match object["kind"].as_str() {
                Some("Secret") if !is_records(object) => {
                    there.insert(uid);
                    let first = match known.before.get(uid) {
                        Some(before) => before,
                        None => self.0.entry(uid.to_owned()).or_insert_with(|| object.clone()),
                    };
                    if first["data"] != object["data"] {
                        let (namespace, name) = place();
                        broken.push((
                            "secret-changed",
                            format!("secret {namespace}/{name} holds something else"),
                        ));
                    }
                }
                Some("PersistentVolumeClaim") => {
                    there.insert(uid);
                    claims.insert(place());
                }
                _ => {}
            }
        }
        if cleaning {
            return broken;
        }
        for uid in known.data.iter().filter(|uid| !there.contains(uid.as_str())) {
            if known.moved.contains(uid) {
                continue;
            }
            let was = known
                .before
                .get(uid)
                .map(|o| format!("{} {}", o["kind"], o["metadata"]["name"]));
            broken.push(("data-gone", format!("{} is gone", was.unwrap_or_default())));
        }
        // A claim that is handed over is gone for a while, but never both.
        for volume in &known.volumes {
            if !volume
                .claims
                .iter()
                .any(|(ns, name)| claims.contains(&(ns.as_str(), name.as_str())))
            {
                broken.push((
                    "data-gone",
                    format!("volume {} has no claim on either side", volume.name),
                ));
            }
        }
        broken
    }
}

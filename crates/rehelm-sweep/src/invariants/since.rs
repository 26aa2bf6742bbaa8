//! What changed since the last look: most writes change nothing that a rule is about.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::known::Known;

/// The objects of the last look. Versions of an object are shared, so that the same one has the same address; those of the last
/// look are held, so that no other one gets it.
#[derive(Default)]
pub struct Since {
    objects: Vec<Arc<Value>>,
    places: HashSet<usize>,
}

fn place(object: &Arc<Value>) -> usize {
    Arc::as_ptr(object).addr()
}

impl Since {
    /// True when something that a rule is about came, changed or went; this look is the last one from now on.
    pub fn matters(&mut self, known: &Known, objects: &[Arc<Value>]) -> bool {
        let places: HashSet<usize> = objects.iter().map(place).collect();
        let came = objects.iter().filter(|object| !self.places.contains(&place(object)));
        let went = self.objects.iter().filter(|object| !places.contains(&place(object)));
        let matters = came.chain(went).any(|object| is_judged(known, object));
        self.objects = objects.to_vec();
        self.places = places;
        matters
    }
}

/// Whether a rule looks at this object.
fn is_judged(known: &Known, object: &Value) -> bool {
    match object["kind"].as_str() {
        Some("PersistentVolume" | "PersistentVolumeClaim" | "Secret") => true,
        Some("Pod") => {
            let volumes = object["spec"]["volumes"].as_array().into_iter().flatten();
            let mut names = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
            names.any(|name| {
                known
                    .volumes
                    .iter()
                    .any(|v| v.claims.iter().any(|(_, own)| own == name))
            })
        }
        _ => {
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
            known.bystanders.contains(uid)
        }
    }
}

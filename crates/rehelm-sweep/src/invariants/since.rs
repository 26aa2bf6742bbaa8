//! What changed since the last look: most writes change nothing that a rule is about.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::known::Known;

/// The objects of the last look. Versions of an object are shared, so that the same one has the same address; those of the last
/// look are held, so that no other one gets it.
#[derive(Default)]
pub struct Since {
    objects: Vec<Arc<Value>>,
    /// Their addresses, and whether a rule is about them.
    places: HashMap<usize, bool>,
}

fn place(object: &Arc<Value>) -> usize {
    Arc::as_ptr(object).addr()
}

impl Since {
    /// True when something that a rule is about came, changed or went; this look is the last one from now on.
    pub fn matters(&mut self, known: &Known, objects: &[Arc<Value>]) -> bool {
        let mut places = HashMap::with_capacity(objects.len());
        let mut matters = false;
        for object in objects {
            let place = place(object);
            let judged = self.places.get(&place).copied().unwrap_or_else(|| {
                let judged = is_judged(known, object);
                matters |= judged;
                judged
            });
            places.insert(place, judged);
        }
        let went = |(place, judged): (&usize, &bool)| *judged && !places.contains_key(place);
        matters |= self.places.iter().any(went);
        self.objects = objects.to_vec();
        self.places = places;
        matters
    }

    /// Those of the last look that a rule is about.
    pub fn judged(&self) -> Vec<Arc<Value>> {
        let judged = self
            .objects
            .iter()
            .filter(|object| self.places.get(&place(object)) == Some(&true));
        judged.cloned().collect()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_look_matters_when_what_a_rule_is_about_comes_changes_or_goes() {
        let known = Known::default();
        let object = |kind: &str, name: &str| Arc::new(json!({"kind": kind, "metadata": {"name": name}}));
        let (map, secret) = (object("ConfigMap", "a"), object("Secret", "b"));
        let mut since = Since::default();
        let alone = [map.clone()];
        assert!(!since.matters(&known, &alone) && since.judged().is_empty());
        assert!(since.matters(&known, &[map.clone(), secret.clone()]), "it came");
        let judged = since.judged();
        assert!(judged.len() == 1 && Arc::ptr_eq(&judged[0], &secret));
        assert!(!since.matters(&known, &[object("ConfigMap", "a"), secret]), "it stayed");
        let changed = object("Secret", "b");
        assert!(since.matters(&known, &[map, changed.clone()]), "it changed");
        assert!(Arc::ptr_eq(&since.judged()[0], &changed));
        assert!(since.matters(&known, &alone), "it went");
        assert!(since.judged().is_empty());
    }
}

//! Ways to find objects without looking at all of them; always as new as the store, which keeps it at each write.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::Place;
use crate::meta;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Whereabouts {
    pub resource: Arc<str>,
    pub place: Place,
}

type Places = HashMap<String, BTreeSet<Place>>;

/// The index. Everything is kept by the text in the comment.
#[derive(Clone, Default)]
pub(crate) struct Index {
    /// uid of the object.
    by_uid: HashMap<String, Whereabouts>,
    /// uid of an owner.
    by_owner: HashMap<String, BTreeSet<Whereabouts>>,
    /// Node: pods.
    by_node: Places,
    /// `namespace/key=value` of a label: pods.
    by_label: Places,
    /// `namespace/key=value` of the first pair of a selector: Services.
    by_selector: Places,
    /// `resource namespace`: objects that no controller owns, of the kinds that controllers adopt.
    orphans: Places,
    /// Namespace: pods on a node that have not started.
    starting: Places,
    /// Pods that have no node.
    unplaced: BTreeSet<Place>,
}

const ADOPTABLE: [&str; 3] = ["pods", "replicasets.apps", "controllerrevisions.apps"];

impl Index {
    /// Takes note of a write.
    pub fn update(&mut self, resource: &Arc<str>, old: Option<&Value>, new: Option<&Value>) {
        if let Some(old) = old {
            self.enter(resource, old, false);
        }
        if let Some(new) = new {
            self.enter(resource, new, true);
        }
    }

    fn enter(&mut self, resource: &Arc<str>, object: &Value, present: bool) {
        let place = Place::new(meta::namespace(object), meta::name(object));
        let here = Whereabouts {
            resource: resource.clone(),
            place: place.clone(),
        };
        for owner in meta::owners(object) {
            let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
            put(&mut self.by_owner, uid, here.clone(), present);
        }
        if present {
            self.by_uid.insert(meta::uid(object).to_owned(), here);
        } else {
            self.by_uid.remove(meta::uid(object));
        }
        if ADOPTABLE.contains(&&**resource) && meta::controller(object).is_none() {
            let key = format!("{resource} {}", place.namespace);
            put(&mut self.orphans, &key, place.clone(), present);
        }
        match &**resource {
            "pods" => self.enter_pod(object, &place, present),
            "services" => {
                let selector = object.pointer("/spec/selector").and_then(Value::as_object);
                if let Some((key, value)) = selector.and_then(|selector| selector.iter().next()) {
                    let key = pair(&place.namespace, key, value.as_str().unwrap_or_default());
                    put(&mut self.by_selector, &key, place, present);
                }
            }
            _ => {}
        }
    }

    fn enter_pod(&mut self, pod: &Value, place: &Place, present: bool) {
        for (key, value) in labels(pod) {
            put(
                &mut self.by_label,
                &pair(&place.namespace, key, value),
                place.clone(),
                present,
            );
        }
        let node = pod.pointer("/spec/nodeName").and_then(Value::as_str);
        let Some(node) = node.filter(|node| !node.is_empty()) else {
            if present {
                self.unplaced.insert(place.clone());
            } else {
                self.unplaced.remove(place);
            }
            return;
        };
        put(&mut self.by_node, node, place.clone(), present);
        let phase = pod.pointer("/status/phase").and_then(Value::as_str);
        if matches!(phase, None | Some("Pending")) {
            put(&mut self.starting, &place.namespace, place.clone(), present);
        }
    }

    /// Where the object with a uid is.
    pub fn of_uid(&self, uid: &str) -> Option<&Whereabouts> {
        self.by_uid.get(uid)
    }

    /// Objects that name this uid among their owners.
    pub fn dependents(&self, uid: &str) -> impl Iterator<Item = &Whereabouts> {
        self.by_owner.get(uid).into_iter().flatten()
    }

    pub fn pods_on(&self, node: &str) -> impl Iterator<Item = &Place> {
        self.by_node.get(node).into_iter().flatten()
    }

    /// Pods that have no node.
    pub fn unplaced(&self) -> impl Iterator<Item = &Place> {
        self.unplaced.iter()
    }

    /// Objects of a resource in a namespace that no controller owns; of [`ADOPTABLE`] kinds only.
    pub fn orphans(&self, resource: &str, namespace: &str) -> impl Iterator<Item = &Place> {
        self.orphans
            .get(&format!("{resource} {namespace}"))
            .into_iter()
            .flatten()
    }

    /// Pods on a node in this namespace that have not started.
    pub fn starting(&self, namespace: &str) -> impl Iterator<Item = &Place> {
        self.starting.get(namespace).into_iter().flatten()
    }

    /// Pods with a label.
    pub fn labelled(&self, namespace: &str, key: &str, value: &str) -> impl Iterator<Item = &Place> {
        self.by_label.get(&pair(namespace, key, value)).into_iter().flatten()
    }

    /// Services that may select a pod: their selector begins with a label that it has.
    pub fn services_for(&self, pod: &Value) -> BTreeSet<Place> {
        let namespace = meta::namespace(pod);
        let found = labels(pod).filter_map(|(key, value)| self.by_selector.get(&pair(namespace, key, value)));
        found.flatten().cloned().collect()
    }
}

fn pair(namespace: &str, key: &str, value: &str) -> String {
    format!("{namespace}/{key}={value}")
}

fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = meta::get(object, "labels").and_then(Value::as_object);
    labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

fn put<T: Ord>(sets: &mut HashMap<String, BTreeSet<T>>, key: &str, value: T, present: bool) {
    if present {
        sets.entry(key.to_owned()).or_default().insert(value);
        return;
    }
    if let Some(set) = sets.get_mut(key) {
        set.remove(&value);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn follows_every_write() {
        let mut index = Index::default();
        let pods: Arc<str> = "pods".into();
        let orphan = json!({"metadata": {"name": "a", "namespace": "x", "uid": "1", "labels": {"app": "web"}}});
        let mut owned = orphan.clone();
        owned["metadata"]["ownerReferences"] = json!([{"uid": "9", "controller": true}]);
        owned["spec"] = json!({"nodeName": "n"});
        index.update(&pods, None, Some(&orphan));
        assert_eq!(index.orphans("pods", "x").count(), 1);
        assert_eq!(index.labelled("x", "app", "web").count(), 1);
        index.update(&pods, Some(&orphan), Some(&owned));
        assert_eq!(index.orphans("pods", "x").count(), 0);
        assert_eq!(index.dependents("9").count(), 1);
        assert_eq!(index.pods_on("n").count(), 1);
        assert_eq!(index.starting("x").count(), 1);
        index.update(&pods, Some(&owned), None);
        assert_eq!(index.dependents("9").count() + index.pods_on("n").count(), 0);
        assert!(index.of_uid("1").is_none());
    }
}

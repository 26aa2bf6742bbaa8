//! Today's state: what a Kustomize build says, or what lives, in the form that comparisons need.
//!
//! References to the old namespace become references to the new one, because an install that moves is meant to be the same
//! in its new place.

use std::collections::BTreeMap;

use serde_json::Value;

use super::normal::normal;
use crate::finding::Finding;
use crate::object::{ObjKey, Object};

/// Where an install comes from and goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Namespace of the old install; found out from its objects when nobody says it.
    pub from: Option<String>,
    /// Namespace of the release.
    pub to: String,
}

/// Today's state.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Objects in normal form, each once; without namespaces where they move.
    pub objects: Vec<Object>,
    /// What was odd.
    pub findings: Vec<Finding>,
}

/// Fields that hold the namespace of another object.
const NAMESPACES: [&[&str]; 5] = [
    &["subjects", "*", "namespace"],
    &["webhooks", "*", "clientConfig", "service", "namespace"],
    &["spec", "service", "namespace"],
    &["spec", "conversion", "webhook", "clientConfig", "service", "namespace"],
    &["metadata", "namespace"],
];

/// Today's state from objects: declared ones, or live ones (`live`).
pub fn source(objects: &[Object], live: bool, places: &Move) -> Source {
    let mut out = Source::default();
    let from = places.from.clone().or_else(|| usual_namespace(objects));
    let mut seen: BTreeMap<ObjKey, usize> = BTreeMap::new();
    for object in objects {
        let mut normal = normal(object, live);
        for path in NAMESPACES {
            moved(&mut normal.0, path, from.as_deref(), &places.to);
        }
        if normal.namespace() == Some(places.to.as_str()) {
            normal.metadata_mut().shift_remove("namespace");
        }
        // Of an object that is declared twice the last one counts, as it is applied last.
        match seen.get(&normal.reference().key()) {
            Some(at) => {
                out.findings
                    .push(Finding::warning("declared-twice", object.reference().to_string()));
                out.objects[*at] = normal;
            }
            None => {
                seen.insert(normal.reference().key(), out.objects.len());
                out.objects.push(normal);
            }
        }
    }
    out
}

/// The namespace that most objects have.
pub fn usual_namespace(objects: &[Object]) -> Option<String> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for namespace in objects.iter().filter_map(Object::namespace) {
        *count.entry(namespace).or_default() += 1;
    }
    count
        .into_iter()
        .max_by_key(|(_, n)| *n)
        .map(|(namespace, _)| namespace.to_owned())
}

fn moved(value: &mut Value, path: &[&str], from: Option<&str>, to: &str) {
    match path {
        ["*", rest @ ..] => {
            for item in value.as_array_mut().into_iter().flatten() {
                moved(item, rest, from, to);
            }
        }
        [key, rest @ ..] => {
            if let Some(inner) = value.get_mut(*key) {
                moved(inner, rest, from, to);
            }
        }
        [] => {
            if from.is_some() && value.as_str() == from {
                *value = Value::from(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_move_with_the_install() {
        let binding = Object(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": "old"}, "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "old"}, {"kind": "ServiceAccount", "name": "t", "namespace": "else"}]}),
        );
        let there = Move {
            from: None,
            to: "new".into(),
        };
        let found = source(&[binding.clone(), binding], false, &there);
        assert_eq!(found.objects.len(), 1);
        assert_eq!(found.objects[0].namespace(), None);
        assert_eq!(found.objects[0].0["subjects"][0]["namespace"], "new");
        assert_eq!(found.objects[0].0["subjects"][1]["namespace"], "else");
        assert_eq!(found.findings[0].code, "declared-twice");
    }
}

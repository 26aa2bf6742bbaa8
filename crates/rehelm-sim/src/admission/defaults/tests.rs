//! Every probe that a real server answered gives the same answer here.

use serde_json::{Value, json};

use super::*;
use crate::kinds::Kinds;
use crate::meta;
use crate::sim::Options;
use crate::{tables, world::World};

fn probes() -> Vec<(Value, Value)> {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../../tables/probes.json")).expect("probes");
    all.into_iter()
        .map(|probe| (probe["sent"].clone(), probe["answered"].clone()))
        .collect()
}

fn differences(path: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let (a, b) = (a.get(key), b.get(key));
                match (a, b) {
                    (Some(a), Some(b)) => differences(&format!("{path}.{key}"), a, b, found),
                    (a, b) => found.push(format!("{path}.{key}: {a:?} but the server has {b:?}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), a, b, found);
            }
        }
        (a, b) if a != b => found.push(format!("{path}: {a} but the server has {b}")),
        _ => {}
    }
}

/// Admission plugins and storage, not defaults.
fn is_not_ours(line: &str) -> bool {
    let plugins = [
        // Taken from the service account, the scheduler's taint on new nodes, addresses.
        "Pod/zeros.spec.serviceAccount",
        "Pod/plain.spec.serviceAccount",
        "Pod/volumes.spec.serviceAccount",
        "Pod/rich.spec.serviceAccount",
        "Node/tabprobe-a.spec",
        "Service/e.spec.clusterIP",
    ];
    plugins.iter().any(|start| line.starts_with(start))
}

#[test]
fn what_a_real_server_adds_is_added() {
    let world = World::new(Options {
        bootstrap: false,
        ..Options::default()
    });
    let kinds = Kinds::new(&tables::newest());
    let mut found = Vec::new();
    for (sent, answered) in probes() {
        let text = |key: &str| sent[key].as_str().unwrap_or_default().to_owned();
        let kind = kinds.of(&text("apiVersion"), &text("kind")).expect("a known kind");
        let mut object = sent.clone();
        meta::set(&mut object, "uid", "UID".into());
        prune(&kind, &mut object);
        apply(&world, &kind, &mut object);
        let once = object.clone();
        apply(&world, &kind, &mut object);
        assert_eq!(once, object, "a second time changes nothing");
        if &*kind.id == "jobs.batch" {
            own_pods(&mut object);
        }
        for field in ["uid", "namespace"] {
            meta::unset(&mut object, field);
        }
        differences(
            &format!("{}/{}", text("kind"), meta::name(&sent)),
            &object,
            &answered,
            &mut found,
        );
    }
    found.retain(|line| !is_not_ours(line));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn custom_resources_follow_their_schema() {
    let world = World::new(Options {
        bootstrap: false,
        ..Options::default()
    });
    let mut kinds = Kinds::new(&tables::newest());
    kinds.add_crd(
        &json!({"metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"}, "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {
                "size": {"type": "integer", "default": 3},
                "parts": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"},
                    "color": {"type": "string", "default": "red"}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}}}}}]}}),
    );
    let kind = kinds.by_id("widgets.example.com").expect("kind");
    let mut object = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "junk": 1},
        "other": 1, "spec": {"junk": 2, "size": null, "parts": [{"name": "x", "junk": 3}], "free": {"any": {"thing": 1}}, "labels": {"a": "b"}}});
    prune(&kind, &mut object);
    apply(&world, &kind, &mut object);
    assert_eq!(
        object,
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"},
            "spec": {"size": 3, "parts": [{"name": "x", "color": "red"}], "free": {"any": {"thing": 1}}, "labels": {"a": "b"}}})
    );
}

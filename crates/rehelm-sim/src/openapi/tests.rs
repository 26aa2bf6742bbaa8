//! What clients look for in the documents.

use serde_json::{Value, json};

use super::*;
use crate::{Options, Sim};

fn sim(minor: u32) -> Sim {
    let sim = Sim::new(Options {
        minor,
        ..Options::default()
    });
    sim.load(vec![json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"}, "versions": [{"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object", "description": "A widget.", "properties": {"spec": {"type": "object",
            "properties": {"size": {"x-kubernetes-int-or-string": true}, "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}}}]}})])
        .expect("loaded");
    sim
}

fn ask(sim: &Sim, path: &str, accept: &str) -> Option<(String, Vec<u8>)> {
    let world = sim.shared.world();
    match answer(&world, path, accept)? {
        Answer::Raw(media, bytes) => Some((media, bytes.to_vec())),
        Answer::Object(_, value) => Some(("application/json".to_owned(), value.to_string().into_bytes())),
        _ => None,
    }
}

fn json_of(sim: &Sim, path: &str) -> Value {
    let (_, bytes) = ask(sim, path, "application/json").expect("a document");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Every reference of a document leads somewhere in it.
fn resolved(value: &Value, document: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference} is not there");
            }
            map.values().for_each(|value| resolved(value, document));
        }
        Value::Array(list) => list.iter().for_each(|value| resolved(value, document)),
        _ => {}
    }
}

#[test]
fn every_document_of_the_index_is_there_and_whole() {
    for minor in [24, 35] {
        let sim = sim(minor);
        let index = json_of(&sim, "/openapi/v3");
        let paths = index["paths"].as_object().expect("paths");
        assert!(paths.contains_key("api/v1") && paths.contains_key("apis/example.com/v1"));
        for (place, address) in paths {
            let address = address["serverRelativeURL"].as_str().unwrap_or_default();
            assert!(address.starts_with(&format!("/openapi/v3/{place}?hash=")));
            let document = json_of(&sim, &format!("/openapi/v3/{place}"));
            resolved(&document, &document);
        }
    }
    assert!(ask(&sim(23), "/openapi/v3", "").is_none());
}

#[test]
fn clients_learn_that_the_server_validates() {
    let takes = |minor: u32, place: &str, path: &str| {
        let document = json_of(&sim(minor), &format!("/openapi/v3/{place}"));
        let patch = document["paths"][path]["patch"].clone();
        let parameters = patch["parameters"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = parameters
            .iter()
            .filter_map(|p| p["name"].as_str())
            .map(str::to_owned)
            .collect();
        (patch["x-kubernetes-group-version-kind"]["kind"].clone(), names)
    };
    let (kind, names) = takes(
        35,
        "apis/apps/v1",
        "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    );
    assert_eq!(kind, "Deployment");
    assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    let (kind, names) = takes(
        35,
        "apis/example.com/v1",
        "/apis/example.com/v1/namespaces/{namespace}/widgets/{name}",
    );
    assert!(kind == "Widget" && names.contains(&"fieldValidation".to_owned()));
    let (_, names) = takes(24, "api/v1", "/api/v1/namespaces/{name}");
    assert_eq!(names, ["dryRun", "fieldManager", "force"]);
}

#[test]
fn borrowed_schemas_bear_the_older_name() {
    let document = json_of(&sim(24), "/openapi/v3/apis/policy/v1beta1");
    let schemas = &document["components"]["schemas"];
    let budget = &schemas["io.k8s.api.policy.v1beta1.PodDisruptionBudget"];
    assert_eq!(
        budget["x-kubernetes-group-version-kind"],
        json!([{"group": "policy", "kind": "PodDisruptionBudget", "version": "v1beta1"}])
    );
    let unknown = &schemas["io.k8s.api.policy.v1beta1.PodSecurityPolicy"];
    assert_eq!(unknown["x-kubernetes-preserve-unknown-fields"], true);
}

#[test]
fn the_older_form_is_whole_too() {
    let document = json_of(&sim(35), "/openapi/v2");
    resolved(&document, &document);
    let definitions = &document["definitions"];
    assert_eq!(
        definitions["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]["strategy"],
        json!({"$ref": "#/definitions/io.k8s.api.apps.v1.DeploymentStrategy", "x-kubernetes-patch-strategy": "retainKeys"})
    );
    let spec = &definitions["com.example.v1.Widget"]["properties"]["spec"]["properties"];
    assert_eq!(spec["size"], json!({"x-kubernetes-int-or-string": true}));
    assert_eq!(spec["free"], json!({"x-kubernetes-preserve-unknown-fields": true}));
    assert_eq!(definitions["com.example.v1.Widget"]["description"], "A widget.");
}

/// Fields of a protobuf message: number and bytes (of a number: its digits).
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let varint = |bytes: &mut &[u8]| {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        if tag & 7 == 0 {
            found.push((tag >> 3, value.to_string().into_bytes()));
            continue;
        }
        assert_eq!(tag & 7, 2, "only numbers and bytes");
        let (own, rest) = bytes.split_at(usize::try_from(value).expect("a length"));
        found.push((tag >> 3, own.to_vec()));
        bytes = rest;
    }
    found
}

fn field(bytes: &[u8], number: u64) -> Vec<u8> {
    fields(bytes)
        .into_iter()
        .find(|(at, _)| *at == number)
        .expect("the field")
        .1
}

/// The value of a `NamedX` in a repeated field.
fn entry(bytes: &[u8], number: u64, name: &str) -> Vec<u8> {
    let all = fields(bytes).into_iter().filter(|(at, _)| *at == number);
    let named = all
        .map(|(_, bytes)| bytes)
        .find(|bytes| field(bytes, 1) == name.as_bytes());
    field(&named.expect("an entry of that name"), 2)
}

#[test]
fn protobuf_says_the_same() {
    let accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let (media, bytes) = ask(&sim(21), "/openapi/v2", accept).expect("a document");
    assert_eq!(media, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
    assert_eq!(field(&bytes, 1), b"2.0");
    let definitions = field(&bytes, 9);
    let deployment = entry(&definitions, 1, "io.k8s.api.apps.v1.Deployment");
    let spec = entry(&field(&deployment, 25), 1, "spec");
    assert_eq!(field(&spec, 1), b"#/definitions/io.k8s.api.apps.v1.DeploymentSpec");
    let kinds = entry(&deployment, 31, "x-kubernetes-group-version-kind");
    let kinds: Value = serde_json::from_slice(&field(&kinds, 2)).expect("YAML that is JSON");
    assert_eq!(kinds, json!([{"group": "apps", "kind": "Deployment", "version": "v1"}]));
    let path = entry(
        &field(&bytes, 8),
        2,
        "/apis/apps/v1/namespaces/{namespace}/deployments/{name}",
    );
    let patch = field(&path, 8);
    let first = field(&field(&field(&field(&patch, 8), 1), 2), 3);
    assert_eq!(
        (field(&first, 4), field(&first, 2)),
        (b"dryRun".to_vec(), b"query".to_vec())
    );
}

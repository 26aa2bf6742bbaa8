//! Creates, updates, patches and applies as a real API server answered them (Kubernetes 1.35.4, objects of our own).
//!
//! Each case is one request on a cluster that holds the object as the real server held it. Compared are status, message,
//! reason, details and warnings of refusals, and the whole object otherwise; left out is what belongs to the server alone
//! (uid, versions, times).

mod common;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use rehelm_sim::{Options, Sim, Time};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;

#[derive(Deserialize)]
struct Case {
    title: String,
    request: String,
    #[serde(rename = "type")]
    media: String,
    agent: String,
    body: String,
    before: Option<Value>,
    code: u16,
    warnings: Vec<String>,
    answer: Value,
}

/// A cluster with the namespace, the two custom kinds, and the object of the case.
fn cluster(case: &Case) -> Sim {
    let mut objects: Vec<Value> =
        serde_json::from_str(include_str!("../testdata/writes/kinds.json")).expect("well formed");
    objects.push(json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec", "uid": "n"},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    }));
    objects.extend(case.before.clone());
    let sim = Sim::new(Options {
        bootstrap: false,
        // After the recordings, so that entries of `managedFields` come in the same order.
        start: Time(1_900_000_000_000_000_000),
        ..Options::default()
    });
    sim.load(objects).expect("all kinds are served");
    sim
}

async fn answer(case: &Case) -> (u16, Value, Vec<String>) {
    let (method, path) = case.request.split_once(' ').expect("method and path");
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", &case.media)
        .header("user-agent", &case.agent)
        .body(Full::new(Bytes::from(case.body.clone())))
        .expect("a request");
    let response = cluster(case).service().oneshot(request).await.expect("never fails");
    let code = response.status().as_u16();
    let warnings = response.headers().get_all("warning").iter();
    let warnings = warnings.map(|value| value.to_str().expect("text").trim_start_matches("299 - ").to_owned());
    let warnings = warnings.collect();
    let bytes = response.into_body().collect().await.expect("never fails").to_bytes();
    (code, serde_json::from_slice(&bytes).expect("JSON"), warnings)
}

/// Takes out what differs between any two servers.
fn comparable(mut value: Value) -> Value {
    if value["kind"] == "Status" {
        return mask(value);
    }
    let created = value["metadata"]["uid"].is_string();
    assert!(created, "every object has a uid: {value}");
    let generated = value["metadata"]["generateName"].is_string();
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            meta.shift_remove(field);
        }
        if generated {
            meta.shift_remove("name");
        }
        if let Some(entries) = meta.get_mut("managedFields").and_then(Value::as_array_mut) {
            for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
                if entry.contains_key("time") {
                    entry.insert("time".to_owned(), "some time".into());
                }
            }
            entries.sort_by_key(|entry| (entry["manager"].to_string(), entry["subresource"].to_string()));
        }
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|field, _| !field.starts_with("clusterIP"));
    }
    // Controllers were at work meanwhile.
    let conditions = value.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
        condition.shift_remove("lastUpdateTime");
        condition.shift_remove("message");
    }
    mask(value)
}

/// Patched objects are quoted whole in messages; only that they are there is compared. Conflicts come in any order.
fn mask(mut value: Value) -> Value {
    if let Some(causes) = value.pointer_mut("/details/causes").and_then(Value::as_array_mut) {
        causes.sort_by_key(Value::to_string);
    }
    let whole = regex::Regex::new(r#"Invalid value: \\"\{.*?\}\\": "#).expect("a pattern");
    let uid = regex::Regex::new(r"UID in object meta: [0-9a-f-]*").expect("a pattern");
    let text = value.to_string();
    let text = whole.replace_all(&text, "Invalid value: PATCHED: ");
    let text = uid.replace_all(&text, "UID in object meta: some");
    serde_json::from_str(&text).expect("still JSON")
}

/// Where the simulated server is known to answer otherwise, and why.
fn known_difference(title: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == title).map(|(_, why)| *why)
}

const VALIDATION: &str = "validation is not this file's matter";
const KNOWN: &[(&str, &str)] = &[
    ("bad yaml", "the YAML parser has words of its own"),
    (
        "box status",
        "labels that a status update brings and the server drops again are owned all the same there",
    ),
    ("dep null selector", VALIDATION),
    (
        "dep {\"template\": {\"spec\": {\"containers\": [{\"name\": \"a\", \"livenessProbe\": {\"httpGet\": {\"port\": {}}}}]}}}",
        "the path in the message names an embedded struct that no schema shows",
    ),
    ("jp escape", VALIDATION),
    ("mp kind", "the server first reads the object as what it was renamed to"),
    ("no key", VALIDATION),
    ("post t4 dup env", "warnings of the kinds' own are not given"),
    ("pt me drops all", VALIDATION),
    ("svc status", VALIDATION),
    ("svc status again", VALIDATION),
    ("t4 dup env change", "warnings of the kinds' own are not given"),
];

async fn all_as_recorded(cases: &str) {
    let cases: Vec<Case> = serde_json::from_str(cases).expect("well formed");
    let mut wrong = Vec::new();
    for case in &cases {
        let (code, given, warnings) = answer(case).await;
        let (wanted, given) = (comparable(case.answer.clone()), comparable(given));
        let same = code == case.code && wanted == given && warnings == case.warnings;
        match (same, known_difference(&case.title)) {
            (true, None) | (_, Some(_)) => {}
            (false, None) => wrong.push(format!(
                "{} ({})\n  wanted {} {:?} {wanted}\n  given  {code} {warnings:?} {given}",
                case.title, case.request, case.code, case.warnings
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn bodies_are_read_and_refused_as_recorded() {
    all_as_recorded(include_str!("../testdata/writes/bodies.json")).await;
}

#[tokio::test]
async fn patches_are_carried_out_as_recorded() {
    all_as_recorded(include_str!("../testdata/writes/patches.json")).await;
}

#[tokio::test]
async fn applies_merge_and_conflict_as_recorded() {
    all_as_recorded(include_str!("../testdata/writes/apply.json")).await;
}

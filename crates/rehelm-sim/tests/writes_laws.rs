//! Laws of writes, on objects made up at random: applying twice is applying once, a patch that says the difference makes
//! it, and who owns fields is no more and no less than what was written.

mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use proptest::prelude::*;
use rehelm_sim::{Options, Sim};
use serde_json::{Value, json};

const PATH: &str = "/api/v1/namespaces/default/podtemplates/made-up";

type Env = BTreeMap<String, String>;

/// Containers by name with their environment, and labels.
fn configs() -> impl Strategy<Value = Value> {
    let env = || proptest::collection::btree_map("[A-C]", "[x-z]", 0..3);
    let containers = proptest::collection::btree_map("[a-c]", env(), 1..4);
    let labels = proptest::collection::btree_map("[k-m]", "[0-2]", 0..3);
    (containers, labels).prop_map(|(containers, labels)| config(&containers, &labels))
}

fn config(containers: &BTreeMap<String, Env>, labels: &Env) -> Value {
    let containers: Vec<Value> = containers
        .iter()
        .map(|(name, env)| {
            let env: Vec<Value> = env.iter().map(|(k, v)| json!({"name": k, "value": v})).collect();
            match env.as_slice() {
                [] => json!({"name": name, "image": "i"}),
                _ => json!({"name": name, "image": "i", "env": env}),
            }
        })
        .collect();
    json!({
        "apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "made-up"},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    })
}

async fn patch(sim: &Sim, media: &str, manager: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method("PATCH")
        .uri(format!(
            "{PATH}?fieldManager={manager}{}",
            if media.contains("apply") { "&force=true" } else { "" }
        ))
        .header("content-type", media)
        .body(Full::new(Bytes::from(body.to_string())))
        .expect("a request");
    let (code, answer) = common::send(sim.service(), request).await;
    assert!(matches!(code, 200 | 201), "{answer}");
    answer
}

const APPLY: &str = "application/apply-patch+yaml";
const JSON: &str = "application/json-patch+json";

fn on_a_cluster<F: Future<Output = ()>>(work: impl FnOnce(Sim) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(work(Sim::new(Options::default())));
}

/// The template without what the server filled in.
fn template(object: &Value) -> Value {
    let containers = object["template"]["spec"]["containers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut own: Vec<Value> = containers
        .into_iter()
        .map(|container| json!([container["name"], container.get("env")]))
        .collect();
    own.sort_by_key(Value::to_string);
    let labels = object["template"]["metadata"].get("labels");
    json!([labels.filter(|labels| **labels != json!({})), own])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn applying_twice_is_applying_once(first in configs(), second in configs()) {
        on_a_cluster(|sim| async move {
            patch(&sim, APPLY, "one", &first).await;
            let other = patch(&sim, APPLY, "two", &second).await;
            let again = patch(&sim, APPLY, "two", &second).await;
            assert_eq!(other, again, "not even the resourceVersion changes");
        });
    }

    #[test]
    fn what_one_manager_applies_and_leaves_is_gone(first in configs(), second in configs()) {
        on_a_cluster(|sim| async move {
            patch(&sim, APPLY, "one", &first).await;
            let after = patch(&sim, APPLY, "one", &second).await;
            let fresh = Sim::new(Options::default());
            let alone = patch(&fresh, APPLY, "one", &second).await;
            assert_eq!(template(&after), template(&alone));
            let fields = |object: &Value| object["metadata"]["managedFields"][0]["fieldsV1"].clone();
            assert_eq!(fields(&after), fields(&alone));
        });
    }

    #[test]
    fn a_patch_of_the_difference_makes_it(first in configs(), second in configs()) {
        on_a_cluster(|sim| async move {
            let before = patch(&sim, APPLY, "one", &first).await;
            let mut wanted = before.clone();
            wanted["template"] = second["template"].clone();
            let difference = serde_json::to_value(json_patch::diff(&before, &wanted)).expect("a patch");
            let after = patch(&sim, JSON, "two", &difference).await;
            assert_eq!(template(&after), template(&second));
        });
    }
}

//! Against what a real server answered.

use serde_json::{Value, json};

use super::*;
use crate::{Options, Sim};

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const KUBECTL: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;\
    g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

fn sim(minor: u32) -> Sim {
    Sim::new(Options {
        minor,
        ..Options::default()
    })
}

fn ask(sim: &Sim, path: &str, accept: &str) -> (String, Value) {
    let world = sim.shared.world();
    match answer(&world, path, accept).expect("a discovery path") {
        Answer::Object(200, value) => ("application/json".to_owned(), value),
        Answer::Raw(media, bytes) => (media, serde_json::from_slice(&bytes).expect("JSON")),
        _ => unreachable!("discovery gives objects"),
    }
}

fn item<'a>(value: &'a Value, list: &str, key: &str, name: &str) -> &'a Value {
    let items = value[list].as_array().expect("a list");
    items.iter().find(|item| item[key] == name).expect("the item")
}

#[test]
fn the_old_form_reads_as_a_real_server_writes_it() {
    let sim = sim(35);
    let (media, apps) = ask(&sim, "/apis/apps/v1", "application/json");
    assert_eq!(media, "application/json");
    assert_eq!(
        *item(&apps, "resources", "name", "deployments"),
        json!({"name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment",
            "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            "shortNames": ["deploy"], "categories": ["all"], "storageVersionHash": "8aSe+NMegvE="})
    );
    assert_eq!(
        *item(&apps, "resources", "name", "deployments/scale"),
        json!({"name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
            "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]})
    );
    let (_, autoscaling) = ask(&sim, "/apis/autoscaling", "");
    assert_eq!(autoscaling["preferredVersion"]["groupVersion"], "autoscaling/v2");
    assert_eq!(autoscaling["versions"][1]["version"], "v1");
    let (_, all) = ask(&sim, "/apis", "application/json");
    assert_eq!(all["groups"][0]["name"], "apiregistration.k8s.io");
    let (_, core) = ask(&sim, "/api/v1", "application/json");
    assert!(core.get("apiVersion").is_none() && core["groupVersion"] == "v1");
    assert_eq!(ask(&sim, "/api", "").1["versions"], json!(["v1"]));
}

#[test]
fn the_aggregated_form_carries_its_media_type() {
    let sim = sim(35);
    let (media, core) = ask(&sim, "/api", KUBECTL);
    assert_eq!(media, V2);
    assert_eq!(core["items"][0]["metadata"], json!({}));
    let (_, all) = ask(&sim, "/apis", KUBECTL);
    let (apiservices, apps) = (&all["items"][0], &all["items"][1]);
    assert_eq!(apiservices["metadata"]["name"], "apiregistration.k8s.io");
    let deployments = item(&apps["versions"][0], "resources", "resource", "deployments");
    assert_eq!(
        deployments["responseKind"],
        json!({"group": "", "version": "", "kind": "Deployment"})
    );
    assert_eq!(
        *item(deployments, "subresources", "subresource", "scale"),
        json!({"subresource": "scale", "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
            "verbs": ["get", "patch", "update"]})
    );
}

#[test]
fn old_servers_have_only_the_old_form() {
    assert_eq!(ask(&sim(26), "/apis", KUBECTL).0, "application/json");
    assert!(ask(&sim(28), "/apis", KUBECTL).0.contains("v=v2beta1"));
    assert_eq!(ask(&sim(31), "/apis", KUBECTL).0, V2);
    let (beta, plain) = (
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    );
    assert_eq!(ask(&sim(35), "/apis", &format!("{beta},{plain}")).0, plain);
}

#[test]
fn custom_resources_come_last_with_their_own_order_of_verbs() {
    let sim = sim(35);
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]},
        "versions": [{"name": "v1beta1", "served": true, "storage": false},
            {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}}}]}});
    sim.load(vec![crd]).expect("loaded");
    let (_, all) = ask(&sim, "/apis", V2);
    let last = all["items"].as_array().and_then(|items| items.last()).expect("groups");
    let kind = json!({"group": "example.com", "version": "v1", "kind": "Widget"});
    assert_eq!(
        last["versions"][0],
        json!({"version": "v1", "resources": [{"resource": "widgets", "responseKind": kind, "scope": "Namespaced",
            "singularResource": "widget",
            "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
            "shortNames": ["wd"], "categories": ["all"],
            "subresources": [{"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]}]}],
            "freshness": "Current"})
    );
    assert_eq!(last["versions"][1]["version"], "v1beta1");
}

//! Secrets that are there already are named to the chart.

use serde_json::{Value, json};

use crate::support::{Place, has_tools, of_class, yaml};

#[test]
fn secrets_that_are_read_today_are_named_and_not_rendered() {
    if !has_tools() {
        return;
    }
    let place = Place::of("keys");
    let report = place.derive(&["--post-renderer", "post"]);
    // What only today has is neither lost nor in the release: it lies ready, and the report says where.
    let beside = yaml(&place.read("post/only-today.yaml"));
    assert_eq!(
        (beside["kind"].as_str(), beside["data"]["hint"].as_str()),
        (Some("ConfigMap"), Some("of today"))
    );
    assert_eq!(beside["metadata"], json!({"name": "keys-notes"}));
    let text = place.read("values_prod.yaml");
    assert_eq!(
        yaml(&text),
        json!({"mail": {"existingSecret": "keys-mail"}, "database": {"secretName": "keys-connection"}, "replicas": 2}),
        "{text}"
    );
    let new: Vec<&Value> = report["newObjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|new| &new["object"]["name"])
        .collect();
    // Nobody reads that one today: the chart goes on rendering it, and says so.
    assert_eq!(new, ["keys-report"]);
    let told: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["code"].as_str().unwrap().starts_with("values-secret"))
        .map(|f| (f["code"].as_str().unwrap(), f["subject"].as_str().unwrap()))
        .collect();
    for told_so in [
        ("values-secret-existing", "Secret/keys-mail"),
        ("values-secret-empty", "Secret/keys-report"),
    ] {
        assert!(told.contains(&told_so), "{told:?}");
    }
    assert_eq!(of_class(&report, "unknown"), 0);
}

#[test]
fn what_a_person_gave_for_a_secret_stays() {
    if !has_tools() {
        return;
    }
    let place = Place::of("keys");
    std::fs::write(place.path("start.yaml"), "mail: {existingSecret: other}\n").unwrap();
    place.derive(&["-f", "start.yaml"]);
    assert_eq!(yaml(&place.read("values_prod.yaml"))["mail"]["existingSecret"], "other");
}

//! Lists, their pages and versions; selectors; what reads refuse. Messages are those of Kubernetes 1.35.

mod common;

use common::{Events, ask, get, get_accepting};
use rehelm_sim::{Options, Sim};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn with_maps(names: &[&str]) -> Sim {
    let sim = Sim::new(Options::default());
    for name in names {
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": name}}});
        let (code, answer) = ask(&sim, "POST", MAPS, object).await;
        assert_eq!(code, 201, "{answer}");
    }
    sim
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().expect("a name"))
        .collect()
}

async fn said(sim: &Sim, path: &str) -> (u16, String) {
    let (code, status) = get(sim, path).await;
    (code, status["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn pages_show_one_version_until_it_is_forgotten() {
    let sim = with_maps(&["a", "b", "c"]).await;
    let (_, first) = get(&sim, &format!("{MAPS}?limit=2")).await;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    assert!(first["items"][0].get("kind").is_none(), "said by the list");
    ask(&sim, "DELETE", &format!("{MAPS}/c"), Value::Null).await;
    let token = first["metadata"]["continue"].as_str().expect("a token").to_owned();
    let (_, rest) = get(&sim, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!(names(&rest), ["c"], "as it was");
    assert_eq!(
        rest["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let (_, all) = get(&sim, &format!("{MAPS}?limit=2&resourceVersion=0&labelSelector=app")).await;
    assert!(all["metadata"].get("continue").is_none());
    sim.forget_history();
    let (code, status) = get(&sim, &format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((code, status["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test]
async fn a_selector_hides_how_many_are_left() {
    let sim = with_maps(&["a", "b"]).await;
    let (_, page) = get(&sim, &format!("{MAPS}?limit=1&labelSelector=app")).await;
    assert!(page["metadata"]["continue"].is_string());
    assert!(page["metadata"].get("remainingItemCount").is_none());
}

#[tokio::test]
async fn past_versions_can_be_listed() {
    let sim = with_maps(&["a"]).await;
    let (_, then) = get(&sim, MAPS).await;
    let version = then["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .to_owned();
    ask(&sim, "DELETE", &format!("{MAPS}/a"), Value::Null).await;
    let path = format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact");
    let (_, exact) = get(&sim, &path).await;
    assert_eq!(names(&exact), ["a"]);
    let (_, newer) = get(
        &sim,
        &format!("{MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan"),
    )
    .await;
    assert!(names(&newer).is_empty());
    sim.forget_history();
    let gone = "The resourceVersion for the provided list is too old.";
    assert_eq!(said(&sim, &path).await, (410, gone.to_owned()));
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let sim = with_maps(&[]).await;
    let cases = [
        (
            "?resourceVersion=99999999",
            504,
            "Timeout: Too large resource version: 99999999, current: ",
        ),
        (
            "?resourceVersion=abc",
            400,
            "invalid resource version: resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax",
        ),
        (
            "?resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            "?resourceVersion=0&resourceVersionMatch=Exact",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        ),
        (
            "?resourceVersion=5&resourceVersionMatch=Foo",
            422,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"Foo\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
        ),
        (
            "?continue=abc",
            400,
            "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
        ),
        ("?limit=abc", 400, "strconv.ParseInt: parsing \"abc\": invalid syntax"),
        (
            "?fieldSelector=spec.foo=a",
            400,
            "\"spec.foo\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        ),
        (
            "?fieldSelector=foo",
            400,
            "invalid selector: 'foo'; can't understand 'foo'",
        ),
        (
            "?labelSelector=a=b=c",
            400,
            "found '=', expected: ',' or 'end of string'",
        ),
        (
            "?labelSelector=-a",
            400,
            "unable to parse requirement: <nil>: Invalid value: \"-a\": name part",
        ),
    ];
    for (query, code, message) in cases {
        let (got, text) = said(&sim, &format!("{MAPS}{query}")).await;
        assert_eq!(got, code, "{query}");
        assert!(text.starts_with(message), "{query}: {text}");
    }
    let pods = "/api/v1/pods?fieldSelector=spec.foo=a";
    let unknown = "field label not supported: spec.foo".to_owned();
    assert_eq!(said(&sim, pods).await, (400, unknown));
}

#[tokio::test]
async fn methods_and_paths_that_are_not_there() {
    let sim = with_maps(&[]).await;
    for (method, path) in [
        ("OPTIONS", MAPS),
        ("HEAD", "/version"),
        ("POST", "/version"),
        ("POST", "/api/v1/configmaps"),
    ] {
        assert_eq!(ask(&sim, method, path, Value::Null).await.0, 405, "{method} {path}");
    }
    let (code, text) = get(&sim, "/foo").await;
    assert_eq!((code, text.as_str()), (404, Some("404 page not found\n")));
    let (code, status) = get(&sim, "/api/v1/foo").await;
    assert_eq!((code, status["reason"].as_str()), (404, Some("NotFound")));
    let (_, text) = get(&sim, "/readyz?verbose").await;
    assert!(
        text.as_str()
            .is_some_and(|text| text.starts_with("[+]ping ok\n") && text.ends_with("readyz check passed\n"))
    );
    let (_, root) = get(&sim, "/").await;
    assert!(
        root["paths"]
            .as_array()
            .is_some_and(|paths| paths.contains(&json!("/apis/apps/v1")))
    );
}

#[tokio::test]
async fn answers_come_in_the_form_that_is_accepted() {
    let sim = with_maps(&["a"]).await;
    let partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let (_, list) = get_accepting(&sim, MAPS, partial).await;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let (_, rows) = get_accepting(&sim, &format!("{MAPS}?includeObject=Object"), table).await;
    assert_eq!(rows["columnDefinitions"][1]["name"], "Data");
    assert_eq!(rows["rows"][0]["cells"][0], "a");
    assert_eq!(rows["rows"][0]["object"]["kind"], "ConfigMap");
    let (_, yaml) = get_accepting(&sim, &format!("{MAPS}/a"), "application/yaml").await;
    assert!(
        yaml.as_str().is_some_and(|text| text.contains("kind: ConfigMap")),
        "{yaml}"
    );
    let (code, _) = get_accepting(&sim, MAPS, "application/vnd.kubernetes.protobuf").await;
    assert_eq!(code, 406);
}

#[tokio::test]
async fn watches_from_a_forgotten_version_end() {
    let sim = with_maps(&["a", "b"]).await;
    sim.forget_history();
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1&resourceVersion=1")).await;
    let error = events.next().await.expect("an event");
    assert_eq!(error["object"]["reason"], "Expired");
}

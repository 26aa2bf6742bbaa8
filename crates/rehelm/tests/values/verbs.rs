//! `rehelm values map` and `rehelm values explain` as a person types them.

use std::process::{Command, Output};

use crate::lab::{chart, has_helm};

fn rehelm(words: &[&str]) -> (Option<i32>, String, String) {
    let cache = tempfile::tempdir().expect("a folder");
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_rehelm"))
        .args(words)
        .current_dir(cache.path())
        .env("XDG_CACHE_HOME", cache.path())
        .output()
        .expect("rehelm starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn a_field_is_explained_or_the_nearest_one_is_named() {
    if !has_helm() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let today = folder.path().join("today.yaml");
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {type: NodePort}\n";
    fs_err::write(&today, text).expect("written");
    let start = folder.path().join("start.yaml");
    fs_err::write(&start, "region: eu\n").expect("written");
    let (today, start) = (today.display().to_string(), start.display().to_string());
    let chart = chart("umbrella");
    let more = [
        "--chart",
        &chart,
        "-f",
        &start,
        "--release",
        "rel",
        "--kustomize",
        &today,
    ];

    let (code, out, _) = rehelm(&[&["values", "explain", "Service/front", "spec.type"][..], &more].concat());
    assert_eq!(code, Some(0));
    assert!(
        out.contains("today    \"NodePort\"") && out.contains("value    service.type (default \"ClusterIP\")"),
        "{out}"
    );

    let (code, _, err) = rehelm(&[&["values", "explain", "Service/front", "spec.typ"][..], &more].concat());
    assert_eq!(code, Some(1));
    assert!(err.contains("nearest field that a value makes: spec.type"), "{err}");

    let (code, _, err) = rehelm(&[&["values", "explain", "Service/fron", "spec.type"][..], &more].concat());
    assert_eq!(code, Some(1));
    assert!(err.contains("did you mean Service/front?"), "{err}");
}

#[test]
fn a_map_is_written_and_a_chart_that_is_none_is_refused() {
    if !has_helm() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("map.json").display().to_string();
    let (code, _, err) = rehelm(&["values", "map", "--chart", &chart("traps"), "--out", &out]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("Located 36 of 37 values of traps 1.0.0"), "{err}");
    let map = fs_err::read_to_string(&out).expect("written");
    let map: rehelm_core::values::ValueMap = serde_json::from_str(&map).expect("a map");
    assert_eq!(map.located(), (36, 37));

    let (code, _, err) = rehelm(&["values", "map", "--chart", folder.path().to_str().expect("UTF-8")]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no Chart.yaml"), "{err}");
    assert_eq!(rehelm(&["values", "map"]).0, Some(2));
}

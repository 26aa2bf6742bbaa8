//! One chart with a trap in every value.

use rehelm_core::values::map::{How, Note};
use rehelm_core::values::pattern::{Hole, Pattern};
use rehelm_core::values::text;
use serde_json::json;

use crate::lab::{how, learned, lost};

const APP: &str = "Deployment/rel-traps";
const CONTAINER: &str = "spec.template.spec.containers[name=app]";

#[tokio::test(flavor = "multi_thread")]
async fn every_trap_has_its_known_answer() {
    let Some(map) = learned("traps", "{}\n").await else {
        return;
    };
    let map = map.expect("learned");
    let field = |below: &str| format!("{CONTAINER}.{below}");

    // Whole fields: a number, a version that templates compare, a text that is a template itself.
    assert_eq!(how(&map, "replicas", APP, "spec.replicas"), &How::Whole);
    assert_eq!(
        how(&map, "engine.tag", "ConfigMap/rel-traps-engine", "data.engine"),
        &How::Whole
    );
    assert_eq!(
        how(&map, "templated", "ConfigMap/rel-traps-config", "data.made"),
        &How::Whole
    );

    // Three values make one text, which reads back into the three.
    let How::Text { parts } = how(&map, "image.repository", APP, &field("image")) else {
        panic!("the image is a text")
    };
    let read = text::read(parts, "other.example/some/app:9.9.9").expect("an image");
    let read: Vec<(String, String)> = read.into_iter().map(|(path, text)| (path.to_string(), text)).collect();
    assert_eq!(read.len(), 3);
    assert_eq!(read[2], ("image.tag".to_owned(), "9.9.9".to_owned()));

    // Transformed texts: capitals, base64 with two values inside, digits in quotes, a number above a million.
    let text_of = |path: &str, object: &str, field: &str| match how(&map, path, object, field) {
        How::Text { parts } => parts.clone(),
        other => panic!("{path}: {other:?}"),
    };
    let level = text_of("logLevel", APP, &field("args[^--level=]"));
    assert_eq!(text::read(&level, "--level=DEBUG").expect("an argument")[0].1, "debug");
    let uri = text_of("auth.password", "Secret/rel-traps-auth", "data.uri");
    let read = text::read(&uri, "ZGI6Ly9tZTp3b3JkQGRi").expect("db://me:word@db in base64");
    assert_eq!(
        read.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["me", "word"]
    );
    text_of("quotedPort", APP, &field("env[name=PORT].value"));
    text_of("bigNumber", APP, &field("env[name=BIG].value"));
    text_of("url", "ConfigMap/rel-traps-config", "data[\"app.conf\"]");
    text_of("quiet", APP, &field("args[^--quiet=]"));

    // Switches and choices, what they hide and what only comes to life with another choice.
    let presence = |when: serde_json::Value| How::Presence { when };
    assert_eq!(
        how(&map, "debug", APP, &field("args[^--debug]")),
        &presence(json!(true))
    );
    assert_eq!(
        how(&map, "worker.enabled", "Deployment/rel-traps-worker", ""),
        &presence(json!(true))
    );
    assert_eq!(
        how(&map, "autoscaling.enabled", APP, "spec.replicas"),
        &presence(json!(false))
    );
    assert_eq!(
        how(
            &map,
            "autoscaling.max",
            "HorizontalPodAutoscaler/rel-traps",
            "spec.maxReplicas"
        ),
        &How::Whole
    );
    assert_eq!(
        how(&map, "mode", "ConfigMap/rel-traps-config", "data.peers"),
        &presence(json!("cluster"))
    );
    assert_eq!(
        how(&map, "peers", "ConfigMap/rel-traps-config", "data.peers"),
        &How::Whole
    );
    assert_eq!(
        how(&map, "auth.existingSecret", "Secret/rel-traps-auth", ""),
        &presence(json!(""))
    );

    // Maps and lists.
    assert_eq!(how(&map, "resources", APP, &field("resources")), &How::Whole);
    assert_eq!(
        how(&map, "nodeSelector", APP, "spec.template.spec.nodeSelector"),
        &How::Whole
    );
    assert_eq!(how(&map, "extraMounts", APP, &field("volumeMounts")), &How::Whole);
    let content = How::Each {
        key: None,
        item: Pattern::Content,
    };
    assert_eq!(how(&map, "extraEnv", APP, &field("env")), &content);
    let named = |value: Pattern| Pattern::Map(vec![("name".to_owned(), Pattern::Key), ("value".to_owned(), value)]);
    let environment = How::Each {
        key: None,
        item: named(Pattern::Text(vec![Hole::Content])),
    };
    assert_eq!(how(&map, "settings", APP, &field("env")), &environment);
    assert_eq!(
        how(&map, "origins", APP, &field("env[name=ORIGINS].value")),
        &How::Joined {
            item: vec![Hole::Content],
            by: ",".to_owned()
        }
    );
    assert!(
        matches!(how(&map, "extraArgs", APP, &field("args")), How::Each { item: Pattern::Text(holes), .. } if holes.len() == 4)
    );

    // What renames, what is random, what follows from others, what does nothing.
    assert!(matches!(
        how(&map, "fullnameOverride", APP, "metadata.name"),
        How::Renames { .. }
    ));
    assert!(map.random.iter().any(|place| place.field.to_string() == "data.token"));
    assert!(
        map.derived
            .iter()
            .any(|place| place.field.to_string().contains("checksum/config"))
    );
    assert!(
        map.entries
            .iter()
            .all(|e| e.reaches.iter().all(|r| r.field.to_string() != "data.token"))
    );
    assert_eq!(lost(&map), ["unused"]);
    assert_eq!(
        map.entry(&"unused".parse().expect("a path"))
            .and_then(|e| e.note.clone()),
        Some(Note::Unused)
    );
    assert!(map.renders < 60, "{} renders", map.renders);
}

//! A chart with subcharts under other names, a schema and a hook.

use rehelm_core::values::learn::LearnError;
use rehelm_core::values::map::{How, Origin};
use serde_json::json;

use crate::lab::{how, learned, lost, reach};

#[tokio::test(flavor = "multi_thread")]
async fn subcharts_schema_and_hooks() {
    let Some(map) = learned("umbrella", "region: eu\n").await else {
        return;
    };
    let map = map.expect("learned");
    // The chart's own value, a subchart's own value, and one for all of them.
    assert_eq!(
        how(&map, "cache.size", "StatefulSet/rel-cache", "spec.replicas"),
        &How::Whole
    );
    let user = "spec.template.spec.containers[name=store].env[name=STORE_USER].value";
    assert_eq!(how(&map, "queue.user", "StatefulSet/rel-queue", user), &How::Whole);
    assert_eq!(
        how(&map, "global.zone", "StatefulSet/rel-queue", "metadata.labels.zone"),
        &How::Whole
    );
    assert_eq!(
        how(&map, "global.zone", "Service/front", "metadata.annotations.zone"),
        &How::Whole
    );
    assert_eq!(
        how(&map, "cache.enabled", "StatefulSet/rel-cache", ""),
        &How::Presence { when: json!(true) }
    );
    // What the schema allows is respected: choices, a greatest number.
    assert_eq!(how(&map, "service.type", "Service/front", "spec.type"), &How::Whole);
    assert_eq!(
        how(&map, "migrate.retries", "Job/migrate", "spec.backoffLimit"),
        &How::Whole
    );
    assert!(
        matches!(how(&map, "cloud", "StorageClass/files", "provisioner"), How::Choice { cases } if cases.len() == 2)
    );
    // A value of no file, in a branch that is not taken by default.
    let sku = reach(&map, "azureSku", "StorageClass/files", "parameters.skuName");
    assert_eq!(sku.given, [("cloud".parse().expect("a path"), json!("azure"))]);
    assert!(
        reach(
            &map,
            "migrate.image",
            "Job/migrate",
            "spec.template.spec.containers[name=migrate].image"
        )
        .hook
    );
    let origin = |path: &str| map.entry(&path.parse().expect("a path")).map(|entry| entry.origin);
    assert_eq!(
        [origin("cache.size"), origin("queue.user"), origin("azureSku")],
        [Some(Origin::File), Some(Origin::Subchart), Some(Origin::Hidden)]
    );
    assert_eq!(lost(&map), ["queue.enabled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_requires_something_says_what() {
    let Some(refused) = learned("umbrella", "{}\n").await else {
        return;
    };
    match refused {
        Err(LearnError::Refused(words)) => assert!(words.contains("region"), "{words}"),
        other => panic!("{other:?}"),
    }
}

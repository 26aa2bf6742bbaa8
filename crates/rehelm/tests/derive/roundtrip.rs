//! Random values → render → derive from that render, starting at the defaults → render again: the same objects.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rehelm_clients::helm::offline::{OfflineHelm, Task};
use rehelm_core::values::learn::learn;
use rehelm_core::values::render::{Renderer, Unwatched};
use rehelm_core::values::solve::{Problem, solve};
use rehelm_core::values::source::{Move, source};
use serde_json::{Value, json};

use crate::support::{charts, has_tools};

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{0,7}"
}

fn values() -> impl Strategy<Value = Value> {
    let env = prop::collection::btree_map("[A-Z]{3,6}", "[a-zA-Z0-9 :/]{0,10}", 0..4);
    let extra = prop::collection::btree_map("[A-Z]{3,6}", "[a-zA-Z0-9 ]{1,10}", 0..3);
    (word(), word(), env, extra, 1..9, 1..9, any::<(bool, bool, bool)>(), "[a-z]{1,5}( [a-z]{1,5}){0,3}").prop_map(
        |(registry, level, env, extra, web, worker, (english, metrics, sticky), motd)| {
            let extra: Vec<Value> = extra.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            json!({"registry": format!("{registry}.example.org"), "logLevel": level, "environment": env,
                "graceSeconds": 31 + web, "web": {"replicaCount": web, "tag": format!("4.{worker}"), "extraEnv": extra, "motd": motd,
                    "sticky": sticky, "resources": {"limits": {"cpu": format!("{web}00m")}}},
                "worker": {"replicaCount": worker, "resources": {"requests": {"memory": format!("{worker}Gi")}}},
                "languages": {"en": {"enabled": english}}, "metrics": {"enabled": metrics}})
        },
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_values_made_is_derived_again() {
    if !has_tools() {
        return;
    }
    let chart = charts().join("shop");
    let task = Task {
        release: "shop".into(),
        namespace: "shop".into(),
        chart: chart.to_str().unwrap().into(),
        ..Task::default()
    };
    let helm = OfflineHelm::remembering(task, None).await.unwrap();
    let map = learn(&helm, helm.asked(), &Unwatched).await.unwrap();
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let values = values().new_tree(&mut runner).unwrap().current();
        let made = helm.render(&values, 0).await.unwrap();
        let objects: Vec<_> = made.iter().map(|r| r.object.clone()).collect();
        let today = source(
            &objects,
            false,
            &Move {
                from: None,
                to: "shop".into(),
            },
        );
        let given = json!({});
        let problem = Problem {
            map: &map,
            today: &today.objects,
            renames: &Default::default(),
            hints: &[],
            given: &given,
        };
        let solution = solve(&problem, &helm).await.unwrap();
        let left: Vec<String> = solution
            .after
            .pairs()
            .filter(|(today, ..)| today.kind() != "Secret")
            .flat_map(|(today, _, compared)| {
                compared
                    .differences
                    .iter()
                    .map(|d| format!("{} {}: {:?} {:?}", today.name(), d.field, d.today, d.chart))
                    .collect::<Vec<_>>()
            })
            .filter(|left| !left.contains("checksum"))
            .collect();
        assert!(left.is_empty(), "{values:#}\n{left:#?}\n{:#}", solution.values);
        let alone: Vec<&str> = solution
            .after
            .only_today()
            .map(|o| o.name())
            .chain(solution.after.only_chart().map(|m| m.object.name()))
            .collect();
        assert!(alone.is_empty(), "{values:#}\n{alone:?}\n{:#}", solution.values);
    }
}

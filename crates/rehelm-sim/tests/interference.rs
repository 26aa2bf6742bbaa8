//! Requests that go wrong on purpose.

mod common;

use std::time::Duration;

use common::{ask, get, request};
use rehelm_sim::{Interference, Options, Rule, Sim};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

#[tokio::test]
async fn the_nth_request_is_refused_and_the_next_is_not() {
    let sim = Sim::new(Options::default());
    sim.interfere(Rule::nth(2, "create", "configmaps", Interference::Refuse(429)));
    assert_eq!(ask(&sim, "POST", MAPS, map("a")).await.0, 201);
    let answer = sim.service().oneshot(request("POST", MAPS, &map("b"))).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(ask(&sim, "POST", MAPS, map("b")).await.0, 201);
    let codes: Vec<(String, u16)> = sim.requests().into_iter().map(|made| (made.verb, made.code)).collect();
    assert_eq!(
        codes,
        [
            ("create".to_owned(), 201),
            ("create".to_owned(), 429),
            ("create".to_owned(), 201)
        ]
    );
}

#[tokio::test]
async fn connections_break_before_and_after() {
    let sim = Sim::new(Options::default());
    sim.interfere(Rule::nth(1, "create", "configmaps", Interference::Drop));
    sim.interfere(Rule::nth(2, "create", "configmaps", Interference::LoseAnswer));
    for name in ["before", "after"] {
        let lost = sim.service().oneshot(request("POST", MAPS, &map(name))).await;
        assert!(lost.is_err(), "{name}");
    }
    assert_eq!(get(&sim, &format!("{MAPS}/before")).await.0, 404);
    assert_eq!(get(&sim, &format!("{MAPS}/after")).await.0, 200);
    assert_eq!(sim.requests()[1].code, 0);
}

#[tokio::test]
async fn slow_answers_take_virtual_time() {
    let sim = Sim::new(Options::default());
    let slow = Interference::Slow(Duration::from_secs(90));
    sim.interfere(Rule::every("", "configmaps", slow));
    let begun = sim.now();
    assert_eq!(get(&sim, MAPS).await.0, 200);
    assert_eq!(sim.now().since(begun).as_secs(), 90);
    sim.leave_requests_alone();
    get(&sim, MAPS).await;
    assert_eq!(sim.now().since(begun).as_secs(), 90);
}

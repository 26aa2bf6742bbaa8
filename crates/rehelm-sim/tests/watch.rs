//! Watches, and how virtual time passes for those who wait in them.

mod common;

use std::time::Duration;

use common::{Events, ask, get};
use rehelm_sim::{Options, Sim};
use serde_json::{Value, json};

fn sim() -> Sim {
    Sim::new(Options::default())
}

const MAPS: &str = "/api/v1/namespaces/default/secrets";

async fn map(sim: &Sim, name: &str, label: &str) -> Value {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": {"app": label}}});
    let (code, made) = ask(sim, "POST", MAPS, object).await;
    assert_eq!(code, 201, "{made}");
    made
}

async fn relabel(sim: &Sim, name: &str, label: &str) {
    let patch = json!({"metadata": {"labels": {"app": label}}});
    let (code, answer) = ask(sim, "PATCH", &format!("{MAPS}/{name}"), patch).await;
    assert_eq!(code, 200, "{answer}");
}

#[tokio::test]
async fn a_watch_begins_with_what_is_there_and_goes_on_with_changes() {
    let sim = sim();
    map(&sim, "a", "web").await;
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1")).await;
    assert_eq!(events.brief().await, "ADDED a");
    map(&sim, "b", "web").await;
    relabel(&sim, "a", "db").await;
    ask(&sim, "DELETE", &format!("{MAPS}/b"), Value::Null).await;
    assert_eq!(events.brief().await, "ADDED b");
    assert_eq!(events.brief().await, "MODIFIED a");
    assert_eq!(events.brief().await, "DELETED b");
}

#[tokio::test]
async fn objects_come_into_a_selector_and_leave_it() {
    let sim = sim();
    let made = map(&sim, "a", "web").await;
    let version = made["metadata"]["resourceVersion"].as_str().expect("a version");
    let path = format!("{MAPS}?watch=1&labelSelector=app%3Ddb&resourceVersion={version}");
    let mut events = Events::of(&sim, &path).await;
    relabel(&sim, "a", "db").await;
    relabel(&sim, "a", "web").await;
    assert_eq!(events.brief().await, "ADDED a");
    let gone = events.next().await.expect("an event");
    assert_eq!(gone["type"], "DELETED");
    assert_eq!(
        gone["object"]["metadata"]["labels"]["app"], "db",
        "what the client knew"
    );
    let (_, now) = get(&sim, &format!("{MAPS}/a")).await;
    assert_eq!(
        gone["object"]["metadata"]["resourceVersion"],
        now["metadata"]["resourceVersion"]
    );
}

#[tokio::test]
async fn one_object_is_watched_by_its_name() {
    let sim = sim();
    map(&sim, "a", "web").await;
    map(&sim, "b", "web").await;
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1&fieldSelector=metadata.name%3Db")).await;
    relabel(&sim, "a", "db").await;
    relabel(&sim, "b", "db").await;
    assert_eq!(events.brief().await, "ADDED b");
    assert_eq!(events.brief().await, "MODIFIED b");
    let (_, plain) = get(&sim, &format!("{MAPS}/b?watch=1")).await;
    assert_eq!(plain["metadata"]["name"], "b", "a path with a name is no watch");
}

#[tokio::test]
async fn bookmarks_say_when_the_beginning_is_over_and_where_the_end_is() {
    let sim = sim();
    map(&sim, "a", "web").await;
    let path = format!(
        "{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=30"
    );
    let begun = sim.now();
    let mut events = Events::of(&sim, &path).await;
    assert_eq!(events.brief().await, "ADDED a");
    let mark = events.next().await.expect("a bookmark");
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["kind"], "Secret");
    let notes = &mark["object"]["metadata"]["annotations"];
    assert_eq!(notes["k8s.io/initial-events-end"], "true");
    let last = events.next().await.expect("a bookmark");
    assert_eq!(last["type"], "BOOKMARK");
    assert_eq!(events.brief().await, "END");
    let passed = sim.now().since(begun);
    assert!(passed >= Duration::from_secs(30), "{passed:?}");
    assert!(passed < Duration::from_secs(31), "{passed:?}");
}

#[tokio::test]
async fn versions_that_are_forgotten_expire() {
    let sim = Sim::new(Options::default());
    let object = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "5000"}});
    sim.load(vec![object]).expect("a known kind");
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1&resourceVersion=12")).await;
    let error = events.next().await.expect("an event");
    assert_eq!(error["type"], "ERROR");
    assert_eq!(error["object"]["code"], 410);
    assert_eq!(error["object"]["reason"], "Expired");
    assert_eq!(error["object"]["message"], "too old resource version: 12 (5000)");
    assert_eq!(events.brief().await, "END");
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused() {
    let sim = sim();
    let (code, status) = get(&sim, &format!("{MAPS}?watch=1&sendInitialEvents=true")).await;
    assert_eq!(code, 422);
    assert_eq!(
        status["message"],
        "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    );
    let (code, _) = get(&sim, &format!("{MAPS}?watch=1&resourceVersion=abc")).await;
    assert_eq!(code, 500);
}

#[tokio::test]
async fn a_watch_can_be_a_table() {
    let sim = sim();
    map(&sim, "a", "web").await;
    map(&sim, "b", "web").await;
    let mut request = common::request("GET", &format!("{MAPS}?watch=1&timeoutSeconds=1"), &Value::Null);
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    request
        .headers_mut()
        .insert("accept", accept.parse().expect("a header"));
    let answer = tower::ServiceExt::oneshot(sim.service(), request)
        .await
        .expect("never fails");
    let body = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .expect("never fails");
    let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let names = |at: usize| lines[at]["object"]["rows"][0]["cells"][0].clone();
    assert_eq!((names(0), names(1)), (json!("a"), json!("b")));
    assert!(lines[0]["object"]["columnDefinitions"].is_array());
    assert!(lines[1]["object"]["columnDefinitions"].is_null(), "columns come once");
}

#[tokio::test]
async fn time_leaps_when_everybody_waits() {
    let sim = sim();
    let begun = sim.now();
    let sleeper = |seconds: u64| {
        let sim = sim.clone();
        tokio::spawn(async move {
            let mut woken = Vec::new();
            for _ in 0..3 {
                sim.sleep(Duration::from_secs(seconds)).await;
                woken.push(sim.now().since(begun).as_secs());
            }
            woken
        })
    };
    let (a, b) = (sleeper(60), sleeper(100));
    assert_eq!(a.await.expect("ends"), [60, 120, 180]);
    assert_eq!(b.await.expect("ends"), [100, 200, 300]);
}

#[tokio::test]
async fn a_watch_that_has_something_to_deliver_comes_before_time() {
    let sim = sim();
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1")).await;
    let watcher = tokio::spawn({
        let sim = sim.clone();
        async move {
            let seen = events.brief().await;
            (seen, sim.now())
        }
    });
    sim.sleep(Duration::from_secs(3600)).await;
    map(&sim, "a", "web").await;
    let written = sim.now();
    sim.sleep(Duration::from_secs(3600)).await;
    assert_eq!(watcher.await.expect("ends"), ("ADDED a".to_owned(), written));
}

#[tokio::test]
async fn a_client_that_waits_for_ever_is_told() {
    let sim = sim();
    let mut events = Events::of(&sim, &format!("{MAPS}?watch=1")).await;
    tokio::select! {
        event = events.next() => panic!("nothing happens, and yet: {event:?}"),
        () = sim.stalled(Duration::from_secs(600)) => {}
    }
    let polling = async {
        loop {
            sim.sleep(Duration::from_secs(2)).await;
            get(&sim, MAPS).await;
        }
    };
    let begun = sim.now();
    tokio::select! {
        () = polling => {}
        () = sim.stalled(Duration::from_secs(600)) => {}
    }
    assert_eq!(sim.now().since(begun).as_secs() / 10, 60);
}

#[tokio::test]
async fn work_can_be_given_a_time() {
    let sim = sim();
    let begun = sim.now();
    let over = sim
        .timeout(Duration::from_secs(300), std::future::pending::<()>())
        .await;
    assert!(over.is_err());
    assert_eq!(sim.now().since(begun).as_secs(), 300);
    assert_eq!(sim.timeout(Duration::from_secs(300), async { 7 }).await, Ok(7));
    assert_eq!(sim.now().since(begun).as_secs(), 300);
}

#[tokio::test]
async fn real_time_passes_while_a_program_from_outside_works() {
    let sim = sim();
    let begun = sim.now();
    let real = std::time::Instant::now();
    let hold = sim.hold();
    sim.sleep(Duration::from_millis(50)).await;
    assert!(real.elapsed() >= Duration::from_millis(50), "no leap");
    drop(hold);
    sim.sleep(Duration::from_secs(600)).await;
    assert!(real.elapsed() < Duration::from_secs(60), "leaps again");
    assert!(sim.now().since(begun) >= Duration::from_secs(600));
}

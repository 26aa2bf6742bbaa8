//! Pods on machines, well and ill.

use std::time::Duration;

use serde_json::json;

use crate::controllers::lab::Lab;
use crate::controllers::read;
use crate::{Fault, Readiness};

fn pod(lab: &Lab, name: &str, more: serde_json::Value) {
    let mut spec = json!({"containers": [{"name": "c", "image": "nginx"}], "terminationGracePeriodSeconds": 30});
    for (key, value) in more.as_object().expect("a mapping") {
        spec[key] = value.clone();
    }
    lab.create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}));
}

#[test]
fn a_pod_runs_and_ends() {
    let lab = Lab::new();
    pod(
        &lab,
        "a",
        json!({"initContainers": [{"name": "i", "image": "busybox"}]}),
    );
    lab.rest();
    let found = lab.get("pods", "a");
    for kind in [
        "PodScheduled",
        "PodReadyToStartContainers",
        "Initialized",
        "ContainersReady",
        "Ready",
    ] {
        assert!(read::has_condition(&found, kind), "{kind}");
    }
    assert_eq!(
        found["status"]["initContainerStatuses"][0]["state"]["terminated"]["reason"],
        "Completed"
    );
    assert!(read::text(&found, "/status/podIP").starts_with("10.24"));
    lab.delete("pods", "a", "Background");
    assert!(lab.find("pods", "a").is_some());
    lab.rest();
    assert!(lab.find("pods", "a").is_none());
}

#[test]
fn a_missing_key_is_told_and_its_coming_heals() {
    let lab = Lab::new();
    let env = json!([{"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}}]);
    pod(
        &lab,
        "a",
        json!({"containers": [{"name": "c", "image": "nginx", "env": env}]}),
    );
    pod(
        &lab,
        "b",
        json!({"volumes": [{"name": "v", "configMap": {"name": "m"}}]}),
    );
    lab.rest();
    assert_eq!(lab.states(), ["CreateContainerConfigError", "ContainerCreating"]);
    let message =
        |lab: &Lab| lab.get("pods", "a")["status"]["containerStatuses"][0]["state"]["waiting"]["message"].clone();
    assert_eq!(message(&lab), "secret \"s\" not found");
    let events: Vec<_> = lab.list("events").iter().map(|e| e["message"].clone()).collect();
    assert!(
        events.contains(&json!(
            "MountVolume.SetUp failed for volume \"v\" : configmap \"m\" not found"
        )),
        "{events:?}"
    );
    lab.create(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"other": "eA=="}}));
    lab.create(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}));
    lab.rest();
    assert_eq!(message(&lab), "couldn't find key password in Secret lab/s");
    lab.change("secrets", "s", |s| s["data"]["password"] = "eA==".into());
    lab.rest();
    assert_eq!(lab.states(), ["Running", "Running"]);
}

#[test]
fn faults_come_and_go() {
    let lab = Lab::new();
    lab.fault("never", Readiness::Never);
    lab.fault("crash", Readiness::CrashLoop);
    lab.fault("slow", Readiness::After(Duration::from_secs(30)));
    for name in ["never", "crash", "slow"] {
        pod(&lab, name, json!({}));
    }
    lab.wait(10);
    let ready = |name| read::has_condition(&lab.get("pods", name), "Ready");
    assert!(!ready("never") && !ready("crash") && !ready("slow"));
    lab.wait(30);
    assert!(ready("slow"));
    let restarts = |lab: &Lab| read::int(&lab.get("pods", "crash"), "/status/containerStatuses/0/restartCount");
    assert_eq!(restarts(&lab), 3);
    assert!(lab.rest() < Duration::from_secs(1), "restarts are no reason to wait");
    lab.wait(3600);
    assert!(restarts(&lab) > 10);
    lab.sim.mend();
    lab.rest();
    assert!(ready("never") && ready("crash"));
}

#[test]
fn pods_that_may_end_do() {
    let lab = Lab::new();
    lab.fault("bad", Readiness::Fails);
    pod(&lab, "good", json!({"restartPolicy": "Never"}));
    pod(&lab, "bad", json!({"restartPolicy": "Never"}));
    lab.rest();
    assert_eq!(lab.states(), ["Error", "Completed"]);
    assert_eq!(lab.get("pods", "good")["status"]["phase"], "Succeeded");
    assert_eq!(lab.get("pods", "bad")["status"]["phase"], "Failed");
}

#[test]
fn a_lost_node_ends_no_pod() {
    let lab = Lab::new();
    pod(&lab, "a", json!({}));
    lab.rest();
    lab.sim.fault(Fault::NodeLost("node-a".to_owned()));
    lab.rest();
    assert!(!read::has_condition(&lab.get("pods", "a"), "Ready"));
    assert!(!read::has_condition(&lab.get("nodes", "node-a"), "Ready"));
    lab.delete("pods", "a", "Background");
    lab.wait(600);
    assert!(lab.find("pods", "a").is_some());
    lab.sim.mend();
    lab.rest();
    assert!(lab.find("pods", "a").is_none());
    assert!(read::has_condition(&lab.get("nodes", "node-a"), "Ready"));
}

#[test]
fn a_node_that_comes_back_has_its_pods_ready_again() {
    let lab = Lab::new();
    pod(&lab, "a", json!({}));
    lab.fault("b", Readiness::Never);
    pod(&lab, "b", json!({}));
    lab.rest();
    let ready = |name| read::has_condition(&lab.get("pods", name), "Ready");
    assert!(ready("a") && !ready("b"));
    lab.sim.fault(Fault::NodeLost("node-a".to_owned()));
    lab.rest();
    assert!(!ready("a") && !ready("b"));
    lab.sim.mend();
    lab.fault("b", Readiness::Never);
    lab.rest();
    assert!(ready("a") && !ready("b"));
}

#[test]
fn an_image_is_pulled_once_a_node() {
    let lab = Lab::new();
    let took = |name| {
        pod(&lab, name, json!({}));
        lab.rest()
    };
    let (first, second) = (took("a"), took("b"));
    assert_eq!(first - second, Duration::from_millis(200));
}

//! Situations and end states as a real 1.35 control plane shows them.

use serde_json::{Value, json};

use crate::controllers::lab::Lab;
use crate::controllers::read;
use crate::meta;
use crate::{Fault, Readiness};

fn conditions(object: &Value) -> Vec<(String, String, String)> {
    let all = read::list(object, "/status/conditions").iter();
    all.map(|c| {
        let text = |field| read::text(c, field).to_owned();
        (text("/type"), text("/status"), text("/reason"))
    })
    .collect()
}

fn sizes(lab: &Lab) -> Vec<i64> {
    let mut sets = lab.list("replicasets.apps");
    sets.sort_by_key(|set| super::revision::revision(set));
    sets.iter().map(|set| read::replicas(set)).collect()
}

fn set_image(lab: &Lab, name: &str, image: &str) {
    lab.change("deployments.apps", name, |d| {
        d["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    });
}

#[test]
fn a_new_deployment_gets_its_pods() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 3, "progressDeadlineSeconds": 600}),
    );
    lab.rest();
    let deployment = lab.get("deployments.apps", "dep");
    let status = &deployment["status"];
    for (field, wanted) in [
        ("replicas", 3),
        ("updatedReplicas", 3),
        ("readyReplicas", 3),
        ("availableReplicas", 3),
        ("terminatingReplicas", 0),
    ] {
        assert_eq!(status[field], wanted, "{field}");
    }
    assert!(status.get("unavailableReplicas").is_none());
    let wanted = [
        ("Available", "True", "MinimumReplicasAvailable"),
        ("Progressing", "True", "NewReplicaSetAvailable"),
    ];
    let mut found = conditions(&deployment);
    found.sort();
    assert_eq!(
        found,
        wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
    );
    assert_eq!(
        meta::annotation(&deployment, "deployment.kubernetes.io/revision"),
        Some("1")
    );
    let sets = lab.list("replicasets.apps");
    let hash = meta::label(&sets[0], "pod-template-hash").expect("a hash");
    assert_eq!(meta::name(&sets[0]), format!("dep-{hash}"));
    assert_eq!(
        sets[0]["spec"]["selector"]["matchLabels"],
        json!({"app": "dep", "pod-template-hash": hash})
    );
    assert_eq!(
        meta::get(&sets[0], "annotations"),
        Some(&json!({
            "deployment.kubernetes.io/desired-replicas": "3",
            "deployment.kubernetes.io/max-replicas": "4",
            "deployment.kubernetes.io/revision": "1",
        }))
    );
    assert_eq!(lab.states(), ["Running"; 3]);
    let pods = lab.list("pods");
    assert!(
        pods.iter()
            .all(|pod| meta::text(pod, "generateName") == format!("dep-{hash}-"))
    );
}

#[test]
fn a_rollout_keeps_enough_pods_and_comes_back_to_the_old_set() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 4, "progressDeadlineSeconds": 600}),
    );
    lab.rest();
    set_image(&lab, "dep", "nginx:2");
    let mut fewest = i64::MAX;
    for _ in 0..200 {
        lab.sim.advance(std::time::Duration::from_millis(50));
        let pods = lab.list("pods");
        let ready = pods
            .iter()
            .filter(|pod| crate::controllers::pods::is_ready(pod) && !meta::is_terminating(pod));
        fewest = fewest.min(read::count(ready.count()));
        let active = pods
            .iter()
            .filter(|pod| crate::controllers::pods::is_active(pod))
            .count();
        assert!(active <= 5, "at most one more than wanted");
    }
    assert_eq!(fewest, 3, "a quarter may be missing");
    lab.rest();
    assert_eq!(sizes(&lab), [0, 4]);
    set_image(&lab, "dep", "nginx");
    lab.rest();
    assert_eq!(sizes(&lab), [0, 4]);
    let deployment = lab.get("deployments.apps", "dep");
    assert_eq!(
        meta::annotation(&deployment, "deployment.kubernetes.io/revision"),
        Some("3")
    );
    let sets = lab.list("replicasets.apps");
    let old = sets.iter().find(|set| read::replicas(set) == 4).expect("the first set");
    assert_eq!(
        meta::annotation(old, "deployment.kubernetes.io/revision-history"),
        Some("1")
    );
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 2, "strategy": {"type": "Recreate"}}),
    );
    lab.rest();
    lab.fault("dep", Readiness::SlowToEnd(std::time::Duration::from_secs(20)));
    set_image(&lab, "dep", "nginx:2");
    lab.wait(15);
    assert_eq!(sizes(&lab), [0]);
    assert_eq!(lab.list("pods").len(), 2);
    lab.sim.mend();
    lab.rest();
    assert_eq!(sizes(&lab), [0, 2]);
    assert_eq!(lab.list("pods").len(), 2);
}

#[test]
fn a_rollout_that_is_stuck_is_said_to_be() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 3, "progressDeadlineSeconds": 60}),
    );
    lab.rest();
    lab.sim.fault(Fault::Image("broken".to_owned()));
    set_image(&lab, "dep", "nginx:broken");
    lab.wait(50);
    let progress = |lab: &Lab| {
        let all = conditions(&lab.get("deployments.apps", "dep"));
        all.into_iter().find(|c| c.0 == "Progressing").map(|c| c.2)
    };
    assert_eq!(progress(&lab).as_deref(), Some("ReplicaSetUpdated"));
    lab.rest();
    assert_eq!(progress(&lab).as_deref(), Some("ProgressDeadlineExceeded"));
    assert_eq!(sizes(&lab), [3, 1]);
    let mut states = lab.states();
    states.sort();
    assert_eq!(states, ["ImagePullBackOff", "Running", "Running", "Running"]);
    lab.sim.mend();
    lab.rest();
    assert_eq!(sizes(&lab), [0, 3]);
    assert_eq!(progress(&lab).as_deref(), Some("NewReplicaSetAvailable"));
}

#[test]
fn a_pause_holds_the_rollout_but_not_the_scaling() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 2, "progressDeadlineSeconds": 600}),
    );
    lab.rest();
    lab.change("deployments.apps", "dep", |d| d["spec"]["paused"] = true.into());
    set_image(&lab, "dep", "nginx:2");
    lab.change("deployments.apps", "dep", |d| d["spec"]["replicas"] = 5.into());
    lab.rest();
    assert_eq!(sizes(&lab), [5]);
    let reasons: Vec<_> = conditions(&lab.get("deployments.apps", "dep"))
        .into_iter()
        .map(|c| c.2)
        .collect();
    assert!(reasons.contains(&"DeploymentPaused".to_owned()), "{reasons:?}");
    lab.change("deployments.apps", "dep", |d| d["spec"]["paused"] = false.into());
    lab.rest();
    assert_eq!(sizes(&lab), [0, 5]);
}

#[test]
fn scaling_in_the_middle_of_a_rollout_is_shared_out() {
    let lab = Lab::new();
    lab.workload(
        "Deployment",
        "dep",
        json!({"replicas": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}}),
    );
    lab.rest();
    lab.sim.fault(Fault::Image("broken".to_owned()));
    set_image(&lab, "dep", "nginx:broken");
    lab.wait(20);
    assert_eq!(sizes(&lab), [8, 5]);
    lab.change("deployments.apps", "dep", |d| d["spec"]["replicas"] = 15.into());
    lab.wait(20);
    // The example of the documentation ("Proportional scaling").
    assert_eq!(sizes(&lab), [11, 7]);
}

#[test]
fn orphans_are_adopted_and_old_revisions_forgotten() {
    let lab = Lab::new();
    lab.workload("Deployment", "dep", json!({"replicas": 1, "revisionHistoryLimit": 1}));
    lab.rest();
    let before = lab.names("replicasets.apps");
    lab.delete("deployments.apps", "dep", "Orphan");
    lab.rest();
    assert!(lab.find("deployments.apps", "dep").is_none());
    assert_eq!(lab.names("replicasets.apps"), before);
    assert_eq!(lab.list("pods").len(), 1);
    let uid = meta::uid(&lab.list("pods")[0]).to_owned();
    let new = lab.workload("Deployment", "dep", json!({"replicas": 1, "revisionHistoryLimit": 1}));
    lab.rest();
    assert_eq!(lab.names("replicasets.apps"), before);
    assert_eq!(meta::uid(&lab.list("pods")[0]), uid);
    let owner = meta::controller(&lab.list("replicasets.apps")[0]).expect("an owner")["uid"].clone();
    assert_eq!(owner, meta::uid(&new));
    for image in ["a", "b", "c"] {
        set_image(&lab, "dep", image);
        lab.rest();
    }
    assert_eq!(sizes(&lab), [0, 1]);
}

#[test]
fn deletion_takes_everything_along() {
    for propagation in ["Background", "Foreground"] {
        let lab = Lab::new();
        lab.workload("Deployment", "dep", json!({"replicas": 3}));
        lab.rest();
        lab.delete("deployments.apps", "dep", propagation);
        assert_eq!(
            lab.find("deployments.apps", "dep").is_some(),
            propagation == "Foreground"
        );
        lab.rest();
        assert!(lab.find("deployments.apps", "dep").is_none());
        assert!(lab.names("replicasets.apps").is_empty());
        assert!(lab.names("pods").is_empty());
    }
}

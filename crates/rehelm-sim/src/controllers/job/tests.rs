//! Situations and end states as a real 1.35 control plane shows them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::Readiness;
use crate::controllers::lab::Lab;
use crate::controllers::read;
use crate::meta;

fn job(lab: &Lab, name: &str, more: Value) {
    let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]});
    let mut spec = json!({"backoffLimit": 6, "completions": 1, "parallelism": 1, "template": {"spec": pod}});
    for (key, value) in more.as_object().expect("a mapping") {
        spec[key] = value.clone();
    }
    lab.create(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}));
}

fn conditions(lab: &Lab, name: &str) -> Vec<(String, String)> {
    let job = lab.get("jobs.batch", name);
    let all = read::list(&job, "/status/conditions").iter();
    all.map(|c| (read::text(c, "/type").to_owned(), read::text(c, "/reason").to_owned()))
        .collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[test]
fn a_job_completes() {
    let lab = Lab::new();
    job(&lab, "job", json!({"completions": 3, "parallelism": 2}));
    lab.rest();
    let wanted = pairs(&[
        ("SuccessCriteriaMet", "CompletionsReached"),
        ("Complete", "CompletionsReached"),
    ]);
    assert_eq!(conditions(&lab, "job"), wanted);
    let status = lab.get("jobs.batch", "job")["status"].clone();
    assert_eq!(status["succeeded"], 3);
    assert_eq!((&status["ready"], &status["terminating"]), (&json!(0), &json!(0)));
    assert_eq!(status["uncountedTerminatedPods"], json!({}));
    assert!(status.get("active").is_none() && status.get("completionTime").is_some());
    let pods = lab.list("pods");
    assert_eq!(pods.len(), 3);
    assert_eq!(meta::label(&pods[0], "batch.kubernetes.io/job-name"), Some("job"));
}

#[test]
fn a_job_that_fails_pauses_longer_and_longer() {
    let lab = Lab::new();
    lab.fault("bad", Readiness::Fails);
    job(&lab, "bad", json!({"backoffLimit": 2}));
    let took = lab.rest();
    let wanted = pairs(&[
        ("FailureTarget", "BackoffLimitExceeded"),
        ("Failed", "BackoffLimitExceeded"),
    ]);
    assert_eq!(conditions(&lab, "bad"), wanted);
    assert_eq!(lab.get("jobs.batch", "bad")["status"]["failed"], 3);
    assert_eq!(lab.list("pods").len(), 3);
    // Pauses of 10 and 20 s, and three runs.
    assert!(
        took > Duration::from_secs(30) && took < Duration::from_secs(45),
        "{took:?}"
    );
}

#[test]
fn a_deadline_ends_a_job_that_hangs() {
    let lab = Lab::new();
    lab.fault("slow", Readiness::After(Duration::from_secs(500)));
    job(&lab, "slow", json!({"activeDeadlineSeconds": 30}));
    lab.rest();
    let wanted = pairs(&[("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded")]);
    assert_eq!(conditions(&lab, "slow"), wanted);
    assert!(lab.list("pods").is_empty());
}

#[test]
fn a_suspended_job_waits_and_a_finished_one_goes() {
    let lab = Lab::new();
    job(&lab, "job", json!({"suspend": true, "ttlSecondsAfterFinished": 60}));
    lab.rest();
    assert!(lab.list("pods").is_empty());
    assert_eq!(conditions(&lab, "job"), pairs(&[("Suspended", "JobSuspended")]));
    lab.change("jobs.batch", "job", |job| job["spec"]["suspend"] = false.into());
    lab.wait(10);
    assert!(super::finished(&lab.get("jobs.batch", "job")).is_some());
    lab.rest();
    assert!(lab.find("jobs.batch", "job").is_none());
    assert!(lab.list("pods").is_empty());
}

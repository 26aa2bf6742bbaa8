//! A cluster at rest that is loaded stays as it is: whatever the controllers look at, they change nothing.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use rehelm_sim::{Options, Sim, Time};
use serde_json::{Value, json};

type Objects = BTreeMap<String, Value>;

fn by_name(objects: Vec<Value>) -> Objects {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named = objects.into_iter().map(|object| {
        let meta = &object["metadata"];
        let name = [
            &object["apiVersion"],
            &object["kind"],
            &meta["namespace"],
            &meta["name"],
        ]
        .map(text);
        (name.join(" "), object)
    });
    named.collect()
}

fn stays(objects: Vec<Value>, start: Time) {
    let sim = Sim::new(Options {
        bootstrap: false,
        start,
        ..Options::default()
    });
    sim.load(objects.clone()).expect("kinds that are served");
    sim.quiesce(Duration::from_secs(3600));
    let (before, after) = (by_name(objects), by_name(sim.objects()));
    let changed = before.iter().filter(|(name, object)| after.get(*name) != Some(object));
    let changed: Vec<String> = changed
        .map(|(name, object)| format!("{name}\nwas {object}\nis  {}", after.get(name).unwrap_or(&Value::Null)))
        .collect();
    assert!(changed.is_empty(), "changed: {}", changed.join("\n"));
    let new: Vec<&String> = after.keys().filter(|name| !before.contains_key(*name)).collect();
    assert!(new.is_empty(), "new: {new:?}");
}

#[test]
fn a_simulated_cluster_stays() {
    let sim = Sim::new(Options::default());
    let pod = json!({"containers": [{"name": "c", "image": "nginx"}]});
    let template = |app: &str| json!({"metadata": {"labels": {"app": app}}, "spec": pod});
    let workload = |kind: &str, app: &str| {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": app, "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": app}}, "template": template(app)}})
    };
    let mut job = template("job");
    job["spec"]["restartPolicy"] = "Never".into();
    let objects = [
        workload("Deployment", "dep"),
        workload("DaemonSet", "ds"),
        workload("StatefulSet", "sts"),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": "default"},
            "spec": {"template": job}}),
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron", "namespace": "default"},
            "spec": {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": job}}}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "svc", "namespace": "default"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "dep"}, "ports": [{"port": 80}]}}),
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "pdb", "namespace": "default"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "dep"}}}}),
    ];
    // Loaded objects are taken up like any others: what is missing is made.
    let seeds = objects.map(|mut object| {
        object["metadata"]["uid"] = format!("uid-{}", object["metadata"]["name"]).into();
        object["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        object["metadata"]["generation"] = 1.into();
        object
    });
    sim.load(seeds.to_vec()).expect("kinds that are served");
    sim.quiesce(Duration::from_secs(600));
    let pods = sim.objects().iter().filter(|object| object["kind"] == "Pod").count();
    assert!(pods >= 3, "{pods} pods");
    stays(sim.objects(), sim.now());
}

/// `SIM_AT_REST` names a file with a `v1` List of all objects of a real cluster at rest, as `kubectl get -o json` has it.
#[test]
fn a_real_cluster_stays() {
    let Some(path) = std::env::var_os("SIM_AT_REST") else {
        let said = writeln!(std::io::stderr(), "skipped: SIM_AT_REST names no dump of a cluster");
        said.expect("standard error takes a line");
        return;
    };
    let text = std::fs::read(path).expect("the dump can be read");
    let mut list: Value = serde_json::from_slice(&text).expect("the dump is JSON");
    let objects = list["items"].as_array_mut().map(std::mem::take).expect("a List");
    stays(objects, Time(1_800_000_000_000_000_000));
}

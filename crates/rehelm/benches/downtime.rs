//! The outage of a migration, twice in one run on fresh testbeds: typed by a script as the product documents it, and by
//! rehelm. Prints stage by stage and the ratio; it judges nothing and has no limit.
//!
//! The documented database step needs programs that no package registry has, so it is left out on that side; rehelm's is
//! shown, and left out of the ratio.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]
#![allow(dead_code, reason = "the scene is shared with the tests, which use all of it")]

#[path = "../tests/e2e/scene.rs"]
mod scene;

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use scene::Scene;
use serde_json::Value;

const CLAIMS: [&str; 3] = ["flow-modules", "functions", "redis-persistent"];

/// Seconds by stage.
type Stages = BTreeMap<&'static str, f64>;

fn main() {
    let Some(documented) = Scene::up("aws").map(|s| documented(&s)) else {
        return;
    };
    let Some(ours) = Scene::up("aws").map(|s| ours(&s)) else {
        return;
    };
    println!(
        "\n{:<28}{:>12}{:>12}{:>9}",
        "outage, seconds", "documented", "rehelm", "ratio"
    );
    let mut totals = (0.0, 0.0);
    for stage in ["stop the old pods", "volumes", "helm", "pods"] {
        let (a, b) = (documented[stage], ours.get(stage).copied().unwrap_or(0.0));
        totals = (totals.0 + a, totals.1 + b);
        println!("{stage:<28}{a:>12.2}{b:>12.2}{:>8.1}x", a / b.max(0.001));
    }
    let whole = ours["whole"] - ours["databases"];
    let between = whole - totals.1;
    println!("{:<28}{:>12}{between:>12.2}", "between the stages", "");
    println!(
        "{:<28}{:>12.2}{whole:>12.2}{:>8.1}x",
        "whole, without databases",
        totals.0,
        totals.0 / whole
    );
    let floor = ours["stop the old pods"] + ours["helm"] + ours["pods"];
    println!("{:<28}{:>12}{floor:>12.2}", "floor: stop + helm + pods", "");
    println!(
        "whole / floor {:.2}   databases (copied and proven) {:.2} s",
        whole / floor,
        ours["databases"]
    );
}

fn timed(stages: &mut Stages, stage: &'static str, work: impl FnOnce()) {
    let begun = Instant::now();
    work();
    stages.insert(stage, begun.elapsed().as_secs_f64());
    eprintln!("{stage}: {:.2} s", stages[stage]);
}

/// The documented commands, with the corrections without which they do not work at all (D1, D2, D3).
fn documented(scene: &Scene) -> Stages {
    let mut stages = Stages::new();
    let folder = scene.folder().to_owned();
    scene.kubectl(&["create", "namespace", "cognigy-ai"]);
    scene
        .rehelm(&[
            "secrets",
            "convert",
            "--from",
            "cluster",
            "--to",
            "migration-secrets",
            "-n",
            "cognigy-ai",
        ])
        .code(0);
    scene.kubectl(&[
        "apply",
        "-n",
        "cognigy-ai",
        "-f",
        folder.join("migration-secrets").as_str(),
    ]);
    let mut volumes = BTreeMap::new();
    for claim in CLAIMS {
        let mut object = scene.get("pvc", "default", claim);
        let volume = object["spec"]["volumeName"].as_str().expect("bound").to_owned();
        scene.kubectl(&[
            "patch",
            "pv",
            &volume,
            "-p",
            r#"{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}"#,
        ]);
        let beta = object["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"].clone();
        object["metadata"] = serde_json::json!({"name": claim, "namespace": "cognigy-ai",
            "annotations": {"meta.helm.sh/release-name": "cognigy-ai", "meta.helm.sh/release-namespace": "cognigy-ai"},
            "labels": {"app.kubernetes.io/managed-by": "Helm"}});
        if beta.is_string() {
            object["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"] = beta;
        }
        object["status"] = Value::Null;
        std::fs::write(folder.join(format!("{claim}.json")), object.to_string()).expect("written");
        volumes.insert(claim, volume);
    }
    for object in [
        "sc/aws-efs-flow-modules",
        "sc/aws-efs-functions",
        "clusterrolebinding/efs-provisioner-flow-modules",
        "clusterrolebinding/efs-provisioner-functions",
        "clusterrole/traefik",
        "clusterrolebinding/traefik",
        "ingressclass/traefik",
    ] {
        scene.kubectl(&[
            "annotate",
            object,
            "meta.helm.sh/release-name=cognigy-ai",
            "meta.helm.sh/release-namespace=cognigy-ai",
        ]);
        scene.kubectl(&["label", object, "app.kubernetes.io/managed-by=Helm"]);
    }
    scene.kubectl(&["delete", "sc", "redis-persistent"]);

    timed(&mut stages, "stop the old pods", || {
        let all = scene.kubectl(&["get", "deployment", "-n", "default", "-o", "name"]);
        for deployment in all.lines().filter(|d| !d.contains("bystander")) {
            scene.kubectl(&["scale", deployment, "-n", "default", "--replicas=0"]);
        }
        scene.kubectl(&[
            "wait",
            "pod",
            "-n",
            "default",
            "-l",
            "app!=bystander",
            "--for=delete",
            "--timeout=120s",
        ]);
    });
    timed(&mut stages, "volumes", || {
        for claim in CLAIMS {
            scene.kubectl(&["delete", "pvc", claim, "-n", "default"]);
        }
        for claim in CLAIMS {
            scene.kubectl(&["patch", "pv", &volumes[claim], "-p", r#"{"spec":{"claimRef":null}}"#]);
        }
        for claim in CLAIMS {
            scene.kubectl(&["apply", "-f", folder.join(format!("{claim}.json")).as_str()]);
        }
        for claim in CLAIMS {
            let bound = "--for=jsonpath={.status.phase}=Bound";
            scene.kubectl(&["wait", "pvc", claim, "-n", "cognigy-ai", bound, "--timeout=120s"]);
        }
    });
    timed(&mut stages, "helm", || scene.helm_install());
    timed(&mut stages, "pods", || {
        let ready = "--for=condition=Available";
        scene.kubectl(&[
            "wait",
            "deployment",
            "--all",
            "-n",
            "cognigy-ai",
            ready,
            "--timeout=300s",
        ]);
    });
    stages
}

/// rehelm's journal says when each step began and ended.
fn ours(scene: &Scene) -> Stages {
    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    scene.rehelm(&["migrate", "--yes"]).code(0);
    let text = std::fs::read_to_string(scene.run_file("journal.jsonl")).expect("a journal");
    let records: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("a record"))
        .collect();
    let at = |event: &str, step: &Value| -> Option<Timestamp> {
        let record = records.iter().find(|r| r["event"] == event && &r["step"] == step)?;
        record["at"].as_str()?.parse().ok()
    };
    let mut stages = Stages::new();
    let mut spans = BTreeMap::new();
    for record in records.iter().filter(|r| r["event"] == "step-started") {
        let (step, kind) = (&record["step"], record["kind"].as_str().unwrap_or_default());
        if let (Some(begun), Some(done)) = (at("step-started", step), at("step-done", step)) {
            spans.insert(kind.to_owned(), (begun, done));
        }
    }
    let seconds = |kind: &str| spans.get(kind).map_or(0.0, |(a, b)| b.duration_since(*a).as_secs_f64());
    for (stage, kind) in [
        ("stop the old pods", "scale"),
        ("databases", "copy"),
        ("volumes", "rebind"),
        ("helm", "release"),
        ("pods", "ready"),
    ] {
        stages.insert(stage, seconds(kind));
    }
    stages.insert("whole", spans["ready"].1.duration_since(spans["scale"].0).as_secs_f64());
    stages
}

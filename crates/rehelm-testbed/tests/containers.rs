//! Real processes in pods: how they begin, what they see, how they end, and that none is left.

mod common;

use std::path::Path;
use std::time::Instant;

use camino::Utf8Path;
use common::{apply, kubectl, options, until, up};
use k8s_openapi::api::core::v1::Pod;
use rehelm_testbed::{Options, Program, Testbed, wait};
use serde_json::{Value, json};

/// Writes down that it begins and that it was asked to end.
const POLITE: &str = "trap 'echo bye >> /data/log; exit' TERM; echo $(hostname) $GREETING $(cat /words/b) >> /data/log; while :; do sleep 0.05; done";
/// Ends only when it is made to.
const STUBBORN: &str = "trap '' TERM; while :; do sleep 0.05; done";

fn program(image: &str, script: &str) -> Program {
    Program {
        image: format!("app.example/{image}"),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..Program::default()
    }
}

fn pod(name: &str, image: &str, more: Value) -> String {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": format!("app.example/{image}:1")}]},
    });
    if let Some(claim) = more.as_str() {
        let container = &mut pod["spec"]["containers"][0];
        container["volumeMounts"] =
            json!([{"name": "data", "mountPath": "/data"}, {"name": "words", "mountPath": "/words"}]);
        container["env"] = json!([{"name": "GREETING", "valueFrom": {"secretKeyRef": {"name": "words", "key": "a"}}}]);
        pod["spec"]["volumes"] = json!([
            {"name": "data", "persistentVolumeClaim": {"claimName": claim}},
            {"name": "words", "secret": {"secretName": "words", "items": [{"key": "a", "path": "b"}]}},
        ]);
    }
    format!("{pod}\n---\n")
}

/// The process of a pod, as the stand-in wrote it down.
fn pid(testbed: &Testbed, pod: &str) -> u64 {
    let text = std::fs::read_to_string(testbed.dir.join(format!("pods/default/{pod}.json"))).expect("a process");
    serde_json::from_str::<Value>(&text).expect("JSON")["pid"]
        .as_u64()
        .expect("a pid")
}

fn runs(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits until the process has said so; until then it may not know how to end.
fn begun(log: &Utf8Path, line: &str) {
    let start = Instant::now();
    while !std::fs::read_to_string(log).is_ok_and(|text| text.contains(line)) {
        assert!(start.elapsed() < common::LIMIT, "no `{line}`");
        std::thread::yield_now();
    }
}

fn ready(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["ready"] == true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_pods() {
    let programs = vec![
        program("polite", POLITE),
        program("stubborn", STUBBORN),
        program("brief", "exit 1"),
    ];
    let Some(testbed) = up(Options { programs, ..options() }).await else {
        return;
    };
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"storageClassName": "share", "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "share"},
        "provisioner": "testbed.example/nfs", "reclaimPolicy": "Delete",
    });
    let words =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "words"}, "stringData": {"a": "hello"}});
    let all = [
        format!("{class}\n---\n{claim}\n---\n{words}\n---\n"),
        pod("polite", "polite", json!("data")),
        pod("stubborn", "stubborn", json!(null)),
        pod("brief", "brief", json!(null)),
        pod("last", "stubborn", json!(null)),
    ];
    apply(&testbed, &all.concat()).await;
    for name in ["polite", "stubborn", "last"] {
        until::<Pod>(&testbed, name, "runs", ready).await;
    }
    until::<Pod>(&testbed, "brief", "ended by itself", |v| {
        v["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    })
    .await;

    let volume = kubectl(&testbed, "get pvc/data -o jsonpath={.spec.volumeName}")
        .await
        .expect("a volume");
    let folder = testbed.dir.join("volumes").join(volume);
    let log = folder.join("log");

    // Deleted pods go when their processes have gone.
    begun(&log, "polite hello hello");
    let pids = [pid(&testbed, "polite"), pid(&testbed, "stubborn")];
    assert!(pids.into_iter().all(runs));
    kubectl(&testbed, "delete pod/polite pod/stubborn --wait=false")
        .await
        .expect("delete");
    until::<Pod>(&testbed, "polite", "gone", Value::is_null).await;
    until::<Pod>(&testbed, "stubborn", "gone", Value::is_null).await;
    assert!(!pids.into_iter().any(runs));

    // Another pod finds what the volume holds, until the volume is deleted.
    apply(&testbed, &pod("again", "polite", json!("data"))).await;
    until::<Pod>(&testbed, "again", "runs", ready).await;
    begun(&log, "again hello hello");
    kubectl(&testbed, "delete pod/again").await.expect("delete");
    let text = std::fs::read_to_string(&log).expect("written");
    assert_eq!(text, "polite hello hello\nbye\nagain hello hello\nbye\n");
    kubectl(&testbed, "delete pvc/data").await.expect("delete");
    let volumes = kube::Api::<k8s_openapi::api::core::v1::PersistentVolume>::all(testbed.client());
    wait::until(volumes, "deletion", common::LIMIT, |all| {
        all.iter().map(|v| format!("{v:?}")).collect()
    })
    .await
    .expect("no volume");
    assert!(!folder.exists());

    // A process ends with the stand-in that started it.
    let last = pid(&testbed, "last");
    assert!(runs(last));
    let kubelet = testbed
        .state()
        .processes
        .iter()
        .find(|p| p.name == "kubelet")
        .expect("a kubelet");
    kubelet.end();
    let begun = Instant::now();
    while runs(last) {
        assert!(begun.elapsed() < common::LIMIT, "a process is left");
        std::thread::yield_now();
    }
    testbed.down().expect("down");
}

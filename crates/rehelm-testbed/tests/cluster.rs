//! One testbed, looked at from all sides: machines, volumes, jobs, addresses, faults, and its end.

mod common;

use common::{apply, kubectl, options, until, up};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{Api, DeleteParams};
use rehelm_testbed::kubelet::faults::{Fault, Kind};
use rehelm_testbed::provision::disks;
use rehelm_testbed::{Options, Pace, Testbed, wait};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behaves_like_a_cluster() {
    let pace = Pace {
        detach: Duration::from_millis(300),
        ..Pace::default()
    };
    let Some(testbed) = up(Options { pace, ..options() }).await else {
        return;
    };
    tokio::join!(
        volumes(&testbed),
        jobs_and_addresses(&testbed),
        references(&testbed),
        faults(&testbed),
    );
    ends(testbed);
}

const CLASSES: &str = "
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: disk}, provisioner: ebs.csi.aws.com, volumeBindingMode: WaitForFirstConsumer}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: old-disk}, provisioner: kubernetes.io/azure-disk}
---
{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: share}, provisioner: testbed.example/nfs, reclaimPolicy: Retain}
";

fn claim(name: &str, class: &str) -> String {
    let object = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    format!("{object}\n---\n")
}

/// A pod with one container, its environment and the claims that it mounts.
fn pod(name: &str, env: Value, claims: &[&str]) -> String {
    let volumes: Vec<_> = claims
        .iter()
        .map(|c| json!({"name": c, "persistentVolumeClaim": {"claimName": c}}))
        .collect();
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {"containers": [{"name": "main", "image": "app.example/app:1", "env": env}], "volumes": volumes},
    });
    format!("{object}\n---\n")
}

/// Disks are made when they should be, attached, detached, and deleted only under policy Delete.
async fn volumes(testbed: &Testbed) {
    let user = pod("user", json!([]), &["a", "b", "c"]);
    let all = [
        CLASSES,
        "---\n",
        &claim("a", "disk"),
        &claim("b", "old-disk"),
        &claim("c", "share"),
        &user,
    ]
    .concat();
    apply(testbed, &all).await;
    let bound = |v: &Value| v["status"]["phase"] == "Bound";
    for name in ["a", "b", "c"] {
        until::<PersistentVolumeClaim>(testbed, name, "claim bound", bound).await;
    }
    until::<Pod>(testbed, "user", "pod with disks runs", |v| {
        v["status"]["phase"] == "Running"
    })
    .await;
    let attachments = Api::<VolumeAttachment>::all(testbed.client());
    assert_eq!(
        attachments
            .list(&Default::default())
            .await
            .expect("attachments")
            .items
            .len(),
        2,
        "the share is not attached"
    );
    assert!(
        disks::read(&testbed.client())
            .await
            .expect("disks")
            .values()
            .all(|d| d.exists)
    );

    kubectl(testbed, "delete pod/user pvc/a pvc/b pvc/c")
        .await
        .expect("delete");
    wait::until(attachments, "detach", common::LIMIT, |all| {
        all.iter().map(|a| a.spec.attacher.clone()).collect()
    })
    .await
    .expect("detached");
    let volumes = Api::<PersistentVolume>::all(testbed.client());
    wait::until(volumes, "deletion", common::LIMIT, |all| {
        let policy = |v: &PersistentVolume| v.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.clone());
        all.iter()
            .filter(|v| policy(v).as_deref() == Some("Delete"))
            .map(|v| format!("{v:?}"))
            .collect()
    })
    .await
    .expect("volumes with policy Delete are gone");
    let disks = disks::read(&testbed.client()).await.expect("disks");
    let exists = |claim: &str| {
        disks
            .values()
            .find(|d| d.claim == claim)
            .map(|d| (d.exists, d.content.is_empty()))
    };
    assert_eq!(exists("default/a"), Some((false, true)));
    assert_eq!(exists("default/b"), Some((false, true)));
    assert_eq!(exists("default/c"), Some((true, false)), "Retain keeps the data");
}

async fn jobs_and_addresses(testbed: &Testbed) {
    apply(
        testbed,
        "
{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: job.example/job:1}]}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {type: LoadBalancer, ports: [{port: 80}]}}
",
    )
    .await;
    until::<Job>(testbed, "once", "job", |v| v["status"]["succeeded"] == 1).await;
    let address = |v: &Value| v["status"]["loadBalancer"]["ingress"][0]["ip"].is_string();
    until::<Service>(testbed, "front", "address", address).await;
    until::<Service>(testbed, "other", "address", address).await;
    let ip = "get svc front other -o jsonpath={.items[*].status.loadBalancer.ingress[0].ip}";
    let ips = kubectl(testbed, ip).await.expect("ips");
    let (front, other) = ips.split_once(' ').expect("two addresses");
    assert_ne!(front, other);
}

/// A pod waits for the Secret, and for the key in it, in the words of the real kubelet.
async fn references(testbed: &Testbed) {
    let env = json!([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "key"}}}]);
    apply(testbed, &pod("needy", env, &[])).await;
    let waits = |message: &'static str| {
        move |v: &Value| {
            let waiting = &v["status"]["containerStatuses"][0]["state"]["waiting"];
            waiting["reason"] == "CreateContainerConfigError" && waiting["message"] == message
        }
    };
    until::<Pod>(testbed, "needy", "missing secret", waits("secret \"token\" not found")).await;
    kubectl(testbed, "create secret generic token --from-literal=wrong=1")
        .await
        .expect("secret");
    until::<Pod>(
        testbed,
        "needy",
        "missing key",
        waits("couldn't find key key in Secret default/token"),
    )
    .await;
    kubectl(testbed, "patch secret token -p {\"data\":{\"key\":\"MQ==\"}}")
        .await
        .expect("key");
    until::<Pod>(testbed, "needy", "pod runs", |v| v["status"]["phase"] == "Running").await;
}

/// Faults come and go, one after the other on the same pods.
async fn faults(testbed: &Testbed) {
    let fault = |kind, pod: &str| Fault {
        pod: Some(pod.into()),
        ..Fault::new(kind)
    };
    testbed
        .play(&[
            fault(Kind::ImagePullError, "bad-image"),
            fault(Kind::WillNotDie, "immortal"),
        ])
        .await
        .expect("faults");
    let all = [pod("bad-image", json!([]), &[]), pod("immortal", json!([]), &[])].concat();
    apply(testbed, &all).await;
    until::<Pod>(testbed, "bad-image", "pull error", |v| {
        v["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    })
    .await;
    until::<Pod>(testbed, "immortal", "pod runs", |v| v["status"]["phase"] == "Running").await;
    let pods = Api::<Pod>::namespaced(testbed.client(), "default");
    pods.delete("immortal", &DeleteParams::default()).await.expect("delete");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        pods.get("immortal")
            .await
            .expect("still there")
            .metadata
            .deletion_timestamp
            .is_some()
    );
    testbed.play(&[]).await.expect("no faults");
    until::<Pod>(testbed, "bad-image", "pod runs", |v| v["status"]["phase"] == "Running").await;
    until::<Pod>(testbed, "immortal", "pod gone", Value::is_null).await;
}

/// Nothing is left: no process, no folder.
fn ends(testbed: Testbed) {
    let (dir, processes) = (testbed.dir.clone(), testbed.state().processes.clone());
    assert!(processes.len() >= 6 && processes.iter().all(|p| p.alive()));
    testbed.down().expect("down");
    assert!(processes.iter().all(|p| !p.alive()));
    assert!(!dir.exists());
}

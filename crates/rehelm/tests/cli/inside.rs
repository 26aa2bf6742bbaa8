//! What is asked of containers and databases before anybody has to wait.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::doc;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::exec_checks::{self, ExecCheck, When};
use rehelm_sim::{Ended, Identity};
use serde_json::json;

use crate::forward::{Scene, pod, scene};

/// A workload with one pod that runs.
fn store(scene: &Scene) {
    let mut pod = pod("store-1", true);
    pod["metadata"]["labels"] = json!({"app": "store"});
    pod["spec"]["containers"][0]["name"] = json!("store");
    let template = json!({"metadata": {"labels": {"app": "store"}}, "spec": {"containers": [{"name": "store", "image": "store"}]}});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "store", "namespace": "shop", "uid": "uid-store"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "store"}}, "template": template},
    });
    scene.sim.load(vec![deployment, pod]).expect("loads");
}

fn check() -> ExecCheck {
    ExecCheck {
        name: "on disk".to_owned(),
        when: vec![When::BeforeStop, When::AfterStart],
        workload: "Deployment/store".to_owned(),
        container: Some("store".to_owned()),
        command: ["sh", "-c", "ask \"$PASSWORD\""].map(str::to_owned).to_vec(),
        expects: vec!["(?m)^saved:yes\\s*$".to_owned()],
        count: Some("keys=(\\d+)".to_owned()),
    }
}

async fn cluster(scene: &Scene, identity: &Identity) -> KubeCluster {
    scene.place.write("kubeconfig", &scene.served.kubeconfig_for(identity));
    let access = KubeAccess {
        kubeconfig: Some(scene.place.path("kubeconfig")),
        ..KubeAccess::default()
    };
    KubeCluster::open(&access).await.expect("opens")
}

#[test]
fn a_command_is_run_in_the_pod_and_judged() {
    let Some(scene) = scene() else { return };
    store(&scene);
    scene.runtime.block_on(async {
        let admin = cluster(&scene, &Identity::admin()).await;
        let asked = async |cluster: &KubeCluster| exec_checks::ask(cluster, "shop", &check()).await.expect("answers");
        // Nothing runs in a simulated container until it is told.
        let answer = asked(&admin).await;
        assert!(answer.findings.is_empty() && answer.count.is_none(), "{answer:?}");
        let told = |stdout: &str, code: i32| {
            let ended = Ended {
                stdout: stdout.to_owned(),
                stderr: "x".repeat(100_000),
                code,
            };
            scene
                .sim
                .commands_are_answered_by("shop", "store-1", move |container, command| {
                    assert_eq!((container, command), ("store", check().command.as_slice()));
                    Some(ended.clone())
                });
        };
        told("saved:yes\r\nkeys=7,expires=0\r\n", 0);
        let answer = asked(&admin).await;
        assert!(answer.findings.is_empty() && answer.count == Some(7), "{answer:?}");
        // More than is read, which has to go somewhere all the same.
        told(&format!("saved:yes\nkeys=8\n{}", "x".repeat(200_000)), 0);
        let answer = asked(&admin).await;
        assert!(answer.findings.is_empty() && answer.count == Some(8), "{answer:?}");
        told("saved:no\r\nkeys=7\r\n", 0);
        let answer = asked(&admin).await;
        assert!(
            answer.failed() && answer.findings[0].args["why"] == "unexpected",
            "{answer:?}"
        );
        told("saved:yes\nkeys=7\n", 3);
        let answer = asked(&admin).await;
        assert_eq!(
            (
                answer.findings[0].args["why"].as_str(),
                answer.findings[0].args["code"].as_str()
            ),
            ("exit-code", "3")
        );
        // Who may look and not run anything is told so, and it is no failure of the product.
        let rules =
            json!([{"apiGroups": ["", "apps"], "resources": ["pods", "deployments"], "verbs": ["get", "list"]}]);
        let eve = scene.eve_may(&rules);
        let answer = asked(&cluster(&scene, &eve).await).await;
        assert!(
            !answer.failed() && answer.findings[0].code == exec_checks::UNASKED,
            "{answer:?}"
        );
    });
}

#[test]
fn check_says_what_is_not_on_disk_and_what_cannot_be_carried() {
    let tools = rehelm_testbed::Cache::open()
        .and_then(|cache| rehelm_testbed::build::tools(&cache, rehelm_testbed::HelmMajor::Helm3, &|_| ()));
    let tools = match tools {
        Ok(tools) => tools,
        Err(why) => {
            eprintln!("SKIPPED: {why}");
            return;
        }
    };
    let Some(scene) = scene() else { return };
    store(&scene);
    let saved = Arc::new(AtomicBool::new(false));
    let answer = saved.clone();
    scene.sim.commands_are_answered_by("shop", "store-1", move |_, _| {
        let word = if answer.load(Ordering::SeqCst) { "yes" } else { "no" };
        Some(Ended {
            stdout: format!("saved:{word}\nkeys=2\n"),
            ..Ended::default()
        })
    });
    let long = "c".repeat(110);
    scene.runtime.block_on(async {
        let uri = format!("{}?directConnection=true", scene.server.uri());
        let driver = mongodb::Client::with_uri_str(uri).await.expect("a driver");
        let collection = driver.database("old").collection(&long);
        collection.insert_one(doc! { "_id": 1 }).await.expect("inserts");
    });
    let place = &scene.place;
    place.write(
        "shop/profile.yaml",
        "name: shop\ntitle: The Shop\nrelease: shop\nnamespace: shop-new\nsource-namespace: shop\nchart: shop\n\
         chart-versions: '>=0.0.1'\nkubernetes: '>=1.20'\n",
    );
    place.write(
        "shop/databases.yaml",
        "renames: [{from: old, to: database-with-a-longer-name, secret: shop-db, key: uri}]\nroot-users: [root]\n",
    );
    let checks = serde_json::to_string(&[check()]).expect("JSON");
    place.write("shop/workloads.yaml", &format!("exec-checks: {checks}\n"));
    place.write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 0.1.0\n");
    place.write(
        "chart/templates/map.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n",
    );
    place.write(
        "built.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, namespace: shop}\n",
    );
    place.write("uri.txt", "mongodb://root:root-password@mongo.shop.svc/");
    place.write(
        "rehelm.yaml",
        "profile: ./shop\nsource: {kustomize: [built.yaml]}\ntarget: {chart: ./chart}\nmongodb: {uri-file: uri.txt, port-forward: always}\n",
    );
    let (helm, kubectl) = (tools.helm.to_string(), tools.kubectl.to_string());
    let env = [("HELM_BIN", helm.as_str()), ("KUBECTL_BIN", kubectl.as_str())];
    let check = || place.rehelm_with(&format!("check --kubeconfig {}", place.path("kubeconfig")), &env);
    let said = check();
    assert!(said.contains("exit 3") && said.contains("exec-check-failed"), "{said}");
    assert!(
        said.contains("database-uncarriable") && said.contains("its name would be longer"),
        "{said}"
    );
    assert!(!said.contains("saved:no") && !said.contains("root-password"), "{said}");
    saved.store(true, Ordering::SeqCst);
    let said = check();
    assert!(
        !said.contains("exec-check-failed") && said.contains("database-uncarriable"),
        "{said}"
    );
}

//! The `Cluster` port on a real API server.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Bed, config_map, config_map_ref, namespace, object};
use futures::future::join_all;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{Access, Cluster, PatchKind, PortError, Precondition, Select};
use rehelm_testbed::HelmMajor;
use serde_json::json;

const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_port() {
    let Some(bed) = common::bed(HelmMajor::Helm3).await else {
        return;
    };
    let cluster = bed.cluster().await;
    facts(&cluster, &bed).await;
    tokio::join!(
        objects(&cluster),
        patches(&cluster),
        deletes(&cluster),
        pages(&cluster),
        waits(&cluster),
        list_waits(&cluster),
        rights(&cluster, &bed),
        new_kinds(&cluster),
    );
    nobody_there().await;
}

async fn facts(cluster: &KubeCluster, bed: &Bed) {
    let facts = cluster.facts().await.unwrap();
    assert!(facts.version.starts_with("v1."), "{}", facts.version);
    for name in [
        "v1",
        "apps/v1",
        "v1/Pod",
        "apps/v1/Deployment",
        "apps/v1/Scale",
        "networking.k8s.io/v1/IngressClass",
    ] {
        assert!(facts.api_versions.iter().any(|v| v == name), "{name}");
    }
    assert_eq!(facts.cluster_uid.len(), 36);
    assert_eq!(facts.url, cluster.context().url);
    assert!(cluster.context().ca.as_deref().unwrap().starts_with("sha256:"));
    assert_eq!(cluster.context().files, [bed.0.kubeconfig.as_std_path()]);
}

async fn objects(cluster: &KubeCluster) {
    namespace(cluster, "objects").await;
    let map = config_map("objects", "x");
    let dry = cluster.create(&map, true).await.unwrap();
    assert!(!dry.uid().is_empty());
    assert_eq!(
        cluster.get(&map.reference()).await.unwrap(),
        None,
        "a dry run leaves nothing"
    );

    let made = cluster.create(&map, false).await.unwrap();
    assert_eq!(made.str("/metadata/managedFields/0/manager"), Some("rehelm"));
    assert_eq!(cluster.get(&map.reference()).await.unwrap(), Some(made));
    assert!(matches!(cluster.create(&map, false).await, Err(PortError::Exists(_))));

    let lost = cluster
        .create(&config_map("no-such-namespace", "x"), false)
        .await
        .unwrap_err();
    assert!(
        lost.is_not_found() && lost.to_string().contains("namespaces \"no-such-namespace\""),
        "{lost}"
    );
    let mut wrong = map.clone();
    wrong.0["data"] = json!("text");
    assert!(matches!(
        cluster.create(&wrong, true).await,
        Err(PortError::Invalid(..))
    ));
    let kind = cluster.kind("apps/v1", "StatefulSet").await.unwrap();
    assert!(kind.namespaced && kind.plural == "statefulsets");
    assert!(!cluster.kind("v1", "PersistentVolume").await.unwrap().namespaced);
    assert!(
        cluster
            .kind("none.example/v1", "Thing")
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert!(
        cluster
            .list("none.example/v1", "Thing", &Select::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        cluster
            .get(&ObjRef::new("none.example/v1", "Thing", Some("a"), "b"))
            .await
            .unwrap()
            .is_none()
    );
}

async fn patches(cluster: &KubeCluster) {
    namespace(cluster, "patches").await;
    let made = cluster.create(&config_map("patches", "x"), false).await.unwrap();
    let x = made.reference();
    let uid = |uid: &str| Precondition {
        uid: Some(uid.to_owned()),
        resource_version: None,
    };
    let version = |version: &str| Precondition {
        uid: None,
        resource_version: Some(version.to_owned()),
    };
    let merge = json!({"data": {"k": "w"}});
    let json_patch = json!([{"op": "replace", "path": "/data/k", "value": "w"}]);
    let apply = json!({"metadata": {"name": "x", "namespace": "patches"}, "data": {"k": "w"}});
    let changes = [
        (PatchKind::Merge, &merge),
        (PatchKind::Json, &json_patch),
        (PatchKind::Apply, &apply),
    ];
    let other = "11111111-2222-3333-4444-555555555555";
    for (kind, patch) in changes {
        for wrong in [uid(other), version("1")] {
            let refused = cluster.patch(&x, kind, patch, &wrong, false).await.unwrap_err();
            assert!(
                matches!(refused, PortError::Conflict(..)),
                "{kind:?} {wrong:?}: {refused:?}"
            );
        }
        let dry = cluster.patch(&x, kind, patch, &uid(made.uid()), true).await.unwrap();
        assert_eq!(dry.str("/data/k"), Some("w"), "{kind:?}");
        assert_eq!(cluster.get(&x).await.unwrap().unwrap(), made, "{kind:?}");
    }
    let changed = cluster
        .patch(&x, PatchKind::Merge, &merge, &version(made.resource_version()), false)
        .await
        .unwrap();
    assert_eq!(changed.str("/data/k"), Some("w"));
    let back = json!([{"op": "test", "path": "/data/k", "value": "other"}]);
    let refused = cluster
        .patch(&x, PatchKind::Json, &back, &Precondition::default(), false)
        .await;
    assert!(matches!(refused, Err(PortError::Conflict(..))), "{refused:?}");

    let gone = config_map_ref("patches", "gone");
    let missing = cluster
        .patch(&gone, PatchKind::Merge, &merge, &Precondition::default(), false)
        .await;
    assert!(missing.unwrap_err().is_not_found());
    // An apply that is meant for one object must not make a new one in its place.
    let missing = cluster
        .patch(&gone, PatchKind::Apply, &json!({"data": {}}), &uid(other), false)
        .await;
    assert!(matches!(missing, Err(PortError::Conflict(..))), "{missing:?}");
    let applied = json!({"data": {"a": "b"}});
    let created = cluster
        .patch(&gone, PatchKind::Apply, &applied, &Precondition::default(), false)
        .await;
    assert_eq!(created.unwrap().str("/data/a"), Some("b"));
}

async fn deletes(cluster: &KubeCluster) {
    namespace(cluster, "deletes").await;
    let made = cluster.create(&config_map("deletes", "x"), false).await.unwrap();
    let x = made.reference();
    let wrong = Precondition {
        uid: Some("11111111-2222-3333-4444-555555555555".into()),
        resource_version: None,
    };
    assert!(matches!(
        cluster.delete(&x, &wrong, false).await,
        Err(PortError::Conflict(..))
    ));
    let stale = Precondition {
        uid: None,
        resource_version: Some("1".into()),
    };
    assert!(matches!(
        cluster.delete(&x, &stale, false).await,
        Err(PortError::Conflict(..))
    ));
    let right = Precondition {
        uid: Some(made.uid().to_owned()),
        resource_version: Some(made.resource_version().to_owned()),
    };
    cluster.delete(&x, &right, true).await.unwrap();
    assert!(cluster.get(&x).await.unwrap().is_some(), "a dry run deletes nothing");
    cluster.delete(&x, &right, false).await.unwrap();
    assert!(cluster.get(&x).await.unwrap().is_none());
    cluster.delete(&x, &right, false).await.unwrap();
}

/// More objects than a page holds.
async fn pages(cluster: &KubeCluster) {
    namespace(cluster, "pages").await;
    let maps: Vec<Object> = (0..520).map(|i| config_map("pages", &format!("m-{i:03}"))).collect();
    join_all(maps.iter().map(async |map| cluster.create(map, false).await.unwrap())).await;
    let select = Select {
        namespace: Some("pages".into()),
        labels: Some("team in (a,b)".into()),
        fields: None,
    };
    let listed = cluster.list("v1", "ConfigMap", &select).await.unwrap();
    assert_eq!(listed.len(), 520);
    assert_eq!(listed[519].reference(), config_map_ref("pages", "m-519"));
}

async fn waits(cluster: &KubeCluster) {
    namespace(cluster, "waits").await;
    let x = config_map_ref("waits", "x");
    let seen = AtomicUsize::new(0);
    let until = |map: Option<&Object>| {
        seen.fetch_add(1, Ordering::Relaxed);
        map.is_some_and(|m| m.str("/data/k") == Some("done"))
    };
    let (waited, ()) = tokio::join!(cluster.wait(&x, LONG, &until), async {
        // Others of the same kind must not wake the wait.
        for name in ["a", "b", "c"] {
            cluster.create(&config_map("waits", name), false).await.unwrap();
        }
        cluster.create(&config_map("waits", "x"), false).await.unwrap();
        let done = json!({"data": {"k": "done"}});
        cluster
            .patch(&x, PatchKind::Merge, &done, &Precondition::default(), false)
            .await
            .unwrap();
    });
    assert_eq!(waited.unwrap().unwrap().str("/data/k"), Some("done"));
    assert!(seen.load(Ordering::Relaxed) <= 3, "absent, created, changed");

    let (gone, ()) = tokio::join!(cluster.wait(&x, LONG, &|map| map.is_none()), async {
        cluster.delete(&x, &Precondition::default(), false).await.unwrap();
    });
    assert_eq!(gone.unwrap(), None);

    let started = Instant::now();
    let late = cluster
        .wait(&x, Duration::from_millis(300), &|map| map.is_some())
        .await
        .unwrap_err();
    assert!(
        matches!(&late, PortError::Timeout { what, .. } if what == "ConfigMap/waits/x"),
        "{late:?}"
    );
    assert!((Duration::from_millis(250)..Duration::from_secs(3)).contains(&started.elapsed()));
}

async fn list_waits(cluster: &KubeCluster) {
    namespace(cluster, "list-waits").await;
    let select = Select {
        namespace: Some("list-waits".into()),
        labels: Some("team=a".into()),
        fields: None,
    };
    let names = |maps: &[Object]| maps.iter().map(|m| m.name().to_owned()).collect::<Vec<_>>();
    let (three, ()) = tokio::join!(
        cluster.wait_list("v1", "ConfigMap", &select, LONG, &|maps| maps.len() == 3),
        async {
            for name in ["c", "a", "b"] {
                cluster.create(&config_map("list-waits", name), false).await.unwrap();
            }
        }
    );
    assert_eq!(names(&three.unwrap()), ["a", "b", "c"]);
    // An object that no longer matches the selector leaves the list.
    let b = config_map_ref("list-waits", "b");
    let (two, ()) = tokio::join!(
        cluster.wait_list("v1", "ConfigMap", &select, LONG, &|maps| maps.len() == 2),
        async {
            let other = json!({"metadata": {"labels": {"team": "z"}}});
            cluster
                .patch(&b, PatchKind::Merge, &other, &Precondition::default(), false)
                .await
                .unwrap();
        }
    );
    assert_eq!(names(&two.unwrap()), ["a", "c"]);
}

async fn rights(cluster: &KubeCluster, bed: &Bed) {
    let access = |verb: &str, resource: &str| Access {
        verb: verb.into(),
        group: "apps".into(),
        resource: resource.into(),
        namespace: Some("default".into()),
        name: None,
    };
    assert!(cluster.can_i(&access("patch", "deployments/scale")).await.unwrap());
    let eve = KubeAccess {
        impersonate: Some("eve".into()),
        impersonate_groups: vec!["system:authenticated".into()],
        ..bed.access()
    };
    let eve = KubeCluster::open(&eve).await.unwrap();
    assert_eq!(eve.context().user.as_deref(), Some("eve"));
    assert!(!eve.can_i(&access("patch", "deployments/scale")).await.unwrap());
    let refused = eve.get(&config_map_ref("default", "x")).await.unwrap_err();
    assert!(
        matches!(&refused, PortError::Forbidden(m) if m.contains("eve")),
        "{refused:?}"
    );
    let refused = eve
        .wait(&config_map_ref("default", "x"), LONG, &|_| false)
        .await
        .unwrap_err();
    assert!(matches!(refused, PortError::Forbidden(_)), "{refused:?}");
}

/// A kind that appears while the client runs, with a scale subresource.
async fn new_kinds(cluster: &KubeCluster) {
    assert!(
        cluster
            .kind("test.example/v1", "Gadget")
            .await
            .unwrap_err()
            .is_not_found()
    );
    let definition = object(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.test.example"},
        "spec": {
            "group": "test.example",
            "scope": "Namespaced",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
                "subresources": {"scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}},
            }],
        },
    }));
    cluster.create(&definition, false).await.unwrap();
    let established = |d: Option<&Object>| {
        let conditions = d.and_then(|d| d.get("/status/conditions")?.as_array());
        conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Established" && c["status"] == "True"))
    };
    cluster.wait(&definition.reference(), LONG, &established).await.unwrap();
    namespace(cluster, "kinds").await;
    let gadget = object(json!({
        "apiVersion": "test.example/v1", "kind": "Gadget",
        "metadata": {"name": "g", "namespace": "kinds"},
        "spec": {"replicas": 3},
    }));
    let made = loop {
        // Established comes a moment before the new URLs answer.
        match cluster.create(&gadget, false).await {
            Err(PortError::NotFound(_)) => tokio::task::yield_now().await,
            made => break made.unwrap(),
        }
    };
    cluster.scale(&made.reference(), 0).await.unwrap();
    let scaled = cluster.get(&made.reference()).await.unwrap().unwrap();
    assert_eq!(scaled.get("/spec/replicas"), Some(&json!(0)));
    let unscalable = config_map_ref("kinds", "kube-root-ca.crt");
    assert!(cluster.scale(&unscalable, 0).await.is_err());
}

/// Where nothing listens, a wait ends with its own time, not with the patience of the requests under it.
async fn nobody_there() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let file = dir.path().join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a}}}}], \
         clusters: [{{name: a, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]}}"
    );
    std::fs::write(&file, text).unwrap();
    let access = KubeAccess {
        kubeconfig: Some(file.try_into().unwrap()),
        ..KubeAccess::default()
    };
    let cluster = KubeCluster::open(&access).await.unwrap();
    let started = Instant::now();
    let waited = cluster
        .wait(&config_map_ref("a", "b"), Duration::from_secs(1), &|_| true)
        .await;
    assert!(matches!(waited, Err(PortError::Timeout { .. })), "{waited:?}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

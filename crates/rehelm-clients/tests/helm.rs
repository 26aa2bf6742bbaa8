//! The `Helm` port with a real Helm on a real API server.

mod common;

use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use common::{Bed, namespace, object};
use rehelm_clients::helm::HelmCli;
use rehelm_clients::kube::KubeCluster;
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{Cluster, Helm, PatchKind, PortError, Precondition, ReleaseSpec};
use rehelm_testbed::HelmMajor;
use serde_json::{Value, json};

fn spec(namespace: &str) -> ReleaseSpec {
    ReleaseSpec {
        release: "shop".into(),
        namespace: namespace.into(),
        chart: common::fixture("charts/shop").into(),
        version: None,
        values: Vec::new(),
        private_values: None,
        flags: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_3() {
    the_helm_port(HelmMajor::Helm3, "v3.").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_4() {
    the_helm_port(HelmMajor::Helm4, "v4.").await;
}

async fn the_helm_port(major: HelmMajor, version: &str) {
    let Some(bed) = common::bed(major).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let private = Utf8Path::from_path(folder.path()).unwrap();
    let cluster = Arc::new(bed.cluster().await);
    let helm = helm(&bed, &cluster, private);
    assert!(helm.version().await.unwrap().starts_with(version));
    namespace(&cluster, "render").await;
    renders(&helm, &cluster).await;
    refusals(&helm).await;
    namespace(&cluster, "install").await;
    installs(&helm, &cluster).await;
    namespace(&cluster, "registry").await;
    pulls(&helm, &bed, major).await;
    drop(helm);
    assert_eq!(
        std::fs::read_dir(private).unwrap().count(),
        0,
        "nothing private stays behind"
    );
}

fn helm(bed: &Bed, cluster: &Arc<KubeCluster>, private: &Utf8Path) -> HelmCli {
    HelmCli::with_program(
        bed.0.tools.helm.as_std_path(),
        Arc::clone(cluster),
        &bed.access(),
        private,
    )
    .unwrap()
}

fn find<'a>(objects: &'a [Object], kind: &str, name: &str) -> Option<&'a Object> {
    objects.iter().find(|o| o.kind() == kind && o.name() == name)
}

async fn renders(helm: &HelmCli, cluster: &KubeCluster) {
    let live = object(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "live", "namespace": "render"},
    }));
    cluster.create(&live, false).await.unwrap();
    let mut spec = spec("render");
    let alone = helm.render(&spec, &[]).await.unwrap();
    assert!(alone.notes.is_empty(), "{:?}", alone.notes);
    assert!(find(&alone.objects, "Secret", "shop-token").is_some());
    let settings = |objects: &[Object]| find(objects, "ConfigMap", "shop-settings").unwrap().0["data"].clone();
    let seen = settings(&alone.objects);
    assert_eq!(seen["kubernetes"], json!(cluster.facts().await.unwrap().version));
    assert_eq!(
        (&seen["ingressClasses"], &seen["namespacePhase"]),
        (&json!("true"), &json!("Active"))
    );
    assert_eq!((&seen["secrets"], &seen["token"]), (&json!("live"), &json!("")));

    // What is planned counts as being there: in a lookup by name and in a lookup of all.
    let planned = object(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "shop-token", "namespace": "render"},
        "stringData": {"token": "abc"},
    }));
    let elsewhere = object(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "other", "namespace": "default"},
    }));
    let unknown = object(json!({"apiVersion": "x.example/v1", "kind": "X", "metadata": {"name": "x"}}));
    spec.private_values = Some(json!({"password": "päss\u{2028}word"}));
    let rendered = helm.render(&spec, &[planned, elsewhere, unknown]).await.unwrap();
    assert!(find(&rendered.objects, "Secret", "shop-token").is_none());
    let seen = settings(&rendered.objects);
    assert_eq!(
        (&seen["secrets"], &seen["token"]),
        (&json!("live shop-token"), &json!("YWJj"))
    );
    let mail = find(&rendered.objects, "Secret", "shop-mail").unwrap();
    assert_eq!(mail.str("/stringData/password"), Some("päss\u{2028}word"));

    // Lists are flat, namespaces as the cluster would have them, hooks and CRDs known as such.
    let placed = |kind: &str, name: &str| {
        find(&rendered.objects, kind, name)
            .unwrap()
            .namespace()
            .map(str::to_owned)
    };
    assert_eq!(placed("Service", "shop").as_deref(), Some("render"));
    assert_eq!(placed("ClusterRole", "shop-reader"), None);
    assert_eq!(placed("Badge", "gold"), None);
    assert_eq!(placed("Ribbon", "red").as_deref(), Some("render"));
    let hook = find(&rendered.objects, "ConfigMap", "shop-before").unwrap();
    assert_eq!(hook.annotation("helm.sh/hook"), Some("pre-install,pre-upgrade"));
    let crds: Vec<&str> = rendered.crds.iter().map(Object::name).collect();
    assert_eq!(crds, ["badges.shop.example", "ribbons.shop.example"]);
    assert!(find(&rendered.objects, "CustomResourceDefinition", "badges.shop.example").is_none());
}

async fn refusals(helm: &HelmCli) {
    let folder = tempfile::tempdir().unwrap();
    let chart = folder.path().join("old");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: old\nversion: 0.1.0\nkubeVersion: '>=v1.19.0-0,<v1.24.0-0'\n",
    )
    .unwrap();
    let mut spec = spec("render");
    spec.chart = chart.to_str().unwrap().into();
    let facts = helm.chart(&spec).await.unwrap();
    assert_eq!(facts.kube_version.as_deref(), Some(">=v1.19.0-0,<v1.24.0-0"));
    assert!(facts.digest.starts_with("sha256:"));
    // A chart that refuses the cluster is rendered as for the nearest version that it takes, and this is said.
    std::fs::write(
        chart.join("templates/v.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v}\ndata: {v: '{{ .Capabilities.KubeVersion.Version }}'}\n",
    )
    .unwrap();
    let posed = helm.render(&spec, &[]).await.unwrap();
    assert_eq!(posed.objects[0].str("/data/v"), Some("v1.23.0"));
    assert!(
        posed.notes.iter().any(|note| note.code == "chart-rendered-for"),
        "{:?}",
        posed.notes
    );
    std::fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: old\nversion: 0.1.0\nkubeVersion: '>=7'\n",
    )
    .unwrap();
    let refused = helm.render(&spec, &[]).await.unwrap_err();
    assert!(
        matches!(&refused, PortError::Invalid(_, why) if why.starts_with("chart requires kubeVersion")),
        "{refused}"
    );

    // A template that fails, with a secret in its words.
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: old\nversion: 0.1.0\n").unwrap();
    std::fs::write(
        chart.join("templates/x.yaml"),
        "{{ fail (print \"no \" .Values.pass) }}",
    )
    .unwrap();
    spec.private_values = Some(json!({"pass": "hunter2hunter2"}));
    let refused = helm.render(&spec, &[]).await.unwrap_err();
    assert!(matches!(&refused, PortError::Invalid(..)), "{refused:?}");
    assert!(
        refused.to_string().contains("no ***") && !refused.to_string().contains("hunter2"),
        "{refused}"
    );

    spec.chart = "/none/such".into();
    assert!(helm.chart(&spec).await.unwrap_err().is_not_found());
}

async fn installs(helm: &HelmCli, cluster: &KubeCluster) {
    let mut spec = spec("install");
    assert!(helm.release("install", "shop").await.unwrap().is_none());
    // Helm checks custom resources only where their definitions are there.
    let early = helm.install(&spec, true).await.unwrap_err();
    assert!(
        matches!(&early, PortError::Invalid(_, why) if why.contains("ensure CRDs are installed")),
        "{early:?}"
    );
    for crd in helm.render(&spec, &[]).await.unwrap().crds {
        cluster.create(&crd, false).await.unwrap();
        let served =
            |d: Option<&Object>| d.is_some_and(|d| d.get("/status/conditions/1/status") == Some(&json!("True")));
        cluster
            .wait(&crd.reference(), Duration::from_secs(30), &served)
            .await
            .unwrap();
    }
    helm.install(&spec, true).await.unwrap();
    assert!(
        helm.release("install", "shop").await.unwrap().is_none(),
        "a dry run leaves nothing"
    );
    helm.install(&spec, false).await.unwrap();
    let state = helm.release("install", "shop").await.unwrap().unwrap();
    assert_eq!(
        (state.revision, state.status.as_str(), state.chart.as_str()),
        (1, "deployed", "shop-1.2.3")
    );
    let service = ObjRef::new("v1", "Service", Some("install"), "shop");
    assert!(state.manifest.iter().any(|o| o.reference() == service));
    assert!(
        find(&state.manifest, "ConfigMap", "shop-before").is_none(),
        "hooks are not part of the manifest"
    );

    spec.private_values = Some(json!({"password": "s"}));
    helm.install(&spec, false).await.unwrap();
    let state = helm.release("install", "shop").await.unwrap().unwrap();
    assert_eq!((state.revision, state.status.as_str()), (2, "deployed"));

    // An install that was killed leaves its revision pending: seen, and forgotten without loss of an object.
    let record = ObjRef::new("v1", "Secret", Some("install"), "sh.helm.release.v1.shop.v2");
    let pending = json!({"data": {"release": pending(cluster, &record).await}});
    cluster
        .patch(&record, PatchKind::Merge, &pending, &Precondition::default(), false)
        .await
        .unwrap();
    assert_eq!(
        helm.release("install", "shop").await.unwrap().unwrap().status,
        "pending-upgrade"
    );
    let refused = helm.install(&spec, false).await.unwrap_err();
    assert!(matches!(refused, PortError::Conflict(..)), "{refused:?}");
    helm.delete_release_record("install", "shop").await.unwrap();
    helm.delete_release_record("install", "shop").await.unwrap();
    assert!(helm.release("install", "shop").await.unwrap().is_none());
    assert!(cluster.get(&service).await.unwrap().is_some());
}

/// The record's release, unpacked and with another status.
async fn pending(cluster: &KubeCluster, record: &ObjRef) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let stored = cluster.get(record).await.unwrap().unwrap();
    let inner = STANDARD
        .decode(STANDARD.decode(stored.str("/data/release").unwrap()).unwrap())
        .unwrap();
    let mut release: Value = serde_json::from_reader(flate2::read::GzDecoder::new(inner.as_slice())).unwrap();
    release["info"]["status"] = json!("pending-upgrade");
    let status = json!({"metadata": {"labels": {"status": "pending-upgrade"}}});
    cluster
        .patch(record, PatchKind::Merge, &status, &Precondition::default(), false)
        .await
        .unwrap();
    json!(STANDARD.encode(STANDARD.encode(release.to_string())))
}

/// A chart in a registry that wants a login.
async fn pulls(helm: &HelmCli, bed: &Bed, major: HelmMajor) {
    let registry = &bed.0.registry;
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("registry.json");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(&bed.0.tools.helm);
        let ran = command
            .args(args)
            .arg("--registry-config")
            .arg(&config)
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    let oci = format!("oci://{}/helm", registry.host);
    run(&["package", common::fixture("charts/shop").as_str()]);
    let plain = if major == HelmMajor::Helm4 {
        "--plain-http"
    } else {
        "--insecure"
    };
    let password = format!("--password={}", registry.password);
    run(&[
        "registry",
        "login",
        &registry.host,
        plain,
        "-u",
        &registry.user,
        &password,
    ]);
    run(&["push", "shop-1.2.3.tgz", &oci, "--plain-http"]);

    let mut spec = spec("registry");
    spec.release = "pulled".into();
    spec.chart = format!("{oci}/shop");
    spec.version = Some("1.2.3".into());
    spec.flags = vec!["--plain-http".into()];
    let refused = helm.chart(&spec).await.unwrap_err();
    assert!(matches!(refused, PortError::Forbidden(_)), "{refused:?}");
    let wrong = helm
        .login(&oci, &registry.user, &"wrong-password".into(), &spec.flags)
        .await
        .unwrap_err();
    assert!(
        matches!(&wrong, PortError::Forbidden(why) if !why.contains("wrong-password")),
        "{wrong:?}"
    );

    helm.login(&oci, &registry.user, &registry.password.clone().into(), &spec.flags)
        .await
        .unwrap();
    let facts = helm.chart(&spec).await.unwrap();
    assert_eq!((facts.name.as_str(), facts.version.as_str()), ("shop", "1.2.3"));
    // What was pulled once is what is rendered and installed, wherever the tag may point by then.
    assert_eq!(helm.render(&spec, &[]).await.unwrap().crds.len(), 2);
    assert_eq!(helm.chart(&spec).await.unwrap().digest, facts.digest);
    spec.version = Some("9.9.9".into());
    assert!(helm.chart(&spec).await.unwrap_err().is_not_found());
}

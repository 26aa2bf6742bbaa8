//! A made-up product of any size, and what it costs to load its cluster and to plan its migration.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use camino::Utf8Path;
use rehelm::config::Settings;
use rehelm::profiles::ProfileFiles;
use rehelm::rehearsal::shut::Shut;
use rehelm::rehearsal::stage::{self, Props, Stage};
use rehelm::session::{Asked, Decisions, Session};
use rehelm_clients::snapshot_file::{self, Keys, Sealing};
use rehelm_core::object::Object;
use rehelm_core::ports::{ChartFacts, Helm, PortResult, ReleaseSpec, ReleaseState, Rendered};
use rehelm_core::profile::Profile;
use rehelm_core::snapshot::{Meta, Snapshot};
use rehelm_report::Words;
use rehelm_sim::{Options, Sim};
use serde_json::{Value, json};

/// A Helm that has rendered already: the real one's time is not ours.
struct Rendering(Vec<Object>);

#[async_trait]
impl Helm for Rendering {
    async fn version(&self) -> PortResult<String> {
        Ok("v3.17.2".to_owned())
    }
    async fn chart(&self, _: &ReleaseSpec) -> PortResult<ChartFacts> {
        Ok(ChartFacts {
            name: "notes".to_owned(),
            version: "2.3.0".to_owned(),
            kube_version: None,
            digest: "sha256:0".to_owned(),
        })
    }
    async fn render(&self, _: &ReleaseSpec, _: &[Object]) -> PortResult<Rendered> {
        Ok(Rendered {
            objects: self.0.clone(),
            crds: Vec::new(),
            notes: Vec::new(),
        })
    }
    async fn install(&self, _: &ReleaseSpec, _: bool) -> PortResult<()> {
        Ok(())
    }
    async fn end_leftover(&self) -> PortResult<()> {
        Ok(())
    }
    async fn release(&self, _: &str, _: &str) -> PortResult<Option<ReleaseState>> {
        Ok(None)
    }
    async fn delete_release_record(&self, _: &str, _: &str) -> PortResult<()> {
        Ok(())
    }
}

/// One unit of the product: what a person declares of it.
fn unit(namespace: &str, n: usize) -> Vec<Value> {
    let name = format!("unit-{n:05}");
    let meta = json!({"name": name, "namespace": namespace, "labels": {"app": name}});
    let env: Vec<Value> = (0..10)
        .map(|i| json!({"name": format!("V{i}"), "value": format!("value {i} of {n}")}))
        .collect();
    vec![
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{
                "name": "c", "image": format!("registry.example/unit:{}", n % 7), "env": env,
                "ports": [{"name": "http", "containerPort": 8080}],
                "envFrom": [{"configMapRef": {"name": name}}]}]}}}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta,
               "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1", "b": "2"}}),
    ]
}

/// With its replica set, pod, endpoints, slice and account a unit comes to about ten objects; half of them are the product's.
fn units(size: usize) -> usize {
    (size / 20).max(1)
}

/// Writes the snapshot of a cluster at rest with about so many objects. In a process of its own: what this takes is not
/// what is measured.
pub fn make(size: usize, file: &Utf8Path) {
    let sim = Sim::new(Options::default());
    let mut objects: Vec<Value> = ["notes-old", "others"]
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": name}}))
        .into();
    for namespace in ["notes-old", "others"] {
        objects.extend((0..units(size)).flat_map(|n| unit(namespace, n)));
    }
    for (n, object) in objects.iter_mut().enumerate() {
        object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{n:012}").into();
        object["metadata"]["resourceVersion"] = (n + 1_000).to_string().into();
    }
    sim.load(objects).expect("objects");
    sim.quiesce(Duration::from_secs(120));
    let mut by_resource = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for object in sim.objects() {
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        by_resource.entry(kind).or_default().push(object);
    }
    let meta: Meta = serde_json::from_value(json!({"format": 1, "taken": "2026-01-01T00:00:00Z", "by": "me",
        "context": "made-up", "version": "v1.35.0", "clusterUid": "u", "apiVersions": [], "secrets": {"as": "redacted"},
        "resources": [], "unread": []}))
    .expect("a meta");
    let snapshot = Snapshot {
        meta,
        objects: by_resource,
        databases: None,
    };
    snapshot_file::write(file, &snapshot, &Sealing::Redacted).expect("written");
}

/// Objects, seconds to load, seconds to read a first list, seconds to plan, peak of memory in MiB.
pub fn measure(size: usize, file: &Utf8Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(run(size, file))
}

async fn run(size: usize, file: &Utf8Path) -> String {
    let objects = |namespace| (0..units(size)).flat_map(move |n| unit(namespace, n)).map(Object);
    let folder = tempfile::tempdir().expect("a folder");
    let place = Utf8Path::from_path(folder.path()).expect("UTF-8");
    let began = Instant::now();
    let snapshot = snapshot_file::read(file, &Keys::default()).expect("readable");
    let count = snapshot.count();
    let (sim, _) = stage::cluster(&snapshot.meta, snapshot.objects).expect("loaded");
    let load = began.elapsed();
    trace("loaded");
    let began = Instant::now();
    let session = session(sim, objects("notes").collect(), place).await;
    let all = session
        .cluster
        .list("v1", "Pod", &rehelm_core::ports::Select::default())
        .await;
    assert!(!all.expect("listed").is_empty());
    let read = began.elapsed();
    trace("read");
    let began = Instant::now();
    let mut asked: Asked = session.request(&Decisions::default()).await.expect("asked");
    asked.request.declared = objects("notes-old").collect();
    let (plan, _) = session.plan(&asked).await.expect("a plan");
    assert!(plan.objects.len() >= 3 * units(size), "{}", plan.objects.len());
    let planned = began.elapsed();
    trace("planned");
    let seconds = |time: Duration| time.as_secs_f64();
    format!(
        "{count} {} {} {} {}",
        seconds(load),
        seconds(read),
        seconds(planned),
        status("VmHWM:") / 1024.0
    )
}

/// Where memory stands, for whoever looks for what takes it.
fn trace(what: &str) {
    if std::env::var_os("REHELM_BENCH_TRACE").is_some() {
        let (now, peak) = (status("VmRSS:") / 1024.0, status("VmHWM:") / 1024.0);
        let _ = writeln!(std::io::stderr(), "{what}: {now:.0} MiB, at most {peak:.0}");
    }
}

async fn session(sim: Sim, rendered: Vec<Object>, place: &Utf8Path) -> Session {
    let example = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/notes");
    let files = ProfileFiles::from_folder(&example.join("profile")).expect("a profile");
    let profile = Profile::from_files(&files.files).expect("a profile");
    let settings = Settings {
        folder: place.to_owned(),
        profile: files,
        scenario: Default::default(),
        context: None,
        source_namespace: "notes-old".to_owned(),
        kustomize: Vec::new(),
        namespace: "notes".to_owned(),
        release: "notes".to_owned(),
        chart: "./chart".to_owned(),
        version: None,
        values: Vec::new(),
        helm_flags: Vec::new(),
        registry: None,
        mongodb: None,
        port_forward: Default::default(),
        recipients: Vec::new(),
        soak: Duration::ZERO,
    };
    let props = Props {
        settings,
        profile,
        words: Arc::new(Words::new("en")),
        context: "made-up".to_owned(),
        shapes: None,
        shut: Shut::default(),
    };
    let stage = Stage::set(sim, props, place).await.expect("set");
    let settings = stage.settings.clone();
    let session = stage
        .session_on(settings, Arc::new(Rendering(rendered)), Arc::new(stage.client()))
        .expect("a session");
    // The stage listens as long as it lives, and this process ends soon.
    std::mem::forget(stage);
    session
}

fn status(name: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

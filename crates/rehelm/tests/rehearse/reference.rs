//! A product of somebody else, installed into a simulated cluster from its own files where they are at hand, as a snapshot.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rehelm::rehearsal::clock::SimClock;
use rehelm_clients::kube::{ContextFacts, KubeCluster};
use rehelm_clients::snapshot_file::{self, Sealing};
use rehelm_core::snapshot::{self, About, Snapshot, redact};
use rehelm_sim::{Identity, NodeOptions, Options, ServeOptions, Sim};
use rehelm_testbed::{Scenario, cache};

use crate::hall::Hall;

/// Installs a scenario on Kubernetes 1.23 and leaves `snapshot.tar.zst` and `rehelm.yaml`; None, with a line that says why,
/// where its files are not at hand. Gives the number of objects.
pub fn installed(hall: &Hall, name: &str) -> Option<usize> {
    let scenario = Scenario::load(name).expect("a scenario");
    let root = match scenario.root() {
        Ok(root) => root,
        Err(why) => {
            eprintln!("SKIPPED ({name}): {why}");
            return None;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let snapshot = runtime.expect("a runtime").block_on(install(hall, &scenario, &root));
    let count = snapshot.count();
    snapshot_file::write(&hall.path("snapshot.tar.zst"), &snapshot, &Sealing::Redacted).expect("written");
    let profile = match &scenario.product {
        Some(_) => root.join("profile").to_string(),
        None => "cognigy-ai".to_owned(),
    };
    let chart = scenario.chart_dir().expect("found before").to_string();
    let folders: Vec<String> = scenario
        .kustomize
        .iter()
        .map(|folder| root.join(folder).to_string())
        .collect();
    let values = scenario.values_files().expect("found before");
    let mut words = vec!["init", "--force", "--profile", &profile, "--chart", &chart];
    words.extend(["--source-namespace", &scenario.namespace]);
    words.extend(folders.iter().flat_map(|folder| ["--kustomize", folder.as_str()]));
    words.extend(values.iter().flat_map(|file| ["--values", file.as_str()]));
    // The values name a file system for each provisioner; the simulated cloud has one.
    std::fs::write(
        hall.path("values-simulated.yaml"),
        "efs: {functions: {id: fs-000000000001a}}\n",
    )
    .expect("written");
    if scenario.product.is_none() {
        words.extend(["--values", "values-simulated.yaml"]);
    }
    hall.rehelm(&words).code(0);
    Some(count)
}

async fn install(hall: &Hall, scenario: &Scenario, root: &camino::Utf8Path) -> Snapshot {
    let nodes = scenario.nodes.iter().map(|node| NodeOptions {
        name: node.name.clone(),
        labels: node.labels.clone(),
        ..NodeOptions::default()
    });
    let sim = Sim::new(Options {
        minor: 23,
        git_version: Some("v1.23.17".to_owned()),
        nodes: nodes.collect(),
        ..Options::default()
    });
    let served = sim.serve(ServeOptions::default()).await.expect("a port");
    let kubeconfig = hall.path("install.kubeconfig");
    served
        .write_kubeconfig(kubeconfig.as_std_path(), &Identity::admin())
        .expect("written");
    let kubectl = async |words: Vec<String>, input: String, must: bool| {
        let mut command = Command::new(&hall.tools().kubectl);
        command
            .args(&words)
            .args(["-n", &scenario.namespace])
            .env("KUBECONFIG", &kubeconfig);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // The API is served by this very thread.
        let ended = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("kubectl starts");
            child
                .stdin
                .take()
                .expect("piped")
                .write_all(input.as_bytes())
                .expect("written");
            child.wait_with_output().expect("ended")
        });
        let ended = ended.await.expect("joined");
        assert!(
            ended.status.success() || !must,
            "kubectl {words:?}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
        sim.advance(Duration::from_secs(5));
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    if scenario.namespace != "default" {
        kubectl(
            words(&["create", "namespace", &scenario.namespace]),
            String::new(),
            true,
        )
        .await;
    }
    let own = |files: &[camino::Utf8PathBuf]| files.iter().map(|f| cache::data_dir().join(f)).collect::<Vec<_>>();
    for file in own(&scenario.before) {
        kubectl(words(&["apply", "-f", file.as_str()]), String::new(), true).await;
    }
    for folder in &scenario.secrets {
        kubectl(
            words(&["create", "-f", root.join(folder).as_str()]),
            String::new(),
            true,
        )
        .await;
    }
    for name in &scenario.pull_secrets {
        let login = r#"{"auths":{"registry.example":{"username":"x","password":"made-up","auth":"eDptYWRlLXVw"}}}"#;
        let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name}, "stringData": {".dockerconfigjson": login}});
        kubectl(words(&["create", "-f", "-"]), secret.to_string(), true).await;
    }
    // A folder that brings its own kinds is applied twice, as the product's documentation has it.
    for must in [false, true] {
        for folder in &scenario.kustomize {
            kubectl(words(&["apply", "-k", root.join(folder).as_str()]), String::new(), must).await;
        }
    }
    for file in own(&scenario.after) {
        kubectl(words(&["apply", "-f", file.as_str()]), String::new(), true).await;
    }
    sim.quiesce(Duration::from_secs(600));
    let facts = ContextFacts {
        context: Some("reference".to_owned()),
        user: None,
        namespace: scenario.namespace.clone(),
        url: served.url(),
        ca: None,
        files: Vec::new(),
    };
    let client = kube::Client::new(sim.service(), "default");
    let clock = Arc::new(SimClock(sim.clone()));
    let cluster = KubeCluster::with_client(client, facts, Duration::from_secs(60)).with_clock(clock);
    let about = About {
        now: jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_767_225_600),
        by: "a test".to_owned(),
        context: "reference".to_owned(),
        events: false,
    };
    let (mut snapshot, unread) = snapshot::take(&cluster, None, &about, &|_, _, _| {})
        .await
        .expect("taken");
    assert!(unread.is_empty(), "{unread:?}");
    redact::redact(&mut snapshot, [7; 32]);
    snapshot
}

#[test]
fn the_reference_goes_there_and_back_and_there_again() {
    let Some(hall) = Hall::open() else { return };
    let Some(count) = installed(&hall, "aws") else { return };
    assert!(count > 300, "{count}");
    let said = hall.rehearse(&[
        "--snapshot",
        "snapshot.tar.zst",
        "--fill-values",
        "--confirm",
        "snapshots",
        "-o",
        "json",
    ]);
    let said = said
        .code(0)
        .says(&["Everything is as before", "The rehearsal went through"]);
    eprintln!("{}", said.out);
}

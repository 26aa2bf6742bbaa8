//! The listener, with real kubectl. Set KUBECTL_BIN when kubectl is not on PATH.
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod common;

use std::path::PathBuf;

use rehelm_sim::{Identity, Options, Pace, ServeOptions, Served, Sim};

/// kubectl, or None with a word about it.
fn kubectl() -> Option<PathBuf> {
    let named = std::env::var_os("KUBECTL_BIN").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&path).map(|folder| folder.join("kubectl"));
    let found = named.or_else(|| on_path.find(|file| file.is_file()));
    if found.is_none() {
        eprintln!("skipped: no kubectl on PATH nor in KUBECTL_BIN");
    }
    found
}

struct Cluster {
    served: Served,
    folder: PathBuf,
    kubectl: PathBuf,
}

impl Cluster {
    /// A served cluster, and a kubectl for it.
    async fn new(name: &str) -> Option<Self> {
        let kubectl = kubectl()?;
        let options = ServeOptions {
            pace: Pace::Leap,
            ..ServeOptions::default()
        };
        let served = Sim::new(Options::default())
            .serve(options)
            .await
            .expect("a port is free");
        let folder = std::env::temp_dir().join(format!("serve-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Some(Self {
            served,
            folder,
            kubectl,
        })
    }

    /// Runs kubectl as somebody: exit code, stdout, stderr.
    async fn run_as(&self, identity: &Identity, arguments: &[&str]) -> (i32, String, String) {
        let config = self
            .folder
            .join(format!("{}.kubeconfig", identity.name.replace(':', "-")));
        self.served.write_kubeconfig(&config, identity).expect("can be written");
        let mut command = tokio::process::Command::new(&self.kubectl);
        command
            .args(arguments)
            .env("KUBECONFIG", config)
            .env("HOME", &self.folder)
            .kill_on_drop(true);
        let output = command.output().await.expect("kubectl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.run_as(&Identity::admin(), arguments).await;
        assert_eq!(code, 0, "kubectl {arguments:?}: {stderr}");
        stdout
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What is left in the temporary folder does no harm.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn kubectl_reads_the_cluster() {
    let Some(cluster) = Cluster::new("reads").await else {
        return;
    };
    assert_eq!(cluster.run(&["get", "--raw", "/readyz"]).await, "ok");
    assert!(cluster.run(&["get", "--raw", "/version"]).await.contains("v1.35"));
    let names = cluster.run(&["get", "namespaces", "-o", "name"]).await;
    assert!(names.contains("namespace/kube-system"), "{names}");
    let config = cluster.folder.join("kubernetes-admin.kubeconfig");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(config).expect("was written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test]
async fn kubectl_makes_things_and_waits_for_them() {
    let Some(cluster) = Cluster::new("waits").await else {
        return;
    };
    let real = std::time::Instant::now();
    // What kubectl makes itself, it sends as protobuf.
    let web = ["create", "deployment", "web", "--image=web:1", "--replicas=3"];
    cluster.run(&web).await;
    let wait = ["wait", "deployment/web", "--for=condition=Available", "--timeout=60s"];
    cluster.run(&wait).await;
    let table = cluster.run(&["get", "deployment", "web", "-o", "wide"]).await;
    let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let shown = [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
        "CONTAINERS",
        "IMAGES",
        "SELECTOR",
    ];
    assert_eq!(words[0], shown);
    assert_eq!(words[1][..4], ["web", "3/3", "3", "3"], "{table}");
    assert_eq!(words[1][5..], ["web", "web:1", "app=web"], "{table}");
    let joe = Identity::user("joe", &[]);
    let (code, _, stderr) = cluster.run_as(&joe, &["get", "pods"]).await;
    assert_eq!(code, 1);
    assert!(
        stderr.contains("User \"joe\" cannot list resource \"pods\""),
        "{stderr}"
    );
    assert!(real.elapsed().as_secs() < 30, "time leaps while kubectl waits");
}

#[tokio::test]
async fn a_token_that_nobody_gave_out_is_refused() {
    let Some(cluster) = Cluster::new("token").await else {
        return;
    };
    let config = cluster.served.kubeconfig();
    let token = cluster.served.token_for(&Identity::admin());
    let file = cluster.folder.join("forged.kubeconfig");
    std::fs::write(&file, config.replace(&token, "forged")).expect("can be written");
    let output = tokio::process::Command::new(&cluster.kubectl)
        .args(["get", "--raw", "/api/v1/namespaces"])
        .env("KUBECONFIG", file)
        .output()
        .await
        .expect("kubectl runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("logged in to the server"), "{said}");
}

#[tokio::test]
async fn the_listener_stops() {
    let sim = Sim::new(Options::default());
    let served = sim.serve(ServeOptions::default()).await.expect("a port is free");
    let address = served.url().replace("https://", "");
    assert!(tokio::net::TcpStream::connect(&address).await.is_ok());
    served.stop().await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

//! etcd and the Kubernetes control plane.
//!
//! Admission stays as the server has it by default (claim protection, quotas, default class), except `ServiceAccount`,
//! which would mount a token into every pod and wait for a controller first. Without `nodelifecycle` no node is ever
//! called unreachable, as the stand-in kubelet renews no lease.

use super::Ports;
use crate::process::Process;
use crate::{Error, Result};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use std::process::Command;
use std::time::{Duration, Instant};

pub(crate) fn etcd(bin: &Utf8Path, dir: &Utf8Path, ports: &Ports) -> Result<Process> {
    let (client, peer) = (
        format!("http://127.0.0.1:{}", ports.etcd),
        format!("http://127.0.0.1:{}", ports.etcd_peer),
    );
    let mut etcd = Command::new(bin.join("etcd"));
    etcd.args([
        "--unsafe-no-fsync",
        "--log-level=warn",
        &format!("--data-dir={dir}/etcd"),
    ]);
    etcd.args([
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
    ]);
    etcd.args([
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
    ]);
    etcd.arg(format!("--initial-cluster=default={peer}"));
    Process::spawn("etcd", &mut etcd, dir)
}

/// Starts the API server; it makes its certificate in `DIR/certs` and signs service account tokens with the same key.
pub(crate) fn api_server(bin: &Utf8Path, dir: &Utf8Path, ports: &Ports, token: &str) -> Result<Process> {
    private(
        &dir.join("tokens.csv"),
        &format!("{token},admin,admin,system:masters\n"),
    )?;
    let mut api = Command::new(bin.join("kube-apiserver"));
    api.args([
        "--bind-address=127.0.0.1",
        "--authorization-mode=RBAC",
        "--allow-privileged",
    ]);
    api.args([
        "--service-cluster-ip-range=10.96.0.0/16",
        "--disable-admission-plugins=ServiceAccount",
    ]);
    api.args([
        "--service-account-issuer=https://kubernetes.default.svc",
        "--profiling=false",
    ]);
    api.args([
        format!("--secure-port={}", ports.api),
        format!("--etcd-servers=http://127.0.0.1:{}", ports.etcd),
    ]);
    api.args([
        format!("--cert-dir={dir}/certs"),
        format!("--token-auth-file={dir}/tokens.csv"),
    ]);
    for flag in ["--service-account-key-file", "--service-account-signing-key-file"] {
        api.arg(format!("{flag}={dir}/certs/apiserver.key"));
    }
    // The machines' streaming endpoint knows the API server by that certificate; without one their addresses lead nowhere.
    api.args([
        format!("--kubelet-client-certificate={dir}/certs/apiserver.crt"),
        format!("--kubelet-client-key={dir}/certs/apiserver.key"),
    ]);
    api.arg("--kubelet-preferred-address-types=InternalIP,Hostname");
    Process::spawn("kube-apiserver", &mut api, dir)
}

pub(crate) fn controllers(bin: &Utf8Path, dir: &Utf8Path) -> Result<Process> {
    let mut manager = Command::new(bin.join("kube-controller-manager"));
    manager.args([
        "--controllers=*,-nodelifecycle,-nodeipam",
        "--leader-elect=false",
        "--secure-port=0",
    ]);
    manager.args([
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        &format!("--kubeconfig={dir}/kubeconfig"),
    ]);
    Process::spawn("kube-controller-manager", &mut manager, dir)
}

pub(crate) fn scheduler(bin: &Utf8Path, dir: &Utf8Path) -> Result<Process> {
    private(
        &dir.join("scheduler.json"),
        &serde_json::json!({
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": false},
            "clientConnection": {"kubeconfig": format!("{dir}/kubeconfig"), "qps": 1000, "burst": 2000},
            "podInitialBackoffSeconds": 1,
            "podMaxBackoffSeconds": 1,
        })
        .to_string(),
    )?;
    let mut scheduler = Command::new(bin.join("kube-scheduler"));
    scheduler.args(["--secure-port=0", &format!("--config={dir}/scheduler.json")]);
    Process::spawn("kube-scheduler", &mut scheduler, dir)
}

/// Writes the administrator's kubeconfig.
pub(crate) fn kubeconfig(dir: &Utf8Path, name: &str, ports: &Ports, token: &str) -> Result<Utf8PathBuf> {
    let path = dir.join("kubeconfig");
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": format!("https://127.0.0.1:{}", ports.api),
            "certificate-authority": format!("{dir}/certs/apiserver.crt"),
        }}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
        "current-context": name,
    });
    private(&path, &format!("{config:#}\n"))?;
    Ok(path)
}

/// Waits until the API server says that it is ready and gives a client for it.
pub(crate) async fn ready(kubeconfig: &Utf8Path, api: &Process, limit: Duration) -> Result<kube::Client> {
    let start = Instant::now();
    loop {
        let last = match try_ready(kubeconfig).await {
            Ok(client) => return Ok(client),
            Err(e) => e.to_string(),
        };
        if !api.alive() || start.elapsed() > limit {
            return Err(Error::Timeout {
                what: "API server".into(),
                seconds: start.elapsed().as_secs(),
                last,
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn try_ready(kubeconfig: &Utf8Path) -> Result<kube::Client> {
    let client = crate::client(kubeconfig).await?;
    let request = http::Request::get("/readyz")
        .body(Vec::new())
        .map_err(|e| Error::Data(e.to_string()))?;
    client.request_text(request).await?;
    Ok(client)
}

/// Writes a file that only its owner may read.
pub(crate) fn private(path: &Utf8Path, text: &str) -> Result<()> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    use std::io::Write;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

//! The two servers behind one trait.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use rehelm_sim::{Identity, NodeOptions, Options, Pace, ServeOptions, Served, Sim, SimService};
use serde_json::{Value, json};
use tower::ServiceExt;

/// An answer: its status and body (parsed where it is JSON).
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
    /// `Warning` headers.
    pub warnings: Vec<String>,
}

impl Answer {
    /// The head of an answer, its body still missing.
    pub fn head<B>(response: &http::Response<B>) -> (u16, Vec<String>) {
        let warnings = response.headers().get_all("Warning").into_iter();
        let warnings = warnings
            .filter_map(|text| text.to_str().ok().map(str::to_owned))
            .collect();
        (response.status().as_u16(), warnings)
    }

    pub fn of(code: u16, bytes: &[u8]) -> Self {
        let body = serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()));
        Self {
            code,
            body,
            warnings: Vec::new(),
        }
    }
}

/// A Kubernetes API.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// One request and its whole answer.
    async fn ask(&self, request: Request<Full<Bytes>>) -> Answer;

    /// A watch: its first `count` lines, fewer when no more come.
    async fn watch(&self, request: Request<Full<Bytes>>, count: usize) -> Answer;

    /// Lets a moment pass: a little real time, or a little virtual time.
    async fn moment(&self);

    /// A kubeconfig for programs.
    async fn kubeconfig(&self) -> PathBuf;

    /// Moments that a condition is waited for.
    fn patience(&self) -> usize;
}

/// The simulator, in process.
pub struct Simulated {
    sim: Sim,
    folder: tempfile::TempDir,
    served: tokio::sync::Mutex<Option<Served>>,
}

impl Simulated {
    /// A cluster as the testbed has it: two machines, the drivers of its clouds.
    pub async fn new() -> Self {
        let simulated = Self {
            sim: Sim::new(Options {
                nodes: machines(),
                git_version: Some("v1.35.4".to_owned()),
                ..Options::default()
            }),
            folder: tempfile::tempdir().expect("a folder"),
            served: tokio::sync::Mutex::default(),
        };
        for (path, object) in drivers() {
            let answer = simulated.ask(post(path, &object)).await;
            assert!(matches!(answer.code, 201 | 409), "{path}: {answer:?}");
        }
        simulated.sim.advance(Duration::from_secs(20));
        simulated
    }

    fn service(&self) -> SimService {
        self.sim.service()
    }
}

fn post(path: &str, object: &Value) -> Request<Full<Bytes>> {
    Request::post(path)
        .header("Content-Type", "application/json")
        .body(Full::new(object.to_string().into()))
        .expect("a request")
}

/// The testbed's two machines.
fn machines() -> Vec<NodeOptions> {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let machine = |(name, zone): (&str, &str)| NodeOptions {
        name: name.to_owned(),
        labels: BTreeMap::from([
            label("topology.kubernetes.io/region", "eu-central-1"),
            label("topology.kubernetes.io/zone", zone),
            label("topology.ebs.csi.aws.com/zone", zone),
            label("topology.disk.csi.azure.com/zone", zone),
        ]),
        ..NodeOptions::default()
    };
    [("node-a", "eu-central-1a"), ("node-b", "eu-central-1b")]
        .map(machine)
        .into()
}

/// The drivers that the testbed knows.
fn drivers() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    for (name, attach) in [
        ("efs.csi.aws.com", false),
        ("ebs.csi.aws.com", true),
        ("disk.csi.azure.com", true),
        ("file.csi.azure.com", false),
    ] {
        let driver = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": name}, "spec": {"attachRequired": attach},
        });
        all.push(("/apis/storage.k8s.io/v1/csidrivers", driver));
    }
    all
}

#[async_trait]
impl Endpoint for Simulated {
    async fn ask(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = match self.service().oneshot(request).await {
            Ok(response) => response,
            Err(lost) => return Answer::of(0, lost.to_string().as_bytes()),
        };
        let (code, warnings) = Answer::head(&response);
        let body = response.into_body().collect();
        let answer = match tokio::time::timeout(Duration::from_secs(5), body).await {
            Ok(body) => Answer::of(code, &body.map(http_body_util::Collected::to_bytes).unwrap_or_default()),
            Err(_) => Answer::of(0, b"the answer does not end"),
        };
        Answer { warnings, ..answer }
    }

    async fn watch(&self, request: Request<Full<Bytes>>, count: usize) -> Answer {
        let response = match self.service().oneshot(request).await {
            Ok(response) => response,
            Err(lost) => return Answer::of(0, lost.to_string().as_bytes()),
        };
        let code = response.status().as_u16();
        lines(code, response.into_body(), count, Duration::from_secs(1)).await
    }

    async fn moment(&self) {
        self.sim.advance(Duration::from_millis(250));
    }

    async fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.path().join("kubeconfig");
        let mut served = self.served.lock().await;
        if served.is_none() {
            let listening = self
                .sim
                .serve(ServeOptions {
                    pace: Pace::Leap,
                    ..ServeOptions::default()
                })
                .await
                .expect("a port");
            listening
                .write_kubeconfig(&path, &Identity::admin())
                .expect("a kubeconfig");
            *served = Some(listening);
        }
        path
    }

    fn patience(&self) -> usize {
        480
    }
}

/// Reads lines of JSON from a body until there are enough or none came for a while.
pub async fn lines<B>(code: u16, mut body: B, count: usize, patience: Duration) -> Answer
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let (mut read, mut events) = (Vec::new(), Vec::new());
    while events.len() < count {
        let Ok(Some(Ok(frame))) = tokio::time::timeout(patience, body.frame()).await else {
            break;
        };
        read.extend_from_slice(frame.data_ref().map(|data| &data[..]).unwrap_or_default());
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            events.push(Answer::of(code, &line).body);
        }
    }
    if !read.is_empty() {
        events.push(Answer::of(code, &read).body);
    }
    events.truncate(count.max(1));
    Answer {
        code,
        body: Value::Array(events),
        warnings: Vec::new(),
    }
}

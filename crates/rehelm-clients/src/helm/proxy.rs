//! What Helm sees of the cluster while it renders: the live objects and the planned ones, read only.
//!
//! A listener on loopback answers GETs of planned objects from memory, counts the chart's own kinds as served, and
//! passes other GETs on. Only who knows its
//! random path gets an answer, as any process of the machine can connect. (A bearer token would be the usual way, but
//! Kubernetes clients send none over plain HTTP.) Nothing that could change the cluster is passed on.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rehelm_core::ports::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::definitions::{self, Definition};
use super::planned::{self, Planned};
use crate::kube::Reader;

/// A running proxy; it ends when this is dropped.
pub(crate) struct ReadProxy {
    address: std::net::SocketAddr,
    token: SecretString,
    posed: Arc<OnceLock<String>>,
    task: JoinHandle<()>,
}

struct Shared {
    reader: Reader,
    planned: Planned,
    definitions: Vec<Definition>,
    prefix: SecretString,
    posed: Arc<OnceLock<String>>,
}

impl ReadProxy {
    /// Listens on a free loopback port.
    pub async fn start(reader: Reader, planned: Planned, definitions: Vec<Definition>) -> PortResult<Self> {
        let failed = |e: std::io::Error| PortError::Other(format!("no loopback port: {e}"));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let random: [u8; 24] = rand::random();
        let token = random.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let posed = Arc::<OnceLock<String>>::default();
        let shared = Arc::new(Shared {
            posed: posed.clone(),
            reader,
            planned,
            definitions,
            prefix: format!("/{token}/").into(),
        });
        let task = tokio::spawn(accept(listener, shared));
        Ok(Self {
            address,
            token: token.into(),
            posed,
            task,
        })
    }

    /// What a kubeconfig calls `server`; it is a secret.
    pub fn url(&self) -> SecretString {
        format!("http://{}/{}", self.address, self.token.expose_secret()).into()
    }

    /// The part of the URL that must not be shown.
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    /// From now on `/version` says this (`v1.N.P`): Helm 4 asks there, whatever its flags say.
    pub fn pose(&self, version: &str) {
        // It is said once: a chart that refuses the second version, too, is refused.
        let _ = self.posed.set(version.to_owned());
    }

    /// A kubeconfig with nothing but this server.
    pub fn kubeconfig(&self, namespace: &str) -> Vec<u8> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "rehelm",
            "clusters": [{"name": "rehelm", "cluster": {"server": self.url().expose_secret()}}],
            "users": [],
            "contexts": [{"name": "rehelm", "context": {"cluster": "rehelm", "namespace": namespace}}],
        });
        config.to_string().into_bytes()
    }
}

impl Drop for ReadProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with the task, which ends the connections too.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(serve(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&request, &shared).await) }
    });
    if let Err(e) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!("connection of Helm: {e}");
    }
}

async fn answer(request: &Request<Incoming>, shared: &Shared) -> Response<Full<Bytes>> {
    let uri = request.uri().path_and_query().map_or("/", |p| p.as_str());
    let Some(inner) = uri.strip_prefix(shared.prefix.expose_secret()) else {
        return refusal(StatusCode::UNAUTHORIZED, "Unauthorized", "this is not open to others");
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "rendering changes nothing",
        );
    }
    let inner = format!("/{inner}");
    let (path, query) = inner.split_once('?').unwrap_or((&inner, ""));
    if let Some(version) = shared.posed.get().filter(|_| path == "/version") {
        return reply(StatusCode::OK, "application/json", version_answer(version).into_bytes());
    }
    if let Some(object) = shared.planned.object(path) {
        return reply(StatusCode::OK, "application/json", object.to_string().into_bytes());
    }
    // A list by labels or fields shows what is live: planned objects are not matched against selectors here.
    let planned = if query.contains("Selector=") {
        Vec::new()
    } else {
        shared.planned.collection(path)
    };
    let accept = match request.headers().get(header::ACCEPT) {
        Some(accept) if planned.is_empty() => accept.clone(),
        _ => header::HeaderValue::from_static("application/json"),
    };
    let (status, kind, body) = match shared.reader.read(&inner, accept).await {
        Ok(answer) => answer,
        Err(e) => return refusal(StatusCode::BAD_GATEWAY, "ServiceUnavailable", &e.to_string()),
    };
    let json = || serde_json::from_slice::<Value>(&body).ok();
    if status.is_success() && !planned.is_empty() {
        let mut list = json().unwrap_or_default();
        planned::merge(&mut list, &planned);
        return reply(status, &kind, list.to_string().into_bytes());
    }
    if (status.is_success() || status == StatusCode::NOT_FOUND) && !shared.definitions.is_empty() {
        let live = status.is_success().then(json).flatten();
        if let Some(answer) = definitions::discovered(&shared.definitions, path, live) {
            // What the server does not have is not there in its special form either.
            let kind = if status.is_success() { &kind } else { "application/json" };
            return reply(StatusCode::OK, kind, answer.to_string().into_bytes());
        }
    }
    reply(status, &kind, body)
}

/// What `/version` says, as far as clients read it.
fn version_answer(version: &str) -> String {
    let mut parts = version.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    json!({"major": major, "minor": minor, "gitVersion": version}).to_string()
}

fn refusal(code: StatusCode, reason: &str, message: &str) -> Response<Full<Bytes>> {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "reason": reason, "message": message, "code": code.as_u16(),
    });
    reply(code, "application/json", status.to_string().into_bytes())
}

fn reply(code: StatusCode, kind: &str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = code;
    if let Ok(kind) = header::HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;

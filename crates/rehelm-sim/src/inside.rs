//! What would be inside of containers, if they ran: ports that lead to programs of this machine, commands that are answered.
//!
//! Nothing is there until it is told; then a client that comes through the listener reaches it as `kubectl port-forward`
//! and `kubectl exec` would.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::{BodyExt, Empty};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::Sim;
use crate::service::AnswerBody;

/// How a command ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
    /// Its exit code.
    pub code: i32,
}

type Program = Arc<dyn Fn(&str, &[String]) -> Option<Ended> + Send + Sync>;

/// Variables of the processes that run in place of a container's; they have no others.
pub(crate) type Variables = Arc<Vec<(String, String)>>;

/// Who answers the commands of a pod.
enum Within {
    Told(Program),
    Here(Variables),
}

/// What was told.
#[derive(Default)]
pub(crate) struct Inside {
    ports: HashMap<(String, String, u16), SocketAddr>,
    within: HashMap<(String, String), Within>,
}

impl Inside {
    /// Where a port of a pod leads.
    pub fn leads(&self, namespace: &str, pod: &str, port: u16) -> Option<SocketAddr> {
        self.ports.get(&(namespace.to_owned(), pod.to_owned(), port)).copied()
    }

    /// What becomes of a command in a container.
    pub fn run(&self, namespace: &str, pod: &str, container: &str, command: &[String]) -> Option<Stream> {
        match self.within.get(&(namespace.to_owned(), pod.to_owned()))? {
            Within::Told(program) => program(container, command).map(Stream::Said),
            Within::Here(variables) => Some(Stream::Runs(command.to_vec(), variables.clone())),
        }
    }
}

impl Sim {
    /// Lets a port of a pod lead to what listens there, for clients of [`Sim::serve`].
    pub fn port_leads_to(&self, namespace: &str, pod: &str, port: u16, address: SocketAddr) {
        let key = (namespace.to_owned(), pod.to_owned(), port);
        self.shared.world().inside.ports.insert(key, address);
    }

    /// Lets commands in a pod be answered, for clients of [`Sim::serve`]: `program` is given the container's name (empty when
    /// none was named) and the command.
    pub fn commands_are_answered_by(
        &self,
        namespace: &str,
        pod: &str,
        program: impl Fn(&str, &[String]) -> Option<Ended> + Send + Sync + 'static,
    ) {
        let key = (namespace.to_owned(), pod.to_owned());
        let within = Within::Told(Arc::new(program));
        self.shared.world().inside.within.insert(key, within);
    }

    /// Lets commands in a pod run as processes of this machine, with these variables and no others, for clients of
    /// [`Sim::serve`]: their input, output and exit codes are those of the web socket.
    pub fn commands_run_here(&self, namespace: &str, pod: &str, variables: &[(&str, &str)]) {
        let key = (namespace.to_owned(), pod.to_owned());
        let own = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let within = Within::Here(Arc::new(own.collect()));
        self.shared.world().inside.within.insert(key, within);
    }
}

/// What a connection becomes.
#[derive(Clone)]
pub(crate) enum Stream {
    /// Ports of a pod and where they lead.
    Ports(Vec<(u16, Option<SocketAddr>)>),
    /// A command that ended.
    Said(Ended),
    /// A command that is to run here.
    Runs(Vec<String>, Variables),
}

/// The answer that makes a connection a web socket; the stream is in its extensions.
pub(crate) fn switched(stream: Stream, asked: &HeaderMap) -> Response<AnswerBody> {
    let key = asked.get(header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let mut response = Response::new(Empty::new().boxed_unsync());
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let protocol = HeaderValue::from_static("v4.channel.k8s.io");
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    // It is base64.
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.unwrap_or_default())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response.extensions_mut().insert(stream);
    response
}

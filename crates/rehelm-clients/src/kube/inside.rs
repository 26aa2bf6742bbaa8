//! Into a pod: a port of it, over a web socket of the API server.
//!
//! The server asks for the right to `get` `pods/portforward`, newer ones for `create` as well.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use rehelm_core::ports::{PortError, PortResult};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};

use super::KubeCluster;
use super::error;

/// A connection to a port of a pod. It ends when it is dropped.
pub(crate) struct Forwarded {
    forwarder: Portforwarder,
    port: u16,
    what: String,
}

/// What the server said to a request for a web socket.
pub(super) fn refused(what: &str, error: &kube::Error) -> PortError {
    match error {
        kube::Error::Api(status) => {
            let code = http::StatusCode::from_u16(status.code).unwrap_or(http::StatusCode::BAD_REQUEST);
            let body = serde_json::to_vec(status).unwrap_or_default();
            error::from_answer(what, code, &body)
        }
        kube::Error::UpgradeConnection(why) => PortError::Other(format!(
            "{what}: the API server, or a proxy before it, makes no web sockets ({why})"
        )),
        other => error::from_client(what, other),
    }
}

impl KubeCluster {
    /// A connection to a port of a pod.
    pub(crate) async fn forward(&self, namespace: &str, pod: &str, port: u16) -> PortResult<Forwarded> {
        let what = format!("the way to port {port} of pod {namespace}/{pod}");
        let pods: Api<Pod> = Api::namespaced(self.wire.client.clone(), namespace);
        let limit = self.wire.limit();
        match limit.within(async { pods.portforward(pod, &[port]).await }).await {
            Ok(Ok(forwarder)) => Ok(Forwarded { forwarder, port, what }),
            Ok(Err(error)) => Err(refused(&what, &error)),
            Err(_) => Err(PortError::Unavailable(format!(
                "{what}: no answer within {:?}",
                self.wire.time_limit
            ))),
        }
    }
}

impl Forwarded {
    /// Carries bytes both ways until one side ends; what the pod's side says when nobody listens there is the error.
    pub async fn carry(mut self, near: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> PortResult<()> {
        let error = self.forwarder.take_error(self.port);
        let Some(mut far) = self.forwarder.take_stream(self.port) else {
            return Ok(());
        };
        let said = async {
            match error {
                Some(error) => match error.await {
                    Some(words) => words,
                    // The way ended without a word; so do the streams.
                    None => std::future::pending().await,
                },
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // An error comes before the end of the stream that it brings about.
            biased;
            words = said => Err(PortError::Unavailable(format!("{}: {}", self.what, words.trim()))),
            // A connection that is cut off is the driver's to notice.
            _ = copy_bidirectional(near, &mut far) => Ok(()),
        }
    }
}

impl Drop for Forwarded {
    fn drop(&mut self) {
        self.forwarder.abort();
    }
}

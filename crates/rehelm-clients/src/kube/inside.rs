//! Into a pod: a port of it, or a command, over a web socket of the API server.
//!
//! The server asks for the right to `get` `pods/portforward` or `pods/exec`, newer ones for `create` as well.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess, Portforwarder};
use rehelm_core::object::ObjRef;
use rehelm_core::ports::{Executed, PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};

use super::KubeCluster;
use super::error;
use crate::in_pod::Said;
use crate::lines;

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

/// The connection to a command. It ends when this is dropped: one that is given up would be held open for nobody.
struct Attached(AttachedProcess);

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Bytes of a command's output that are kept.
const OUTPUT: u64 = 64 * 1024;

impl KubeCluster {
    /// Runs a command in a container; None where the server says that nothing runs there.
    pub(super) async fn run_inside(
        &self,
        pod: &ObjRef,
        container: Option<&str>,
        command: &[String],
    ) -> PortResult<Option<Executed>> {
        let what = format!("a command in {pod}");
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.wire.client.clone(), namespace);
        let mut params = AttachParams::default().stdin(false).stdout(true).stderr(true);
        params.container = container.map(str::to_owned);
        let limit = self.wire.limit();
        let run = limit.within(async {
            let mut process = Attached(pods.exec(&pod.name, command.to_vec(), &params).await?);
            let Attached(process) = &mut process;
            let status = process.take_status();
            let (stdout, mut stderr) = (process.stdout(), process.stderr());
            let mut said = Vec::new();
            let read = async {
                if let Some(mut stdout) = stdout {
                    // What is not read for any reason is missed by whoever looks for it.
                    let _ = (&mut stdout).take(OUTPUT).read_to_end(&mut said).await;
                    // The rest is of no use, but a command that cannot write it does not end.
                    let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
                }
            };
            let drain = async {
                if let Some(stderr) = &mut stderr {
                    let _ = tokio::io::copy(stderr, &mut tokio::io::sink()).await;
                }
            };
            tokio::join!(read, drain);
            let status = match status {
                Some(status) => status.await,
                None => None,
            };
            Ok::<_, kube::Error>((said, status))
        });
        let (said, status) = match run.await {
            Ok(Ok(ended)) => ended,
            Ok(Err(kube::Error::Api(status))) if status.code == 501 => return Ok(None),
            Ok(Err(error)) => return Err(refused(&what, &error)),
            Err(_) => {
                let why = format!("{what}: not ended within {:?}", self.wire.time_limit);
                return Err(PortError::Unavailable(why));
            }
        };
        let Some(status) = status else {
            return Err(PortError::Unavailable(format!(
                "{what}: the connection broke before it ended"
            )));
        };
        Ok(Some(Executed {
            stdout: String::from_utf8_lossy(&said).into_owned(),
            code: exit_code(&status).ok_or_else(|| {
                // Such as a program that the image does not have.
                PortError::Invalid(what, status.message.unwrap_or_default())
            })?,
        }))
    }
}

/// A command that is spoken with while it runs.
pub(crate) struct Spoken<'a> {
    /// Program and arguments.
    pub command: &'a [String],
    /// What it can read from its input, which stays open: without a tty it cannot be closed alone before protocol 5.
    pub input: &'a SecretString,
    /// Hears what it says, line by line.
    pub heard: &'a (dyn Fn(Said, &str) + Send + Sync),
}

impl KubeCluster {
    /// Runs a command in a container until it ends, however long that takes; its exit code, or None where the server says
    /// that nothing runs there.
    pub(crate) async fn speak_inside(
        &self,
        pod: &ObjRef,
        container: Option<&str>,
        spoken: &Spoken<'_>,
    ) -> PortResult<Option<i32>> {
        let what = format!("a command in {pod}");
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.wire.client.clone(), namespace);
        let mut params = AttachParams::default().stdin(true).stdout(true).stderr(true);
        params.container = container.map(str::to_owned);
        let opening = pods.exec(&pod.name, spoken.command.to_vec(), &params);
        let mut process = match self.wire.limit().within(opening).await {
            Ok(Ok(process)) => Attached(process),
            Ok(Err(kube::Error::Api(status))) if status.code == 501 => return Ok(None),
            Ok(Err(error)) => return Err(refused(&what, &error)),
            Err(_) => {
                let why = format!("{what}: no answer within {:?}", self.wire.time_limit);
                return Err(PortError::Unavailable(why));
            }
        };
        let Attached(process) = &mut process;
        let (status, stdout, stderr) = (process.take_status(), process.stdout(), process.stderr());
        // Kept until the end: on older servers dropping it closes the connection.
        let mut stdin = process.stdin();
        let write = async {
            if let Some(stdin) = &mut stdin {
                // A command that is gone says so itself.
                let _ = stdin.write_all(spoken.input.expose_secret().as_bytes()).await;
                let _ = stdin.flush().await;
            }
        };
        tokio::join!(
            write,
            lines::hear(stdout, |line| (spoken.heard)(Said::Stdout, line)),
            lines::hear(stderr, |line| (spoken.heard)(Said::Stderr, line)),
        );
        let status = match status {
            Some(status) => status.await,
            None => None,
        };
        let Some(status) = status else {
            return Err(PortError::Unavailable(format!(
                "{what}: the connection broke before it ended"
            )));
        };
        let code = exit_code(&status);
        code.map(Some)
            .ok_or_else(|| PortError::Invalid(what, status.message.unwrap_or_default()))
    }
}

/// None when it never ran.
fn exit_code(status: &Status) -> Option<i32> {
    if status.status.as_deref() == Some("Success") {
        return Some(0);
    }
    let causes = status.details.as_ref()?.causes.as_ref()?;
    let cause = causes
        .iter()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))?;
    cause.message.as_ref()?.parse().ok()
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

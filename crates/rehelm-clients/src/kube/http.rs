//! Requests to the API server, and when they may be sent again.
//!
//! Reads are repeated for up to half a minute while the server gives no usable answer. A write is repeated only when
//! the server cannot have applied it: no connection was made, or it answered 429.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kube::Client;
use rehelm_core::ports::{Clock, PortError, PortResult};
use serde_json::Value;

use super::error;
use crate::clock::Limit;

/// How long repeated attempts may take in all, unless a test has less time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// May a request be sent again after an attempt that brought no usable answer?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or sets the same thing again.
    Always,
    /// Only when the attempt certainly had no effect.
    WhenNotApplied,
}

/// The connection to one API server.
#[derive(Clone)]
pub(crate) struct Wire {
    pub client: Client,
    /// For one attempt, from sending to the last byte of the answer.
    pub time_limit: Duration,
    /// For all attempts of one request.
    pub patience: Duration,
    /// For every wait.
    pub clock: Arc<dyn Clock>,
}

/// An answer of any status.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// An attempt without a usable answer.
struct Fault {
    error: PortError,
    applied_perhaps: bool,
    pause: Option<Duration>,
}

impl Wire {
    /// Sends with a JSON body and reads a JSON answer; anything outside 2xx is an error about `what`.
    pub async fn json(&self, request: Request<Vec<u8>>, what: &str, repeat: Repeat) -> PortResult<Value> {
        let limit = Limit::of(&*self.clock, self.patience);
        let mut pause = FIRST_PAUSE;
        loop {
            let fault = match self.attempt(request.clone(), what).await {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            let again = matches!(fault.error, PortError::Unavailable(_))
                && (repeat == Repeat::Always || !fault.applied_perhaps);
            let wait = fault.pause.unwrap_or(pause);
            if !again || wait > limit.left() {
                return Err(fault.error);
            }
            tracing::debug!(%what, error = %fault.error, ?wait, "asking again");
            self.clock.sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// For one attempt.
    pub fn limit(&self) -> Limit<'_> {
        Limit::of(&*self.clock, self.time_limit)
    }

    /// A GET for JSON.
    pub async fn get(&self, path: &str, what: &str) -> PortResult<Value> {
        self.json(request(Method::GET, path, None, what)?, what, Repeat::Always)
            .await
    }

    /// One attempt, whatever the status of the answer.
    pub async fn raw(&self, request: Request<Vec<u8>>) -> Result<Answer, kube::Error> {
        let response = self.client.send(request.map(Into::into)).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| kube::Error::Service(e.into()))?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes().to_vec(),
        })
    }

    async fn attempt(&self, request: Request<Vec<u8>>, what: &str) -> Result<Value, Fault> {
        let answer = match self.limit().within(self.raw(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(e)) => {
                return Err(Fault {
                    error: error::from_client(what, &e),
                    applied_perhaps: !never_connected(&e),
                    pause: None,
                });
            }
            Err(_) => {
                return Err(Fault {
                    error: PortError::Unavailable(format!("{what}: no answer within {:?}", self.time_limit)),
                    applied_perhaps: true,
                    pause: None,
                });
            }
        };
        if !answer.status.is_success() {
            return Err(Fault {
                error: error::from_answer(what, answer.status, &answer.body),
                applied_perhaps: answer.status != StatusCode::TOO_MANY_REQUESTS,
                pause: retry_after(&answer.headers),
            });
        }
        serde_json::from_slice(&answer.body).map_err(|e| Fault {
            error: PortError::Unavailable(format!("{what}: the answer is not JSON: {e}")),
            applied_perhaps: true,
            pause: None,
        })
    }
}

/// Builds a request; a path that is no URL is the caller's bad input.
pub(crate) fn request(
    method: Method,
    path: &str,
    body: Option<(&str, &Value)>,
    what: &str,
) -> PortResult<Request<Vec<u8>>> {
    let builder = Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, "application/json");
    let built = match body {
        Some((content_type, value)) => builder
            .header(header::CONTENT_TYPE, content_type)
            .body(value.to_string().into_bytes()),
        None => builder.body(Vec::new()),
    };
    built.map_err(|e| PortError::Invalid(what.to_owned(), e.to_string()))
}

/// `Retry-After` in seconds, as API servers send it; never more than one long pause.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).clamp(FIRST_PAUSE, PATIENCE / 2))
}

fn never_connected(e: &kube::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(e) = cause {
        if let Some(e) = e.downcast_ref::<hyper_util::client::legacy::Error>() {
            return e.is_connect();
        }
        cause = e.source();
    }
    false
}

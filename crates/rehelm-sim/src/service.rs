//! The API as a tower service.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};

use crate::faults::requests::{self, Interference, RequestRecord};
use crate::pace;
use crate::rbac::Identity;
use crate::refusal::Refusal;
use crate::request::{self, Query, ResourcePath};
use crate::route::{self, Asked};
use crate::sim::Shared;

/// Bodies of answers: whole, or a stream of watch events.
pub type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// The connection broke: no answer came. Only [`crate::Interference`] brings this about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection broke before the answer came")]
pub struct ConnectionLost;

/// Bytes of a request's body that are read at most, as the API server has it.
const LARGEST: usize = 3 * 1024 * 1024;

/// The API for one client. Cheap to clone.
#[derive(Clone)]
pub struct SimService {
    shared: Arc<Shared>,
    identity: Identity,
    outside: bool,
}

impl SimService {
    pub(crate) fn new(shared: Arc<Shared>, identity: Identity) -> Self {
        Self {
            shared,
            identity,
            outside: false,
        }
    }

    /// For a program of its own, behind the listener.
    pub(crate) fn outside(shared: Arc<Shared>, identity: Identity) -> Self {
        Self {
            shared,
            identity,
            outside: true,
        }
    }
}

impl<B> tower::Service<Request<B>> for SimService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = ConnectionLost;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectionLost>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectionLost>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let mut record = record(&head);
            let answer = client.answer(head, body, &record).await;
            record.code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
            client.shared.world().faults.requests.note(record);
            answer
        })
    }
}

/// What a request asks for.
fn record(head: &http::request::Parts) -> RequestRecord {
    let query = Query::parse(head.uri.query().unwrap_or_default());
    match ResourcePath::parse(head.uri.path()) {
        Some(path) => {
            let id = crate::kinds::id(&path.group, &path.plural);
            RequestRecord {
                verb: request::verb(&head.method, &path, &query).to_owned(),
                resource: match path.subresource.as_str() {
                    "" => id,
                    subresource => format!("{id}/{subresource}"),
                },
                namespace: path.namespace,
                name: path.name,
                code: 0,
            }
        }
        None => RequestRecord {
            verb: head.method.as_str().to_lowercase(),
            resource: head.uri.path().to_owned(),
            namespace: String::new(),
            name: String::new(),
            code: 0,
        },
    }
}

impl SimService {
    async fn answer<B>(
        &self,
        head: http::request::Parts,
        body: B,
        record: &RequestRecord,
    ) -> Result<Response<AnswerBody>, ConnectionLost>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (shared, outside) = (&self.shared, self.outside);
        let mut busy = shared.pace.request(outside);
        shared.catch_up();
        let met = shared.world().faults.requests.meet(record);
        match met {
            Some(Interference::Refuse(code)) => return Ok(refused(&requests::refusal(code, record))),
            Some(Interference::Drop) => return Err(ConnectionLost),
            Some(Interference::Slow(time)) => {
                let over = shared.with(|world| world.timeline.sleep(time));
                drop(busy);
                // A sleep that was forgotten is over, too.
                let _ = pace::attended(shared, outside, over).await;
                busy = shared.pace.request(outside);
            }
            Some(Interference::LoseAnswer) | None => {}
        }
        let Ok(body) = Limited::new(body, LARGEST).collect().await else {
            return Ok(refused(&Refusal::bad_request(
                "the body cannot be read, or is larger than 3 MiB",
            )));
        };
        let asked = Asked {
            head,
            body: body.to_bytes(),
            identity: self.identity.clone(),
            outside,
            warnings: std::cell::RefCell::default(),
        };
        let answer = route::answer(shared, asked);
        drop(busy);
        match met {
            Some(Interference::LoseAnswer) => Err(ConnectionLost),
            _ => Ok(answer),
        }
    }
}

/// A refusal as an answer.
fn refused(refusal: &Refusal) -> Response<AnswerBody> {
    let mut response = json(refusal.code, &refusal.to_status());
    say_when_to_come_back(refusal, &mut response);
    response
}

/// The header that goes with `retryAfterSeconds`.
pub(crate) fn say_when_to_come_back(refusal: &Refusal, response: &mut Response<AnswerBody>) {
    let seconds = refusal
        .details
        .as_ref()
        .and_then(|details| details.get("retryAfterSeconds"));
    if let Some(seconds) = seconds.and_then(serde_json::Value::as_u64) {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
}

/// A whole answer.
pub(crate) fn json(code: u16, value: &serde_json::Value) -> Response<AnswerBody> {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    whole(code, "application/json", bytes.into())
}

/// A whole answer of any media type.
pub(crate) fn whole(code: u16, media: &str, bytes: Bytes) -> Response<AnswerBody> {
    let response = Response::builder().status(code).header("Content-Type", media);
    let body = Full::new(bytes).boxed_unsync();
    response.body(body).unwrap_or_default()
}

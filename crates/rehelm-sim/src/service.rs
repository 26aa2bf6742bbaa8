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

use crate::rbac::Identity;
use crate::refusal::Refusal;
use crate::route::{self, Asked};
use crate::sim::Shared;

/// Bodies of answers: whole, or a stream of watch events.
pub type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

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
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (shared, identity, outside) = (self.shared.clone(), self.identity.clone(), self.outside);
        Box::pin(async move {
            let _busy = shared.pace.request(outside);
            shared.catch_up();
            let (head, body) = request.into_parts();
            let Ok(body) = Limited::new(body, LARGEST).collect().await else {
                let refusal = Refusal::bad_request("the body cannot be read, or is larger than 3 MiB");
                return Ok(json(refusal.code, &refusal.to_status()));
            };
            let asked = Asked {
                head,
                body: body.to_bytes(),
                identity,
                outside,
                warnings: std::cell::RefCell::default(),
            };
            Ok(route::answer(&shared, asked))
        })
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

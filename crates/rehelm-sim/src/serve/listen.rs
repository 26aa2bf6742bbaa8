//! Connections: TLS, who is there, and the service behind.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::{Tokens, stream};
use crate::inside::Stream;
use crate::rbac::Identity;
use crate::refusal::Refusal;
use crate::service::{self, AnswerBody, ConnectionLost, SimService};
use crate::sim::Shared;

/// How long an answer that is under way may take when the listener is stopped.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Clone)]
pub(super) struct Server {
    pub shared: Arc<Shared>,
    pub tokens: Arc<Tokens>,
    pub tls: TlsAcceptor,
}

/// Takes connections until it is stopped; then waits for those that are open.
pub(super) async fn run(server: Server, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let mut open = JoinSet::new();
    loop {
        let stop = stopped.clone();
        let accepted = match select(pin!(listener.accept()), pin!(stopped.wait_for(|stop| *stop))).await {
            Either::Left((accepted, _)) => accepted,
            Either::Right(_) => break,
        };
        match accepted {
            Ok((stream, _)) => drop(open.spawn(connection(server.clone(), stream, stop))),
            // Out of file descriptors, or the client left: the next one may be luckier.
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        while open.try_join_next().is_some() {}
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn connection(server: Server, stream: TcpStream, mut stopped: watch::Receiver<bool>) {
    // Small answers should not wait for more to come.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = server.tls.accept(stream).await else {
        return;
    };
    let serve = service_fn(move |request| answer(server.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), serve)
        .with_upgrades();
    let mut connection = pin!(connection);
    let stop = match select(connection.as_mut(), pin!(stopped.wait_for(|stop| *stop))).await {
        Either::Left(_) => false,
        Either::Right(_) => true,
    };
    if stop {
        // What became a stream is cut off with the rest.
        connection.as_mut().graceful_shutdown();
        // The client is gone, the answer is out, or it was a watch that would not end by itself: all are an end.
        let _ = tokio::time::timeout(PATIENCE, connection).await;
    }
}

async fn answer(server: Server, mut request: Request<Incoming>) -> Result<Response<AnswerBody>, ConnectionLost> {
    let Some(identity) = identity(&server.tokens, &request) else {
        let refusal = Refusal::unauthorized();
        return Ok(service::json(refusal.code, &refusal.to_status()));
    };
    let upgraded = hyper::upgrade::on(&mut request);
    let mut answer = SimService::outside(server.shared, identity).call(request).await?;
    if let Some(stream) = answer.extensions_mut().remove::<Stream>() {
        tokio::spawn(stream::carry(stream, upgraded));
    }
    Ok(answer)
}

/// Who asks; None for a token that is not known. Without any token it is nobody in particular.
fn identity(tokens: &Tokens, request: &Request<Incoming>) -> Option<Identity> {
    let Some(header) = request.headers().get("authorization") else {
        return Some(Identity::anonymous());
    };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| tokens.of(token.trim()))
        .flatten()
}

//! Asking a simulated cluster without a client library.
#![allow(dead_code, reason = "not every test uses all of it")]

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use rehelm_sim::{Identity, Sim, SimService};
use serde_json::Value;
use tower::ServiceExt;

/// A request; the body is JSON, or `Null` for none.
pub fn request(method: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let media = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media);
    request.body(Full::new(bytes)).expect("a request")
}

pub async fn send(service: SimService, request: Request<Full<Bytes>>) -> (u16, Value) {
    let answer = service.oneshot(request).await.expect("never fails");
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("never fails").to_bytes();
    let value =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (code, value)
}

pub async fn ask(sim: &Sim, method: &str, path: &str, body: Value) -> (u16, Value) {
    send(sim.service(), request(method, path, &body)).await
}

pub async fn ask_as(sim: &Sim, identity: &Identity, method: &str, path: &str, body: Value) -> (u16, Value) {
    send(sim.service_as(identity.clone()), request(method, path, &body)).await
}

pub async fn get(sim: &Sim, path: &str) -> (u16, Value) {
    ask(sim, "GET", path, Value::Null).await
}

pub async fn get_accepting(sim: &Sim, path: &str, accept: &str) -> (u16, Value) {
    let mut request = request("GET", path, &Value::Null);
    let accept = accept.parse().expect("a header");
    request.headers_mut().insert("accept", accept);
    send(sim.service(), request).await
}

/// Events of a watch, one by one.
pub struct Events {
    body: rehelm_sim::AnswerBody,
}

impl Events {
    pub async fn of(sim: &Sim, path: &str) -> Self {
        let answer = sim.service().oneshot(request("GET", path, &Value::Null)).await;
        let answer = answer.expect("never fails");
        assert_eq!(answer.status(), 200, "{path}");
        Self {
            body: answer.into_body(),
        }
    }

    pub async fn next(&mut self) -> Option<Value> {
        let frame = self.body.frame().await?.expect("never fails");
        let line = frame.into_data().expect("data");
        Some(serde_json::from_slice(&line).expect("one line of JSON"))
    }

    /// `TYPE name` of the next event.
    pub async fn brief(&mut self) -> String {
        let Some(event) = self.next().await else {
            return "END".to_owned();
        };
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        format!("{} {}", text("/type"), text("/object/metadata/name"))
            .trim_end()
            .to_owned()
    }
}

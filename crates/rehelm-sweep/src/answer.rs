//! Answers that the server did not give.

use std::convert::Infallible;

use bytes::Bytes;
use futures::StreamExt as _;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, Full};
use rehelm_core::journal::Record;
use rehelm_sim::{AnswerBody, Sim};
use serde_json::{Value, json};

use crate::call::Call;
use crate::tap::BoxError;
use crate::twist::{Act, Garble};

/// For the history.
pub fn words(act: &Act) -> String {
    match act {
        Act::Rewrite(_) => "sent with another body".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A record without what it holds.
pub fn record(record: &Record) -> String {
    let value = serde_json::to_value(&record.event).unwrap_or_default();
    let text = |key: &str| match value.get(key) {
        Some(serde_json::Value::String(text)) => format!(" {text}"),
        Some(serde_json::Value::Number(number)) => format!(" {number}"),
        _ => String::new(),
    };
    ["event", "command", "step", "kind", "key", "why"]
        .map(text)
        .concat()
        .trim()
        .to_owned()
}

fn whole(code: u16, value: &Value) -> Response<AnswerBody> {
    let body = Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Response::builder()
        .status(code)
        .header("Content-Type", "application/json")
        .body(body)
        .unwrap_or_default()
}

/// A refusal as the server writes it.
pub fn refusal(code: u16, reason: &str, message: &str, call: &Call) -> Response<AnswerBody> {
    let mut status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
        "details": {"name": call.name, "kind": call.resource}});
    if code == 429 {
        status["details"]["retryAfterSeconds"] = json!(1);
    }
    let mut answer = whole(code, &status);
    if code == 429 || code == 503 {
        answer.headers_mut().insert(http::header::RETRY_AFTER, 1.into());
    }
    answer
}

/// What the server would have answered, had it done what it was asked: the object with what was sent laid over it.
pub fn pretended(sim: &Sim, call: &Call) -> Response<AnswerBody> {
    let objects = sim.shared_objects();
    let named = |object: &Value| {
        object["metadata"]["name"] == call.name.as_str()
            && object["metadata"]["namespace"].as_str().unwrap_or_default() == call.namespace
            && same_resource(object, &call.resource)
    };
    let live = objects.iter().find(|object| named(object));
    let mut value = live.map_or_else(|| call.body.clone(), |live| (**live).clone());
    if call.verb == "patch" && call.body.is_object() {
        lay_over(&mut value, &call.body);
    }
    if call.verb == "delete" {
        value = json!({"kind": "Status", "apiVersion": "v1", "status": "Success"});
    }
    whole(if call.verb == "create" { 201 } else { 200 }, &value)
}

/// True when an object's kind is that of a resource, as the built-in kinds form their plurals.
pub fn same_resource(object: &Value, resource: &str) -> bool {
    let plural = resource.split(['.', '/']).next().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    let stem = |end: &str| plural.strip_suffix(end).is_some_and(|stem| stem == kind);
    stem("s")
        || stem("es")
        || plural
            .strip_suffix("ies")
            .is_some_and(|stem| format!("{stem}y") == kind)
}

fn lay_over(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, part) in from {
                if part.is_null() {
                    into.shift_remove(key);
                } else {
                    lay_over(into.entry(key.clone()).or_insert(Value::Null), part);
                }
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// The error of a connection that nobody accepted, from a real attempt at a port where nobody listens. Runs do nothing else over a
/// network: it has a thread of its own.
pub fn never_connected() -> BoxError {
    let attempt = std::thread::spawn(|| {
        use hyper_util::client::legacy::Client;
        use hyper_util::rt::TokioExecutor;
        crate::sweep::alone(async {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            client.get(http::Uri::from_static("http://127.0.0.1:1/")).await.err()
        })
    });
    match attempt.join() {
        Ok(Some(refused)) => refused.into(),
        _ => "somebody listens on port 1".into(),
    }
}

/// The first half of an answer.
pub async fn torn(answer: Response<AnswerBody>) -> Result<Response<AnswerBody>, BoxError> {
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let half = bytes.slice(..bytes.len() / 2);
    Ok(Response::from_parts(head, Full::new(half).boxed_unsync()))
}

/// An answer that says something else.
pub async fn falsified(answer: Response<AnswerBody>, how: fn(&mut Value)) -> Result<Response<AnswerBody>, BoxError> {
    let (mut head, body) = answer.into_parts();
    head.headers.remove(http::header::CONTENT_LENGTH);
    let mut value: Value = serde_json::from_slice(&body.collect().await?.to_bytes())?;
    how(&mut value);
    let body = Full::new(Bytes::from(value.to_string())).boxed_unsync();
    Ok(Response::from_parts(head, body))
}

/// A watch whose events are not as the server sent them. It is told what is there at most so often, then ends.
pub async fn garbled(answer: Response<AnswerBody>, how: Garble) -> Result<Response<AnswerBody>, BoxError> {
    let (mut head, body) = answer.into_parts();
    head.headers.remove(http::header::CONTENT_LENGTH);
    if how == Garble::End {
        return Ok(Response::from_parts(head, Full::new(Bytes::new()).boxed_unsync()));
    }
    if how == Garble::Gone {
        let gone = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": "too old resource version", "reason": "Expired", "code": 410}});
        let line = format!("{gone}\n");
        return Ok(Response::from_parts(head, Full::new(Bytes::from(line)).boxed_unsync()));
    }
    // What ended is not asked again.
    let events = body.into_data_stream().filter_map(async |data| data.ok());
    let events = events.boxed().fuse();
    let state = (events, 0usize, None::<Bytes>);
    let stream = futures::stream::unfold(state, move |(mut events, n, held)| async move {
        let frame = events.next().await;
        let n = n + 1;
        let (told, held) = match (frame, how) {
            (None, _) => (held?, None),
            (Some(data), Garble::Lose) if n % 2 == 0 => {
                drop(data);
                (Bytes::new(), held)
            }
            (Some(data), Garble::Double) => (Bytes::from([&data[..], &data[..]].concat()), held),
            (Some(data), Garble::Swap) => match held {
                None => (Bytes::new(), Some(data)),
                Some(first) => (Bytes::from([&data[..], &first[..]].concat()), None),
            },
            (Some(data), _) => (data, held),
        };
        Some((Ok::<_, Infallible>(Frame::data(told)), (events, n, held)))
    });
    Ok(Response::from_parts(
        head,
        BodyExt::boxed_unsync(http_body_util::StreamBody::new(stream)),
    ))
}

//! Admission, deletion and subresources against answers that were recorded from a real API server (1.35.4).
//!
//! `tests/admission/*.json` hold requests in their order, each with the code and, of a refusal, the whole answer (uids are
//! written as `UID`), of a success the fields named under `see`. A request that the real server let settle carries nothing
//! for it here: controllers act between requests in virtual time.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Full};
use rehelm_sim::{Options, Sim};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "do")]
    method: String,
    at: String,
    #[serde(rename = "type")]
    media: Option<String>,
    body: Option<Value>,
    code: u16,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Value>,
    #[serde(default)]
    see: BTreeMap<String, Value>,
}

async fn ask(sim: &Sim, row: &Row) -> (u16, Value) {
    let body = row.body.as_ref().map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(row.method.as_str())
        .uri(format!("https://sim{}", row.at))
        .header("Content-Type", row.media.as_deref().unwrap_or("application/json"))
        .header("User-Agent", "recorder/1")
        .body(Full::new(bytes::Bytes::from(body)))
        .expect("a request");
    let answer = sim.service().oneshot(request).await.expect("an answer");
    let code = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Uids of the two servers differ.
fn without_uids(text: &str) -> String {
    let is_uid = |word: &str| {
        let word = word.as_bytes();
        word.len() == 36
            && word.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        match rest.get(..36).filter(|word| is_uid(word)) {
            Some(_) => {
                out.push_str("UID");
                rest = &rest[36..];
            }
            None => {
                let next = rest.chars().next().expect("not empty");
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    out
}

fn compare(row: &Row, code: u16, answer: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |what: &str, ours: &Value, theirs: &Value| {
        if ours != theirs {
            wrong.push(format!("  {what}\n    ours   {ours}\n    theirs {theirs}"));
        }
    };
    differ("code", &code.into(), &row.code.into());
    if let Some(message) = &row.message {
        let ours = without_uids(answer["message"].as_str().unwrap_or_default());
        differ("message", &ours.into(), &message.as_str().into());
    }
    if let Some(reason) = row.reason.as_deref().filter(|reason| !reason.is_empty()) {
        differ("reason", &answer["reason"], &reason.into());
    }
    if let Some(details) = &row.details {
        let mut ours: Value = serde_json::from_str(&without_uids(&answer["details"].to_string())).unwrap_or_default();
        if let Some(map) = ours.as_object_mut() {
            map.shift_remove("uid");
        }
        differ("details", &ours, details);
    }
    for (pointer, theirs) in &row.see {
        let ours = answer.pointer(pointer).cloned().unwrap_or_default();
        differ(pointer, &ours, theirs);
    }
    wrong
}

async fn replay(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/admission/{name}.json"));
    let text = std::fs::read_to_string(path).expect("recorded answers");
    let rows: Vec<Row> = serde_json::from_str(&text).expect("rows");
    let sim = Sim::new(Options {
        // Without nodes no pod is placed: the real ones asked for a node that was not there.
        nodes: Vec::new(),
        ..Options::default()
    });
    let mut report = String::new();
    let mut failed = 0;
    for (at, row) in rows.iter().enumerate() {
        let (code, answer) = ask(&sim, row).await;
        sim.advance(Duration::from_millis(300));
        let wrong = compare(row, code, &answer);
        if !wrong.is_empty() {
            failed += 1;
            report.push_str(&format!("{at}: {} {}\n{}\n", row.method, row.at, wrong.join("\n")));
        }
    }
    assert_eq!(failed, 0, "{failed} of {} answers differ\n{report}", rows.len());
}

macro_rules! recorded {
    ($($name:ident),*) => {
        $(#[tokio::test]
        async fn $name() {
            replay(stringify!($name)).await;
        })*
    };
}

recorded!(
    names, workloads, storage, services, network, config, rbac, deletion, scale, quota, custom
);

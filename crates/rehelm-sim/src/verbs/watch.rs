//! `watch`: changes as they come, as lines of JSON.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;

use super::select::Selector;
use crate::accept::{self, Wanted};
use crate::kinds::Kind;
use crate::refusal::{Cause, Refusal};
use crate::request::Query;
use crate::route::{Answer, Asked, Call};
use crate::service::AnswerBody;
use crate::sim::Shared;
use crate::world::World;

/// A watch that was asked for.
pub(crate) struct Watch {
    pub kind: Arc<Kind>,
    /// Empty: all namespaces.
    pub namespace: String,
    pub selector: Selector,
    /// Changes after this resourceVersion.
    pub after: u64,
    /// What comes first, as ADDED.
    pub initial: Vec<Arc<Value>>,
    /// A bookmark says when the initial events are over.
    pub marks_initial: bool,
    /// Bookmarks are wanted.
    pub bookmarks: bool,
    /// Virtual time after which it ends.
    pub timeout: Option<Duration>,
    pub wanted: Wanted,
}

pub(super) fn begin(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let query = &call.query;
    check_options(query)?;
    let wanted = accept::wanted(call.asked.header("accept"), query, true)?;
    let selector = Selector::of(call)?;
    let asked = query.get("resourceVersion").unwrap_or_default();
    let version = if asked.is_empty() { 0 } else { parsed(asked)? };
    let bookmarks = query.flag("allowWatchBookmarks");
    // Without a version, and from version 0, a watch begins with what is there; `sendInitialEvents` says it outright.
    let sends = match query.get("sendInitialEvents") {
        Some(_) => query.flag("sendInitialEvents"),
        None => version == 0,
    };
    let initial = if sends {
        let namespace = Some(call.path.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let mut all = world.list(&call.kind.id, namespace);
        all.retain(|object| selector.matches(object));
        all
    } else {
        Vec::new()
    };
    Ok(Answer::Watch(Watch {
        kind: call.kind.clone(),
        namespace: call.path.namespace.clone(),
        selector,
        after: if sends || version == 0 {
            world.store.version()
        } else {
            version
        },
        initial,
        marks_initial: sends && bookmarks,
        bookmarks,
        timeout: query.get("timeoutSeconds").map(seconds).transpose()?.flatten(),
        wanted,
    }))
}

fn parsed(version: &str) -> Result<u64, Refusal> {
    version.parse().map_err(|_| Refusal {
        code: 500,
        reason: "",
        message: format!(
            "resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \"{version}\": invalid syntax"
        ),
        details: None,
    })
}

fn seconds(text: &str) -> Result<Option<Duration>, Refusal> {
    let seconds: i64 = text
        .parse()
        .map_err(|_| Refusal::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax")))?;
    Ok(u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs))
}

fn check_options(query: &Query) -> Result<(), Refusal> {
    let field = "resourceVersionMatch";
    let matching = query.get(field);
    let mut causes = Vec::new();
    if query.get("sendInitialEvents").is_some() {
        if matching != Some("NotOlderThan") {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden(field, why));
        }
    } else if let Some(matching) = matching {
        let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        causes.push(Cause::forbidden(field, why));
        if matching != "NotOlderThan" {
            causes.push(Cause {
                reason: "FieldValueNotSupported",
                message: format!("Unsupported value: \"{matching}\": supported values: \"NotOlderThan\""),
                field: field.to_owned(),
            });
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid("ListOptions.meta.k8s.io", "", &causes))
}

/// The stream of events.
pub(crate) fn respond(shared: &Arc<Shared>, watch: Watch, asked: &Asked) -> Response<AnswerBody> {
    let stream = stream::Events::new(shared, watch, asked.outside);
    let frames = futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok(Frame::data(line)), stream))
    });
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Cache-Control", "no-cache, private");
    response
        .body(StreamBody::new(frames).boxed_unsync())
        .unwrap_or_default()
}

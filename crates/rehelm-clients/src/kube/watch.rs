//! Waiting for a list of objects to look right: one list, then a watch from its resourceVersion.
//!
//! The condition is asked after the list and after each event, never on a timer. A watch is opened for at most a
//! minute at a time, so that a connection that died silently is noticed; an ended watch goes on from the last
//! resourceVersion seen, an expired one (410) starts over with a list.

use std::time::Duration;

use futures::TryStreamExt;
use http::Method;
use kube::core::WatchEvent;
use rehelm_core::object::Object;
use rehelm_core::ports::{ApiKind, PortError, PortResult, Select};
use serde_json::Value;

use super::http::{Wire, request};
use super::path::{self, Query};
use super::{error, list};
use crate::clock::Limit;

/// Length of one watch request.
const STRETCH: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is awaited, where.
pub(crate) struct Awaited<'a> {
    pub wire: &'a Wire,
    pub api_version: &'a str,
    pub kind_name: &'a str,
    pub kind: &'a ApiKind,
    pub select: &'a Select,
    pub until: &'a (dyn for<'b> Fn(&'b [Object]) -> bool + Send + Sync),
}

enum Ended {
    /// The condition holds.
    Held,
    /// The server ended the watch; go on from the same place.
    Closed,
    /// The place is gone or the connection broke: list again.
    Lost,
}

/// Waits until the condition holds; the list is sorted by namespace and name.
pub(crate) async fn wait(awaited: &Awaited<'_>, what: &str, limit: &Limit<'_>) -> PortResult<Vec<Object>> {
    let clock = &*awaited.wire.clock;
    let timed_out = || PortError::Timeout {
        what: what.to_owned(),
        waited: limit.passed(),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let listed = list::all(
            awaited.wire,
            awaited.api_version,
            awaited.kind_name,
            awaited.kind,
            awaited.select,
        );
        let (mut items, mut place) = match limit.within(listed).await {
            Ok(Ok(listed)) => listed,
            Ok(Err(PortError::Unavailable(why))) => {
                tracing::debug!(what, why, "the list is asked again");
                pause = rest(awaited.wire, pause, limit, &timed_out).await?;
                continue;
            }
            Ok(Err(e)) => return Err(e),
            Err(_) => return Err(timed_out()),
        };
        items.sort_by(|a, b| key(a).cmp(&key(b)));
        if (awaited.until)(&items) {
            return Ok(items);
        }
        loop {
            let opened = Limit::of(clock, STRETCH);
            let watched = stretch(awaited, what, &mut items, &mut place, limit);
            match limit.within(watched).await {
                Ok(Ok(Ended::Held)) => return Ok(items),
                Ok(Ok(Ended::Closed)) if opened.passed() > Duration::from_secs(1) => pause = FIRST_PAUSE,
                // A server that closes at once is not to be asked in a tight circle.
                Ok(Ok(Ended::Closed)) => pause = rest(awaited.wire, pause, limit, &timed_out).await?,
                Ok(Ok(Ended::Lost)) => {
                    pause = rest(awaited.wire, pause, limit, &timed_out).await?;
                    break;
                }
                Ok(Err(e)) => return Err(e),
                Err(_) => return Err(timed_out()),
            }
        }
    }
}

async fn rest(
    wire: &Wire,
    pause: Duration,
    limit: &Limit<'_>,
    timed_out: &(dyn Fn() -> PortError + Sync),
) -> PortResult<Duration> {
    wire.clock.sleep(pause.min(limit.left())).await;
    if limit.left().is_zero() {
        Err(timed_out())
    } else {
        Ok((pause * 2).min(LONGEST_PAUSE))
    }
}

async fn stretch(
    awaited: &Awaited<'_>,
    what: &str,
    items: &mut Vec<Object>,
    place: &mut String,
    limit: &Limit<'_>,
) -> PortResult<Ended> {
    let left = limit.left().min(STRETCH);
    let query = Query::new()
        .with("watch", true)
        .with("allowWatchBookmarks", true)
        .with("resourceVersion", &place)
        .with("timeoutSeconds", left.as_secs().max(1))
        .maybe("labelSelector", awaited.select.labels.as_deref())
        .maybe("fieldSelector", awaited.select.fields.as_deref());
    let namespace = awaited.select.namespace.as_deref();
    let url = path::collection(awaited.api_version, awaited.kind, namespace, &query)?;
    let asked = request(Method::GET, &url, None, what)?;
    // The server ends the watch itself; this is for one that does not answer any more.
    let patience = Limit::of(&*awaited.wire.clock, left + Duration::from_secs(10));
    let opened = match patience
        .within(awaited.wire.client.request_events::<Value>(asked))
        .await
    {
        Ok(Ok(events)) => events,
        Ok(Err(e)) => return lost(what, &e),
        Err(_) => return Ok(Ended::Lost),
    };
    let mut events = std::pin::pin!(opened);
    loop {
        let event = match patience.within(events.try_next()).await {
            Ok(Ok(Some(event))) => event,
            Ok(Ok(None)) => return Ok(Ended::Closed),
            Ok(Err(e)) => return lost(what, &e),
            Err(_) => return Ok(Ended::Lost),
        };
        let (object, gone) = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
            WatchEvent::Deleted(object) => (object, true),
            WatchEvent::Bookmark(mark) => {
                *place = mark.metadata.resource_version;
                continue;
            }
            WatchEvent::Error(status) => return lost(what, &kube::Error::Api(status)),
        };
        let Ok(object) = Object::from_value(object) else {
            continue;
        };
        *place = object.resource_version().to_owned();
        change(items, object, gone);
        if (awaited.until)(items) {
            return Ok(Ended::Held);
        }
    }
}

/// A refusal is final; an expired place or a broken connection is not.
fn lost(what: &str, e: &kube::Error) -> PortResult<Ended> {
    let refused = match e {
        kube::Error::Api(status) => {
            let code = http::StatusCode::from_u16(status.code).unwrap_or(http::StatusCode::SERVICE_UNAVAILABLE);
            let body = serde_json::to_vec(status).unwrap_or_default();
            error::from_answer(what, code, &body)
        }
        _ => error::from_client(what, e),
    };
    match refused {
        PortError::Unavailable(why) => {
            tracing::debug!(what, why, "the watch starts over");
            Ok(Ended::Lost)
        }
        refused => Err(refused),
    }
}

fn key(object: &Object) -> (&str, &str) {
    (object.namespace().unwrap_or_default(), object.name())
}

fn change(items: &mut Vec<Object>, object: Object, gone: bool) {
    match (items.binary_search_by(|probe| key(probe).cmp(&key(&object))), gone) {
        (Ok(at), true) => drop(items.remove(at)),
        (Ok(at), false) => items[at] = object,
        (Err(_), true) => {}
        (Err(at), false) => items.insert(at, object),
    }
}

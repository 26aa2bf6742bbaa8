//! The events of one watch. Dropping it frees everything that it holds.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{Either, select};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};

use super::Watch;
use crate::accept::{Include, Shape};
use crate::convert;
use crate::meta;
use crate::pace::{self, Watching};
use crate::printer;
use crate::refusal::Refusal;
use crate::shape;
use crate::sim::Shared;
use crate::store::{Change, ChangeKind};
use crate::timeline::Time;

pub(super) struct Events {
    shared: Arc<Shared>,
    watch: Watch,
    /// Changes up to this resourceVersion were looked at.
    seen: u64,
    changed: watch::Receiver<u64>,
    watching: Watching,
    outside: bool,
    timeout: Option<oneshot::Receiver<()>>,
    pending: VecDeque<Bytes>,
    /// The columns of a Table come with its first event only.
    headed: bool,
    ended: bool,
}

impl Events {
    pub fn new(shared: &Arc<Shared>, mut watch: Watch, outside: bool) -> Self {
        let changed = shared.changed.subscribe();
        let timeout = watch
            .timeout
            .map(|time| shared.with(|world| world.timeline.sleep(time)));
        let initial = std::mem::take(&mut watch.initial);
        let mut events = Self {
            shared: shared.clone(),
            seen: watch.after,
            watching: shared.pace.watcher(outside),
            changed,
            outside,
            timeout,
            pending: VecDeque::new(),
            headed: false,
            ended: false,
            watch,
        };
        let now = shared.world().now();
        for object in initial {
            events.push("ADDED", (*object).clone(), now);
        }
        if events.watch.marks_initial {
            events.bookmark(true, now);
        }
        events
    }

    /// The next line; None when the watch is over.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.pending.pop_front() {
                self.watching.waits(None);
                return Some(line);
            }
            if self.ended {
                return None;
            }
            self.changed.borrow_and_update();
            self.look();
            if self.pending.is_empty() && !self.ended {
                self.wait().await;
            }
        }
    }

    /// Takes what happened since the last look.
    fn look(&mut self) {
        let shared = self.shared.clone();
        let world = shared.world();
        let compacted = world.store.compacted();
        if self.seen < compacted {
            let refusal = Refusal::gone(format!("too old resource version: {} ({compacted})", self.seen));
            self.line("ERROR", &refusal.to_status());
            self.ended = true;
            return;
        }
        let now = world.now();
        for change in world.store.since(self.seen) {
            if *change.resource == *self.watch.kind.id {
                self.take(change, now);
            }
        }
        // A watch from a version that is still to come waits for it.
        self.seen = self.seen.max(world.store.version());
    }

    fn take(&mut self, change: &Change, now: Time) {
        let namespace = self.watch.namespace.as_str();
        if !namespace.is_empty() && meta::namespace(&change.object) != namespace {
            return;
        }
        let selector = &self.watch.selector;
        let was = change.old.as_ref().is_some_and(|old| selector.matches(old));
        let is = change.kind != ChangeKind::Deleted && selector.matches(&change.object);
        match (was, is) {
            (false, false) => {}
            (false, true) => self.push("ADDED", (*change.object).clone(), now),
            (true, true) => self.push("MODIFIED", (*change.object).clone(), now),
            (true, false) => {
                // What the client knows of it, under the version of the change.
                let known = change.old.as_ref().unwrap_or(&change.object);
                let mut object = (**known).clone();
                meta::set(&mut object, "resourceVersion", change.version.to_string().into());
                self.push("DELETED", object, now);
            }
        }
    }

    fn push(&mut self, event: &str, object: Value, now: Time) {
        let kind = self.watch.kind.clone();
        let object = convert::to_version(&kind, object);
        let mut shown = shape::object(&kind, object, &self.watch.wanted, now);
        if matches!(self.watch.wanted.shape, Shape::Table(_)) && std::mem::replace(&mut self.headed, true) {
            shown["columnDefinitions"] = Value::Null;
        }
        self.line(event, &shown);
    }

    fn bookmark(&mut self, initial: bool, now: Time) {
        let kind = &self.watch.kind;
        let mut meta = json!({"resourceVersion": self.seen.to_string()});
        if initial {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.watch.wanted.shape {
            Shape::Own => json!({"kind": kind.facts.kind, "apiVersion": kind.api_version(), "metadata": meta}),
            Shape::Partial(version) => shape::partial(&json!({"metadata": meta}), version),
            Shape::Table(version) => {
                let cells = printer::definitions(kind).len();
                let object = match self.watch.wanted.include {
                    Include::Nothing => Value::Null,
                    Include::Metadata => shape::partial(&json!({"metadata": meta}), version),
                    Include::Object => {
                        json!({"kind": kind.facts.kind, "apiVersion": kind.api_version(), "metadata": meta})
                    }
                };
                let columns = if self.headed {
                    Value::Null
                } else {
                    printer::table(kind, &[], version, Include::Nothing, now, Value::Null)["columnDefinitions"].take()
                };
                self.headed = true;
                json!({
                    "kind": "Table",
                    "apiVersion": version,
                    "metadata": {"resourceVersion": meta["resourceVersion"]},
                    "columnDefinitions": columns,
                    "rows": [{"cells": vec![""; cells], "object": object}],
                })
            }
        };
        self.line("BOOKMARK", &object);
    }

    fn line(&mut self, event: &str, object: &Value) {
        let mut line = serde_json::to_vec(&json!({"type": event, "object": object})).unwrap_or_default();
        line.push(b'\n');
        self.pending.push_back(line.into());
    }

    /// Waits for a change, or for the end.
    async fn wait(&mut self) {
        self.watching.waits(Some(self.seen));
        let timeout = &mut self.timeout;
        let over = async {
            match timeout {
                Some(timeout) => drop(timeout.await),
                None => std::future::pending().await,
            }
        };
        let news = async {
            match select(pin!(self.changed.changed()), pin!(over)).await {
                Either::Left((news, _)) => news.is_err(),
                Either::Right(_) => true,
            }
        };
        let over = pace::attended(&self.shared, self.outside, news).await;
        self.watching.waits(None);
        if over {
            if self.watch.bookmarks {
                self.look();
                let now = self.shared.world().now();
                self.bookmark(false, now);
            }
            self.ended = true;
        }
    }
}

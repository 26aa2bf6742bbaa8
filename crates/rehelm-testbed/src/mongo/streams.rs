//! Change streams on the log: `aggregate` with `$changeStream`, `getMore` that waits, `killCursors`.
//!
//! Unlike on real servers `updateDescription` is empty, `fullDocument: "updateLookup"` is not looked up, and further stages
//! of the pipeline are refused.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, Timestamp, doc};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::asides::change_stream;
use super::face::Face;
use super::front::{Front, State, raw};
use super::oplog::{Event, Oplog, position, token};
use super::refusal::{Answer, Refusal, refuse};
use super::wire::Request;

/// Cursor ids from here on are change streams; the store counts from 1.
const FIRST: i64 = 1 << 62;
/// How long a `getMore` waits that does not say.
const WAIT: Duration = Duration::from_secs(1);
/// The cursor can be opened again from its last token.
const RESUMABLE: [i32; 17] = [
    6, 7, 63, 89, 91, 133, 150, 189, 234, 262, 9001, 10107, 11600, 11602, 13388, 13435, 13436,
];
/// Told only to who asks for all of them.
const EXPANDED: [&str; 4] = ["create", "createIndexes", "dropIndexes", "modify"];

/// All open change streams.
#[derive(Default)]
pub(super) struct Streams {
    open: HashMap<i64, Stream>,
    made: i64,
    /// How often waiting connections were cut.
    pub cuts: u64,
}

/// News for whoever waits.
pub(super) struct News {
    /// Changes whenever something was logged, cut or elected.
    pub moved: watch::Sender<()>,
    /// How many `getMore`s wait.
    pub waiting: watch::Sender<usize>,
    /// True when writes are logged. Held for writing by whoever logs: one after the other.
    pub logging: tokio::sync::RwLock<bool>,
}

impl Default for News {
    fn default() -> Self {
        Self {
            moved: watch::Sender::new(()),
            waiting: watch::Sender::new(0),
            logging: tokio::sync::RwLock::default(),
        }
    }
}

#[derive(Clone, Debug)]
struct Stream {
    database: String,
    /// None for the whole database.
    collection: Option<String>,
    expanded: bool,
    /// Everything up to here was told.
    at: u64,
    /// The event at this position invalidates it, which is still to be told.
    owed: bool,
}

/// One that waits is counted.
struct Waits<'a>(&'a watch::Sender<usize>);

impl<'a> Waits<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|count| *count += 1);
        Self(waiting)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

fn number(body: &Document, key: &str) -> Option<u64> {
    let value = body.get(key)?;
    let number = value.as_i64().or(value.as_i32().map(i64::from))?;
    u64::try_from(number).ok()
}

impl Stream {
    fn open(body: &Document, database: &str, log: &Oplog) -> Result<Self, Refusal> {
        let stages = body.get_array("pipeline").map(Vec::as_slice).unwrap_or_default();
        let [Bson::Document(stage)] = stages else {
            return refuse(2, "only $changeStream alone is known here");
        };
        let how = stage.get_document("$changeStream").cloned().unwrap_or_default();
        let mut own = Self {
            database: database.into(),
            collection: body.get_str("aggregate").ok().map(Into::into),
            expanded: how.get_bool("showExpandedEvents").unwrap_or(false),
            at: log.head(),
            owed: false,
        };
        for name in ["resumeAfter", "startAfter"] {
            let Ok(token) = how.get_document(name) else { continue };
            let (at, invalidated) = position(token)?;
            if at > log.head() {
                return refuse(280, "cannot resume stream; the resume token was not found");
            }
            if invalidated && name == "resumeAfter" {
                let why = "Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate \
                           notification.";
                return refuse(260, why);
            }
            own.at = at;
            own.owed = !invalidated && log.at(at).is_some_and(|event| own.sees(event) && own.ends(event));
        }
        if let Ok(time) = how.get_timestamp("startAtOperationTime") {
            own.at = log.before(time)?;
        }
        log.after(own.at).map(|_| own)
    }

    fn sees(&self, event: &Event) -> bool {
        let own = self.database == event.database
            && (self.expanded || !EXPANDED.contains(&event.kind))
            && !event.collection.starts_with("system.");
        let Some(collection) = &self.collection else { return own };
        own && (*collection == event.collection || event.to.as_ref() == Some(collection))
    }

    /// True when nothing can follow this event.
    fn ends(&self, event: &Event) -> bool {
        match event.kind {
            "dropDatabase" => true,
            "drop" | "rename" => self.collection.is_some(),
            _ => false,
        }
    }

    /// The next events, where they end, and whether that is for good.
    fn next(&mut self, log: &Oplog, face: Face, most: usize) -> Result<(Vec<Bson>, Document, bool), Refusal> {
        let mut batch = Vec::new();
        let mut end = token(face, self.at, None, false);
        let mut full = false;
        if !self.owed {
            for (at, time, event) in log.after(self.at)? {
                self.at = at;
                if !self.sees(event) {
                    continue;
                }
                end = token(face, at, event.key.as_ref(), false);
                batch.push(told(face, end.clone(), time, event).into());
                self.owed = self.ends(event);
                full = batch.len() >= most;
                if self.owed || full {
                    break;
                }
            }
        }
        if self.owed && !full {
            end = token(face, self.at, None, true);
            let last = doc! { "_id": end.clone(), "operationType": "invalidate", "clusterTime": log.time() };
            batch.push(last.into());
            return Ok((batch, end, true));
        }
        if !full {
            end = token(face, self.at, None, false);
        }
        Ok((batch, end, false))
    }

    fn namespace(&self) -> String {
        let collection = self.collection.as_deref().unwrap_or("$cmd.aggregate");
        format!("{}.{collection}", self.database)
    }
}

/// An event as a client sees it.
fn told(face: Face, token: Document, time: Timestamp, event: &Event) -> Document {
    let mut told = doc! { "_id": token, "operationType": event.kind, "clusterTime": time };
    if face == Face::V7_0 {
        told.insert("wallTime", bson::DateTime::now());
    }
    if let Some(full) = event
        .full
        .as_ref()
        .and_then(|full| Document::try_from(full.as_ref()).ok())
    {
        told.insert("fullDocument", full);
    }
    let mut namespace = doc! { "db": &event.database };
    if event.kind != "dropDatabase" {
        namespace.insert("coll", &event.collection);
    }
    told.insert("ns", namespace);
    if let Some(to) = &event.to {
        told.insert("to", doc! { "db": &event.database, "coll": to });
    }
    if let Some(key) = &event.key {
        told.insert("documentKey", doc! { "_id": key.clone() });
    }
    if event.kind == "update" {
        let mut what = doc! { "updatedFields": {}, "removedFields": [] };
        if face == Face::V7_0 {
            what.insert("truncatedArrays", Vec::<Bson>::new());
        }
        told.insert("updateDescription", what);
    }
    told
}

impl State {
    /// The stream's next batch; it is forgotten when that is its last.
    fn batch(&mut self, face: Face, id: i64, most: usize, name: &str) -> Result<(bool, Document), Refusal> {
        let Some(stream) = self.streams.open.get_mut(&id) else {
            return refuse(43, format!("cursor id {id} not found"));
        };
        let (batch, end, last) = match stream.next(&self.log, face, most) {
            Ok(next) => next,
            Err(refusal) => {
                self.streams.open.remove(&id);
                return Err(refusal);
            }
        };
        let (ns, some) = (stream.namespace(), !batch.is_empty());
        if last {
            self.streams.open.remove(&id);
        }
        let id = if last { 0 } else { id };
        let cursor = doc! { "id": id, "ns": ns, name: batch, "postBatchResumeToken": end };
        Ok((
            some,
            doc! { "cursor": cursor, "operationTime": self.log.time(), "ok": 1.0 },
        ))
    }

    /// True for a command on a change stream.
    pub fn streams(&self, request: &Request, body: &Document) -> bool {
        match request.name.as_str() {
            "aggregate" => change_stream(body),
            "getMore" => body.get_i64("getMore").is_ok_and(|id| id >= FIRST),
            "killCursors" => cursors(body).any(|id| id >= FIRST),
            _ => false,
        }
    }
}

fn cursors(body: &Document) -> impl Iterator<Item = i64> {
    let list = body.get_array("cursors").map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Bson::as_i64)
}

impl Front {
    /// Says on newer servers that a driver may open the stream again.
    pub(super) fn labelled(&self, refusal: &Refusal, of_stream: bool) -> Document {
        let mut reply = refusal.to_document();
        if of_stream && self.face != Face::V4_2 && RESUMABLE.contains(&refusal.code) {
            reply.insert("errorLabels", vec!["ResumableChangeStreamError"]);
        }
        reply
    }

    /// The reply to a command on change streams. An error closes the connection.
    pub(super) async fn stream(&self, request: &Request, body: &Document) -> io::Result<RawDocumentBuf> {
        let answer = match request.name.as_str() {
            "aggregate" => self.open(body, &request.database).await,
            "getMore" => self.more(body).await?,
            _ => {
                let mut state = self.state();
                let killed: Vec<i64> = cursors(body)
                    .filter(|id| state.streams.open.remove(id).is_some())
                    .collect();
                let unknown: Vec<i64> = cursors(body).filter(|id| !killed.contains(id)).collect();
                let none = Vec::<Bson>::new();
                Ok(doc! {
                    "cursorsKilled": killed, "cursorsNotFound": unknown, "cursorsAlive": none.clone(),
                    "cursorsUnknown": none, "ok": 1.0,
                })
            }
        };
        raw(&answer.unwrap_or_else(|refusal| self.labelled(&refusal, true)))
    }

    async fn open(&self, body: &Document, database: &str) -> Answer {
        if self.replica_set.is_none() {
            return refuse(40573, "The $changeStream stage is only supported on replica sets");
        }
        // Once every write that is not logged has ended.
        if !*self.news.logging.read().await {
            *self.news.logging.write().await = true;
        }
        let mut state = self.state();
        let stream = Stream::open(body, database, &state.log)?;
        let id = FIRST + state.streams.made;
        state.streams.made += 1;
        state.streams.open.insert(id, stream);
        let size = body
            .get_document("cursor")
            .ok()
            .and_then(|own| number(own, "batchSize"));
        // Nothing can be told in a batch of none.
        let most = size.map_or(101, |size| usize::try_from(size).unwrap_or(101));
        state
            .batch(self.face, id, most.max(1), "firstBatch")
            .map(|(_, reply)| reply)
    }

    async fn more(&self, body: &Document) -> io::Result<Answer> {
        let id = body.get_i64("getMore").unwrap_or_default();
        let most = number(body, "batchSize").filter(|size| *size > 0).unwrap_or(1000);
        let most = usize::try_from(most).unwrap_or(1000);
        let wait = number(body, "maxTimeMS").map_or(WAIT, Duration::from_millis);
        let end = Instant::now() + wait;
        let mut moved = self.news.moved.subscribe();
        let begin = {
            let state = self.state();
            (state.streams.cuts, state.elections)
        };
        let mut waits = None;
        loop {
            {
                let mut state = self.state();
                if state.streams.cuts != begin.0 {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                if state.elections != begin.1 {
                    return Ok(refuse(11602, "operation was interrupted by a change of primary"));
                }
                match state.batch(self.face, id, most, "nextBatch") {
                    Ok((false, _)) if Instant::now() < end => {}
                    answer => return Ok(answer.map(|(_, reply)| reply)),
                }
            }
            waits.get_or_insert_with(|| Waits::new(&self.news.waiting));
            let _ = timeout_at(end, moved.changed()).await;
        }
    }
}

//! Change streams: which documents were written in a database, from a moment that a token names.
//!
//! Only the `_id` of what happened is used: the document itself is read when it is copied, as it is then. So events may come
//! twice and late, and nothing but the newest state is ever written. Servers without an oplog have no change streams.
//!
//! Tests run it against the change streams of the testbed's server, showing itself as 4.2 and 7.0, and against the server that
//! `TEST_MONGO_URI` names. On the oplog of a real MongoDB it was never tried.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::{ChangeStreamEvent, OperationType, ResumeToken};
use mongodb::error::Error;
use rehelm_core::ports::{Change, ChangeBatch, Changes, DocumentId, PortError, PortResult};

use super::Mongo;
use super::error::{code, port, transient};

/// Events in one batch.
const MOST: usize = 1000;

/// The oplog no longer holds what comes after the token, or the stream ended for good (260: the token is of such an end).
const LOST: [i32; 4] = [136, 260, 280, 286];

struct Watch {
    stream: ChangeStream<ChangeStreamEvent<RawDocumentBuf>>,
    database: String,
}

fn token_of(text: &str) -> PortResult<ResumeToken> {
    serde_json::from_str(text).map_err(|error| PortError::Invalid("token of a change stream".into(), error.to_string()))
}

impl Mongo {
    pub(super) async fn watch(&self, database: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        let hello = self.run("admin", "isMaster", doc! { "isMaster": 1 }).await?;
        if !hello.contains_key("setName") && hello.get_str("msg") != Ok("isdbgrid") {
            return Ok(None);
        }
        let own = self.client().database(database);
        let watch = own.watch().batch_size(MOST as u32);
        let watch = match token {
            Some(token) => watch.resume_after(token_of(token)?),
            None => watch,
        };
        match watch.await {
            Ok(stream) => Ok(Some(Box::new(Watch {
                stream: stream.with_type(),
                database: database.to_owned(),
            }))),
            // A token that the oplog has left behind is found out at once, by the one who asked with it.
            Err(error) if token.is_some() && lost(&error) => Ok(Some(Box::new(Gone))),
            Err(error) if transient(&error) => Err(port(&format!("changes of {database}"), error)),
            // Neither the stage nor the right to it: other ways remain.
            Err(error) if code(&error).is_some() => Ok(None),
            Err(error) => Err(port(&format!("changes of {database}"), error)),
        }
    }
}

fn lost(error: &Error) -> bool {
    code(error).is_some_and(|code| LOST.contains(&code))
}

/// A record that does not reach back far enough.
struct Gone;

#[async_trait]
impl Changes for Gone {
    async fn next(&mut self, _: Duration) -> PortResult<Option<ChangeBatch>> {
        Ok(None)
    }
}

#[async_trait]
impl Changes for Watch {
    async fn next(&mut self, wait: Duration) -> PortResult<Option<ChangeBatch>> {
        let mut batch = ChangeBatch::default();
        let end = Instant::now() + wait;
        while batch.changes.len() < MOST {
            match self.stream.next_if_any().await {
                Ok(Some(event)) => {
                    let kind = (
                        &event.operation_type,
                        event.ns.as_ref().and_then(|ns| ns.coll.as_deref()),
                    );
                    batch.changes.extend(change(kind, event.document_key.as_ref()));
                    // One that writes slowly and steadily would keep everything waiting for a full batch.
                    if Instant::now() >= end {
                        break;
                    }
                }
                Ok(None) if !self.stream.is_alive() => return Ok(None),
                Ok(None) if !batch.changes.is_empty() || Instant::now() >= end => break,
                Ok(None) => {}
                Err(error) if lost(&error) => return Ok(None),
                Err(error) => return Err(port(&format!("changes of {}", self.database), error)),
            }
        }
        let token = self.stream.resume_token();
        batch.token = token.and_then(|token| serde_json::to_string(&token).ok());
        Ok(Some(batch))
    }
}

/// What an event means for a copy.
fn change((kind, collection): (&OperationType, Option<&str>), key: Option<&Document>) -> Option<Change> {
    use OperationType as O;
    match (kind, collection, key.and_then(|key| key.get("_id"))) {
        (_, Some(collection), _) if collection.starts_with("system.") => None,
        (O::Insert | O::Update | O::Replace | O::Delete, Some(collection), Some(id)) => {
            let id = RawDocumentBuf::from_document(&doc! { "_id": Bson::clone(id) }).ok()?;
            Some(Change::Document {
                collection: collection.to_owned(),
                id: DocumentId(id.into_bytes()),
            })
        }
        (O::DropDatabase | O::Invalidate, ..) => Some(Change::Other(None)),
        // Dropped, renamed, created, indexed: what it is now is found by comparing.
        (O::Rename, ..) => Some(Change::Other(None)),
        (_, collection, _) => Some(Change::Other(collection.map(str::to_owned))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_name_documents_or_collections() {
        let key = doc! { "_id": 7 };
        let of = |kind: OperationType, collection: Option<&str>| change((&kind, collection), Some(&key));
        let Some(Change::Document { collection, id }) = of(OperationType::Delete, Some("a")) else {
            panic!("a document");
        };
        let id = Document::from_reader(id.0.as_slice()).expect("BSON");
        assert_eq!((collection.as_str(), id), ("a", key.clone()));
        assert_eq!(of(OperationType::Insert, Some("system.views")), None);
        assert_eq!(
            of(OperationType::Drop, Some("a")),
            Some(Change::Other(Some("a".into())))
        );
        assert_eq!(of(OperationType::Rename, Some("a")), Some(Change::Other(None)));
        assert_eq!(of(OperationType::DropDatabase, None), Some(Change::Other(None)));
    }
}

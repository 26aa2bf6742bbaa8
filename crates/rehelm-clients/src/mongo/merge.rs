//! Copying inside the server: `$merge`, the quickest way, as no document travels.

use std::pin::pin;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};

use super::Mongo;
use super::copy::{Job, TRIES, pause};
use super::error::{code, transient};

/// How a copy by the server ended.
pub(super) enum Merged {
    Done,
    /// The server cannot; documents have to travel.
    Unsupported,
}

impl Mongo {
    /// Merges the collection into its copy. Into an empty one an `_id` that is there already is an error, which is the fast
    /// form; after an interruption documents are replaced, which may be done any number of times.
    pub(super) async fn merge(&self, job: &Job<'_>, empty: bool) -> Result<Merged, Error> {
        let mut tries = 0;
        loop {
            let matched = if empty && tries == 0 { "fail" } else { "replace" };
            let into = doc! { "db": job.to, "coll": &job.collection.name };
            let stage =
                doc! { "$merge": { "into": into, "on": "_id", "whenMatched": matched, "whenNotMatched": "insert" } };
            let command = doc! {
                "aggregate": &job.collection.name, "pipeline": [stage], "cursor": {}, "allowDiskUse": true,
                "bypassDocumentValidation": true,
                "writeConcern": { "w": "majority" },
            };
            match self.watched(job, command).await {
                Ok(()) => return Ok(Merged::Done),
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                // Whatever the server has against it (an unknown stage, a document that it will not merge): streaming
                // shows whether the documents themselves can be written, or says better why not.
                Err(error) if refused(&error) => return Ok(Merged::Unsupported),
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs the command and reports how far the copy has come meanwhile.
    async fn watched(&self, job: &Job<'_>, command: Document) -> Result<(), Error> {
        let source = self.client().database(job.from);
        let target = self.client().database(job.to);
        let mut run = pin!(async { source.run_command(command).await });
        loop {
            tokio::select! {
                reply = &mut run => return reply.map(|_| ()),
                () = tokio::time::sleep(Duration::from_millis(500)) => {
                    let count = target.run_command(doc! { "count": &job.collection.name }).await;
                    let count = count.ok().and_then(|reply| super::number(reply.get("n"))).unwrap_or(0);
                    job.at_least(count);
                }
            }
        }
    }
}

fn refused(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(_)) && !matches!(code(error), Some(13 | 18))
}

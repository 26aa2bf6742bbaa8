//! Following a record of changes: what was written in the source is read there anew and written to the copy.
//!
//! Order and repetition of events do not matter, because only the newest state of a document is ever written; so a token
//! may be older than what was applied. What is not about a single document, and a record that no longer reaches back far
//! enough, make the two databases be compared as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ports::{Change, Changes, CopyProgress, Databases, DocumentId, How, Levelled, PortResult};

/// What one turn did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What was written.
    pub done: Levelled,
    /// Go on from here.
    pub token: Option<String>,
    /// Nothing had happened.
    pub idle: bool,
    /// Why everything was compared, if it was.
    pub whole: Option<Whole>,
}

/// Why everything was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The record no longer reached back far enough; a new one is needed.
    Lost,
    /// Something happened to a collection itself.
    Shape,
}

/// Waits for changes so long, and brings the copy up to date with them.
///
/// # Errors
/// When the server does not answer. The turn can be repeated with the token of the one before.
pub async fn turn(
    server: &dyn Databases,
    changes: &mut dyn Changes,
    (from, to): (&str, &str),
    how: &How<'_>,
    wait: Duration,
    progress: &CopyProgress<'_>,
) -> PortResult<Turn> {
    let Some(batch) = changes.next(wait).await? else {
        return Ok(Turn {
            done: server.level(from, to, how, progress).await?,
            whole: Some(Whole::Lost),
            ..Turn::default()
        });
    };
    let mut out = Turn {
        token: batch.token,
        idle: batch.changes.is_empty(),
        ..Turn::default()
    };
    let mut documents: BTreeMap<String, BTreeSet<DocumentId>> = BTreeMap::new();
    for change in batch.changes {
        match change {
            Change::Document { collection, id } => {
                documents.entry(collection).or_default().insert(id);
            }
            Change::Other(_) => out.whole = Some(Whole::Shape),
        }
    }
    if out.whole.is_some() {
        out.done = server.level(from, to, how, progress).await?;
        return Ok(out);
    }
    for (collection, ids) in documents {
        let ids: Vec<DocumentId> = ids.into_iter().collect();
        out.done += server.refresh(from, to, &collection, &ids).await?;
    }
    Ok(out)
}

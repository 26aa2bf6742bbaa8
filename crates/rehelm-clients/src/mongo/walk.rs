//! Two collections side by side, range after range in the order of `_id`: what only one of them has, what differs.
//!
//! The source is read once, batch by batch; the other side gives, for each batch, what it holds in the same range. So
//! nothing has to be sorted or compared here, memory holds one batch, and a walk that breaks goes on after the last range.

use std::collections::HashMap;

use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use futures::StreamExt;
use mongodb::options::Hint;
use rehelm_core::ports::{PortError, PortResult};

use super::Mongo;
use super::after::between;
use super::copy::{TRIES, pause};
use super::error::{port, transient};

/// Documents of the source in one range.
const RANGE: u32 = 1000;

/// What one range showed.
#[derive(Default)]
pub(super) struct Range {
    /// Documents of the source in it.
    pub documents: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Only the source has them.
    pub missing: Vec<RawDocumentBuf>,
    /// Only the copy has them: their `_id`s.
    pub extra: Vec<RawDocumentBuf>,
    /// Source and copy of documents that differ.
    pub different: Vec<(RawDocumentBuf, RawDocumentBuf)>,
}

/// The `_id` in the server's own encoding, type included, as a document of its own.
pub(super) fn id_of(document: &RawDocument) -> Option<RawDocumentBuf> {
    let id: RawBsonRef<'_> = document.get("_id").ok()??;
    let mut own = RawDocumentBuf::new();
    own.append_ref("_id", id);
    Some(own)
}

/// Where a walk is.
pub(super) struct Walk<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub collection: &'a str,
    /// The last `_id` of the last range; None at the beginning.
    pub last: Option<Bson>,
    /// True when the source has come to its end, and what follows is only the copy's.
    pub ended: bool,
}

impl<'a> Walk<'a> {
    pub fn new(from: &'a str, to: &'a str, collection: &'a str) -> Self {
        Self {
            from,
            to,
            collection,
            last: None,
            ended: false,
        }
    }
}

impl Mongo {
    /// Calls `see` with each range in turn. What `see` says about a range is kept when a later one breaks.
    pub(super) async fn walk(&self, walk: &mut Walk<'_>, see: &mut (dyn AsyncSee + Send)) -> PortResult<()> {
        let what = format!("{}.{}", walk.from, walk.collection);
        let mut tries = 0;
        loop {
            let before = (walk.last.clone(), walk.ended);
            match self.walk_on(walk, see).await {
                Ok(()) => return Ok(()),
                Err(Broken::Server(error)) if transient(&error) && tries < TRIES => {
                    // A walk that came further has earned all its tries again.
                    tries = if before == (walk.last.clone(), walk.ended) {
                        tries
                    } else {
                        0
                    };
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                Err(Broken::Server(error)) => return Err(port(&what, error)),
                Err(Broken::Seen(error)) => return Err(error),
            }
        }
    }

    async fn walk_on(&self, walk: &mut Walk<'_>, see: &mut (dyn AsyncSee + Send)) -> Result<(), Broken> {
        let by_id = || doc! { "_id": 1 };
        if let Some(filter) = between(walk.last.as_ref(), None).filter(|_| !walk.ended) {
            let source = self
                .client()
                .database(walk.from)
                .collection::<RawDocumentBuf>(walk.collection);
            let find = source.find(filter).sort(by_id()).hint(Hint::Keys(by_id()));
            let mut cursor = find.batch_size(RANGE).batch().await?;
            while let Some(batch) = cursor.next().await {
                let batch = batch?;
                let mut documents = Vec::new();
                for document in batch.doc_slices()? {
                    if let Some(document) = document?.as_document() {
                        documents.push(document);
                    }
                }
                let Some(last) = documents.last().and_then(|d| d.get("_id").ok().flatten()) else {
                    continue;
                };
                let high = Bson::try_from(last.to_raw_bson()).map_err(mongodb::error::Error::custom)?;
                let range = self.range(walk, &documents, Some(&high)).await?;
                see.see(range).await.map_err(Broken::Seen)?;
                walk.last = Some(high);
            }
        }
        walk.ended = true;
        // What the copy holds after the source's last document, in pieces that fit into memory.
        loop {
            let range = self.range(walk, &[], None).await?;
            let more = range.extra.len() >= RANGE as usize;
            let last = range.extra.last().and_then(|id| id.get("_id").ok().flatten());
            let last = last.and_then(|id| Bson::try_from(id.to_raw_bson()).ok());
            see.see(range).await.map_err(Broken::Seen)?;
            match last.filter(|_| more) {
                Some(last) => walk.last = Some(last),
                None => return Ok(()),
            }
        }
    }

    /// The copy's side of a range, held against the source's documents.
    async fn range(&self, walk: &Walk<'_>, source: &[&RawDocument], high: Option<&Bson>) -> Result<Range, Broken> {
        let mut range = Range {
            documents: source.len() as u64,
            bytes: source.iter().map(|document| document.as_bytes().len() as u64).sum(),
            ..Range::default()
        };
        let mut open: HashMap<Vec<u8>, &RawDocument> = HashMap::with_capacity(source.len());
        for document in source {
            if let Some(id) = id_of(document) {
                open.insert(id.into_bytes(), document);
            }
        }
        if let Some(filter) = between(walk.last.as_ref(), high) {
            let by_id = doc! { "_id": 1 };
            let copy = self
                .client()
                .database(walk.to)
                .collection::<RawDocumentBuf>(walk.collection);
            let find = copy.find(filter).sort(by_id.clone()).hint(Hint::Keys(by_id));
            let find = if high.is_none() {
                find.limit(i64::from(RANGE))
            } else {
                find
            };
            let mut cursor = find.batch_size(RANGE).batch().await?;
            while let Some(batch) = cursor.next().await {
                for document in batch?.doc_slices()? {
                    let Some(document) = document?.as_document() else {
                        continue;
                    };
                    let Some(id) = id_of(document) else { continue };
                    match open.remove(id.as_bytes()) {
                        Some(own) if own.as_bytes() == document.as_bytes() => {}
                        Some(own) => range.different.push((own.to_owned(), document.to_owned())),
                        None => range.extra.push(id),
                    }
                }
            }
        }
        // In the source's order.
        let left = source
            .iter()
            .filter(|document| id_of(document).is_some_and(|id| open.contains_key(id.as_bytes())));
        range.missing = left.map(|document| (*document).to_owned()).collect();
        Ok(range)
    }

    /// The documents with these `_id`s.
    pub(super) async fn by_ids(
        &self,
        database: &str,
        collection: &str,
        ids: &[RawDocumentBuf],
    ) -> PortResult<Vec<RawDocumentBuf>> {
        let what = format!("{database}.{collection}");
        let ids: Vec<Bson> = ids
            .iter()
            .filter_map(|id| id.get("_id").ok().flatten())
            .filter_map(|id| Bson::try_from(id.to_raw_bson()).ok())
            .collect();
        let mut tries = 0;
        loop {
            let read = async {
                let own = self
                    .client()
                    .database(database)
                    .collection::<RawDocumentBuf>(collection);
                let filter: Document = doc! { "_id": { "$in": ids.clone() } };
                let mut cursor = own.find(filter).batch_size(RANGE).batch().await?;
                let mut found = Vec::new();
                while let Some(batch) = cursor.next().await {
                    for document in batch?.doc_slices()? {
                        found.extend(document?.as_document().map(RawDocument::to_owned));
                    }
                }
                Ok::<_, mongodb::error::Error>(found)
            };
            match read.await {
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                other => return other.map_err(|error| port(&what, error)),
            }
        }
    }
}

/// Somebody who looks at ranges.
#[async_trait::async_trait]
pub(super) trait AsyncSee {
    /// One range.
    async fn see(&mut self, range: Range) -> PortResult<()>;
}

enum Broken {
    Server(mongodb::error::Error),
    Seen(PortError),
}

impl From<mongodb::error::Error> for Broken {
    fn from(error: mongodb::error::Error) -> Self {
        Self::Server(error)
    }
}

impl From<bson::raw::Error> for Broken {
    fn from(error: bson::raw::Error) -> Self {
        Self::Server(error.into())
    }
}

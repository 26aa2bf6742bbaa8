//! Making a copy equal again: what differs is written, what the source has no more is deleted.
//!
//! For copies that are this tool's own. Deletions come first, so that a document whose unique key went to another one does
//! not stand in its way; every write names one `_id`, so a range may be done again after any interruption.

use std::sync::Mutex;

use async_trait::async_trait;
use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use futures::TryStreamExt;
use rehelm_core::ports::{CopyProgress, DocumentId, How, Levelled, PortError, PortResult};

use super::collections::{Collection, Kind, canonical};
use super::copy::{AT_ONCE, Job};
use super::load::Load;
use super::stream::Write;
use super::walk::{AsyncSee, Range, Walk, id_of};
use super::{Mongo, not_own};

struct Leveller<'a> {
    mongo: &'a Mongo,
    job: &'a Job<'a>,
    done: Levelled,
    seen: (u64, u64),
}

#[async_trait]
impl AsyncSee for Leveller<'_> {
    async fn see(&mut self, range: Range) -> PortResult<()> {
        let job = self.job;
        self.mongo.delete(job.to, &job.collection.name, &range.extra).await?;
        let written: Vec<&RawDocument> = range
            .missing
            .iter()
            .chain(range.different.iter().map(|(own, _)| own))
            .map(AsRef::as_ref)
            .collect();
        self.mongo.put(job, &written).await?;
        self.done += Levelled {
            inserted: range.missing.len() as u64,
            replaced: range.different.len() as u64,
            deleted: range.extra.len() as u64,
            bytes: written.iter().map(|document| document.as_bytes().len() as u64).sum(),
            compared: range.documents,
        };
        self.seen.0 += range.documents;
        self.seen.1 += range.bytes;
        job.say(self.seen.0, self.seen.1);
        Ok(())
    }
}

impl Mongo {
    pub(super) async fn level_database(
        &self,
        from: &str,
        to: &str,
        how: &How<'_>,
        progress: &CopyProgress<'_>,
    ) -> PortResult<Levelled> {
        not_own(from)?;
        not_own(to)?;
        if from == to {
            let why = "source and target are the same";
            return Err(PortError::Invalid(format!("copy of {from}"), why.into()));
        }
        let source = self.collections(from).await?;
        if source.is_empty() {
            return Err(PortError::NotFound(format!("database {from}")));
        }
        let done = Mutex::new(Levelled::default());
        for there in self.collections(to).await? {
            let same = |own: &&Collection| own.name == there.name && own.shape(&[]) == there.shape(&[]);
            // Options cannot be changed one by one; what has other ones is made anew.
            if !source.iter().any(|own| same(&own)) {
                self.drop_collection(to, &there.name).await?;
            }
        }
        self.create_missing(&source, from, to).await?;
        let (views, collections): (Vec<_>, Vec<_>) = source.iter().partition(|own| own.kind == Kind::View);
        let load = Load::new(how.max_rate);
        let level = |collection| {
            let (done, load) = (&done, &load);
            async move {
                let job = self.job((from, to), collection, how, load, progress).await;
                let own = self.level_collection(&job).await?;
                *done.lock().unwrap_or_else(|poison| poison.into_inner()) += own;
                PortResult::Ok(())
            }
        };
        futures::stream::iter(collections.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, level)
            .await?;
        for view in views {
            self.create(to, view).await?;
        }
        Ok(done.into_inner().unwrap_or_else(|poison| poison.into_inner()))
    }

    async fn level_collection(&self, job: &Job<'_>) -> PortResult<Levelled> {
        let name = &job.collection.name;
        if job.collection.kind == Kind::Capped {
            let before = self.count(job.to, name).await?;
            match self.copy_capped(job).await {
                // The oldest documents are gone from the source, and none can be deleted from the copy.
                Err(PortError::Conflict(..)) => {
                    self.drop_collection(job.to, name).await?;
                    self.create(job.to, job.collection).await?;
                    self.copy_capped(job).await?;
                }
                other => other?,
            }
            self.level_indexes(job).await?;
            let after = self.count(job.to, name).await?;
            return Ok(Levelled {
                inserted: after.saturating_sub(before),
                compared: after,
                ..Levelled::default()
            });
        }
        // Unique indexes of an earlier time may forbid what is right now.
        self.drop_other_indexes(job).await?;
        let mut leveller = Leveller {
            mongo: self,
            job,
            done: Levelled::default(),
            seen: (0, 0),
        };
        self.walk(&mut Walk::new(job.from, job.to, name), &mut leveller).await?;
        self.create_indexes(job.from, job.to, job.collection).await?;
        Ok(leveller.done)
    }

    async fn level_indexes(&self, job: &Job<'_>) -> PortResult<()> {
        self.drop_other_indexes(job).await?;
        self.create_indexes(job.from, job.to, job.collection).await
    }

    async fn drop_other_indexes(&self, job: &Job<'_>) -> PortResult<()> {
        let key = canonical;
        let wanted: Vec<_> = self.indexes(job.from, job.collection).await?.iter().map(key).collect();
        for spec in self.indexes(job.to, job.collection).await? {
            let name = spec.get_str("name").unwrap_or_default().to_owned();
            if name != "_id_" && spec.get_bool("clustered") != Ok(true) && !wanted.contains(&key(&spec)) {
                let command = doc! { "dropIndexes": &job.collection.name, "index": &name };
                let what = format!("index {name} of {}.{}", job.to, job.collection.name);
                self.run(job.to, &what, command).await?;
            }
        }
        Ok(())
    }

    async fn drop_collection(&self, database: &str, name: &str) -> PortResult<()> {
        let command = doc! { "drop": name, "writeConcern": { "w": "majority" } };
        match self.run(database, &format!("{database}.{name}"), command).await {
            Err(PortError::NotFound(_)) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Writes documents over whatever is there. One that stands in another's way through a unique key is moved out of it:
    /// it is one that will be written itself.
    async fn put(&self, job: &Job<'_>, documents: &[&RawDocument]) -> PortResult<()> {
        match self.write(job, documents, Write::Replace).await {
            Err(PortError::Conflict(_, words)) if words.ends_with("(code 11000)") => {
                let ids: Vec<_> = documents.iter().filter_map(|document| id_of(document)).collect();
                self.delete(job.to, &job.collection.name, &ids).await?;
                self.write(job, documents, Write::Replace).await
            }
            other => other,
        }
    }

    /// Deletes documents by their `_id`s; those that are gone already do not matter.
    async fn delete(&self, database: &str, collection: &str, ids: &[RawDocumentBuf]) -> PortResult<()> {
        for piece in ids.chunks(1000) {
            let deletes: Vec<Bson> = piece
                .iter()
                .filter_map(|id| id.get("_id").ok().flatten())
                .filter_map(|id| Bson::try_from(id.to_raw_bson()).ok())
                .map(|id| doc! { "q": { "_id": id }, "limit": 1 }.into())
                .collect();
            let command = doc! { "delete": collection, "deletes": deletes, "writeConcern": { "w": "majority" } };
            let what = format!("{database}.{collection}");
            let reply = self.run(database, &what, command).await?;
            if let Some(words) = super::error::write_errors(&reply) {
                return Err(PortError::Invalid(what, words));
            }
        }
        Ok(())
    }

    pub(super) async fn refresh_documents(
        &self,
        from: &str,
        to: &str,
        collection: &str,
        ids: &[DocumentId],
    ) -> PortResult<Levelled> {
        let source = self.collections(from).await?;
        let Some(own) = source
            .iter()
            .find(|own| own.name == collection && own.kind != Kind::View)
        else {
            // Gone since: whoever told of the document tells of that as well.
            return Ok(Levelled::default());
        };
        self.create_missing(std::slice::from_ref(own), from, to)
            .await
            .or_else(|error| match error {
                // Of collections that are not asked about.
                PortError::Conflict(..) => Ok(()),
                other => Err(other),
            })?;
        let (how, load) = (How::default(), Load::new(None));
        let job = self.job((from, to), own, &how, &load, &|_, _, _| {}).await;
        let mut done = Levelled::default();
        for piece in ids.chunks(500) {
            let ids: Vec<RawDocumentBuf> = piece
                .iter()
                .filter_map(|id| RawDocumentBuf::from_bytes(id.0.clone()).ok())
                .collect();
            let now = self.by_ids(from, collection, &ids).await?;
            let there: std::collections::HashSet<Vec<u8>> = now
                .iter()
                .filter_map(|d| id_of(d))
                .map(RawDocumentBuf::into_bytes)
                .collect();
            let gone: Vec<_> = ids.into_iter().filter(|id| !there.contains(id.as_bytes())).collect();
            self.delete(to, collection, &gone).await?;
            let now: Vec<&RawDocument> = now.iter().map(AsRef::as_ref).collect();
            self.put(&job, &now).await?;
            done += Levelled {
                replaced: now.len() as u64,
                deleted: gone.len() as u64,
                bytes: now.iter().map(|document| document.as_bytes().len() as u64).sum(),
                compared: piece.len() as u64,
                inserted: 0,
            };
        }
        Ok(done)
    }
}

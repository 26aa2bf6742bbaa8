//! Copying through this program: raw documents in `_id` order, batch by batch, the next one read while one is written.

use bson::{Bson, Document, RawArrayBuf, RawDocument, RawDocumentBuf, doc, rawdoc};
use futures::StreamExt;
use mongodb::error::Error;
use rehelm_core::ports::{PortError, PortResult};

use super::Mongo;
use super::after::after;
use super::copy::{Job, TRIES, pause};
use super::error::{port, transient, write_errors};

/// Documents and bytes in one write: below the server's limits, with room for the command around them.
const DOCUMENTS: u32 = 1000;
const BYTES: usize = 12_000_000;

/// How documents are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    /// An `_id` that is there already is an error.
    Insert,
    /// What is there is replaced: safe to do again.
    Replace,
    /// As `Insert`, and a broken connection is the caller's to sort out.
    Append,
}

impl Mongo {
    /// Copies all documents. A cursor that is lost is opened again after the last `_id` that was written.
    pub(super) async fn stream(&self, job: &Job<'_>, empty: bool) -> PortResult<()> {
        let what = format!("{}.{}", job.from, job.collection.name);
        let write = if empty { Write::Insert } else { Write::Replace };
        let (mut last, mut tries) = (None::<Bson>, 0);
        loop {
            let filter = match &last {
                None => doc! {},
                Some(last) => match after(last) {
                    Some(filter) => filter,
                    None => return Ok(()),
                },
            };
            match self.stream_from(job, filter, write, &mut last).await {
                Ok(()) => return Ok(()),
                Err(Broken::Read(error)) if transient(&error) && tries < TRIES => pause(&mut tries).await,
                Err(Broken::Read(error)) => return Err(port(&what, error)),
                Err(Broken::Write(error)) => return Err(error),
            }
        }
    }

    async fn stream_from(
        &self,
        job: &Job<'_>,
        filter: Document,
        write: Write,
        last: &mut Option<Bson>,
    ) -> Result<(), Broken> {
        let source = self
            .client
            .database(job.from)
            .collection::<RawDocumentBuf>(&job.collection.name);
        let by_id = || doc! { "_id": 1 };
        let find = source
            .find(filter)
            .sort(by_id())
            .hint(mongodb::options::Hint::Keys(by_id()))
            .batch_size(DOCUMENTS);
        let mut cursor = find.batch().await?;
        let mut next = cursor.next().await;
        while let Some(batch) = next {
            let batch = batch?;
            let documents: Vec<_> = batch.doc_slices()?.into_iter().collect::<Result<_, _>>()?;
            let documents: Vec<_> = documents
                .into_iter()
                .filter_map(|document| document.as_document())
                .collect();
            let (written, read) = futures::join!(self.write(job, &documents, write), cursor.next());
            written.map_err(Broken::Write)?;
            if let Some(id) = documents.last().and_then(|document| document.get("_id").ok().flatten()) {
                *last = Bson::try_from(id.to_raw_bson()).ok();
            }
            next = read;
        }
        Ok(())
    }

    /// Writes documents in pieces that a server takes; each piece until it is there.
    pub(super) async fn write(&self, job: &Job<'_>, documents: &[&RawDocument], write: Write) -> PortResult<()> {
        let what = format!("{}.{}", job.to, job.collection.name);
        let mut rest = documents;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |document: &&&RawDocument| {
                bytes += document.as_bytes().len() + 32;
                bytes <= BYTES
            };
            let count = rest.iter().take(DOCUMENTS as usize).take_while(fits).count().max(1);
            let (piece, left) = rest.split_at(count);
            let (mut tries, mut how) = (0, write);
            loop {
                let command = command(&job.collection.name, piece, how);
                match self.client.database(job.to).run_raw_command(command).await {
                    Ok(reply) => match write_errors(&reply) {
                        None => break,
                        Some(words) => return Err(PortError::Invalid(what, words)),
                    },
                    Err(error) if transient(&error) && tries < TRIES && how != Write::Append => {
                        // Perhaps it was applied, perhaps in part.
                        how = Write::Replace;
                        pause(&mut tries).await;
                    }
                    Err(error) => return Err(port(&what, error)),
                }
            }
            job.wrote(
                piece.len(),
                piece.iter().map(|document| document.as_bytes().len()).sum(),
            );
            rest = left;
        }
        Ok(())
    }
}

enum Broken {
    Read(Error),
    Write(PortError),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Read(error)
    }
}

impl From<bson::raw::Error> for Broken {
    fn from(error: bson::raw::Error) -> Self {
        Self::Read(error.into())
    }
}

/// `insert`, or `update` with upserts; documents go in as the bytes that they are.
fn command(collection: &str, documents: &[&RawDocument], write: Write) -> RawDocumentBuf {
    let mut list = RawArrayBuf::new();
    let mut body = RawDocumentBuf::new();
    for document in documents {
        match (write, document.get("_id")) {
            (Write::Replace, Ok(Some(id))) => {
                // The plain form: servers have a fast path for it, and an `_id` is never an operator.
                let mut query = RawDocumentBuf::new();
                query.append_ref("_id", id);
                let mut update = rawdoc! { "q": query };
                update.append_ref("u", *document);
                update.append("upsert", true);
                list.push(update);
            }
            _ => list.push((*document).to_owned()),
        }
    }
    let (verb, field) = if write == Write::Replace {
        ("update", "updates")
    } else {
        ("insert", "documents")
    };
    body.append(verb, collection);
    body.append("ordered", true);
    // What the source holds stays as it is, also where a validator came later.
    body.append("bypassDocumentValidation", true);
    body.append("writeConcern", rawdoc! { "w": "majority" });
    body.append(field, list);
    body
}

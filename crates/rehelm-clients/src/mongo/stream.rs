//! Copying through this program: raw documents in `_id` order, batch by batch, the next one read while one is written.

use std::sync::Mutex;

use bson::{Document, RawArrayBuf, RawDocument, RawDocumentBuf, doc, rawdoc};
use futures::StreamExt;
use mongodb::error::Error;
use rehelm_core::ports::{PortError, PortResult, Way};

use super::Mongo;
use super::after::between;
use super::copy::{Job, TRIES, pause};
use super::error::{port, transient, write_errors};
use super::parts::{Part, bson_of};
use super::walk::id_of;

/// Documents and bytes in one write: below the server's limits, and small enough that a few collections at once, each with
/// a batch that is read, one that is written and the command around it, stay within the memory that is promised.
const DOCUMENTS: u32 = 1000;
const BYTES: usize = 6_000_000;

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
    /// Copies all documents, in one stream or several side by side. A cursor that is lost is opened again after the last
    /// `_id` that was written, and a later call goes on there when there is a notebook.
    pub(super) async fn stream(&self, job: &Job<'_>, empty: bool) -> PortResult<()> {
        let noted = self.noted(job)?.filter(|_| !empty);
        let parts = match noted {
            Some(parts) => parts,
            None if job.how.way == Way::Ranges => self.parts(job).await?,
            None => vec![Part::default()],
        };
        let write = if empty { Write::Insert } else { Write::Replace };
        let own = parts.clone();
        let parts = Mutex::new(parts);
        let one = |(at, part)| self.stream_part(job, write, at, part, &parts);
        futures::future::try_join_all(own.into_iter().enumerate().filter(|(_, part)| !part.done).map(one))
            .await
            .map(|_| ())
    }

    async fn stream_part(
        &self,
        job: &Job<'_>,
        write: Write,
        at: usize,
        mut part: Part,
        all: &Mutex<Vec<Part>>,
    ) -> PortResult<()> {
        let what = format!("{}.{}", job.from, job.collection.name);
        let mut tries = 0;
        loop {
            let before = part.last.clone();
            let low = part.last.clone().or_else(|| part.low.clone());
            let (low, high) = (bson_of(low.as_ref()), bson_of(part.high.as_ref()));
            let outcome = match between(low.as_ref(), high.as_ref()) {
                None => Ok(()),
                Some(filter) => self.stream_from(job, filter, write, at, &mut part, all).await,
            };
            match outcome {
                Ok(()) => {
                    part.done = true;
                    return self.note(job, at, &part, all);
                }
                Err(Broken::Read(error)) if transient(&error) && tries < TRIES => {
                    tries = if part.last == before { tries } else { 0 };
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
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
        at: usize,
        part: &mut Part,
        all: &Mutex<Vec<Part>>,
    ) -> Result<(), Broken> {
        let source = self
            .client()
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
            if let Some(id) = documents.last().and_then(|document| id_of(document)) {
                part.last = Some(id);
                self.note(job, at, part, all).map_err(Broken::Write)?;
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
                match self.client().database(job.to).run_raw_command(command).await {
                    Ok(reply) => match write_errors(&reply) {
                        None => break,
                        // Somebody else's document has a key that an index makes unique.
                        Some(words) if words.ends_with("(code 11000)") => return Err(PortError::Conflict(what, words)),
                        Some(words) => return Err(PortError::Invalid(what, words)),
                    },
                    Err(error) if transient(&error) && tries < TRIES && how != Write::Append => {
                        // Perhaps it was applied, perhaps in part.
                        how = Write::Replace;
                        self.recover(&error).await;
                        pause(&mut tries).await;
                    }
                    Err(error) => return Err(port(&what, error)),
                }
            }
            let bytes = piece.iter().map(|document| document.as_bytes().len()).sum();
            job.wrote(piece.len(), bytes);
            self.make_room(job.load, bytes as u64).await;
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

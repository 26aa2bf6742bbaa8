//! Proof of a database: everything is read once, in whatever order the server has it; with a notebook in the order of
//! `_id`, so that an interrupted proof goes on where it stopped.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use bson::{RawDocumentBuf, doc};
use futures::{StreamExt, TryStreamExt};
use mongodb::error::Error;
use mongodb::options::Hint;
use rehelm_core::ports::{CollectionProof, DatabaseProof, Notebook, PortError, PortResult};
use serde::{Deserialize, Serialize};

use super::Mongo;
use super::after::between;
use super::collections::{Collection, Kind};
use super::copy::{AT_ONCE, TRIES, pause};
use super::digest::{Digest, from_hex};
use super::error::{port, transient};
use super::parts::{Part, bson_of};
use super::walk::id_of;

/// Bytes between two notes.
const NOTE_EVERY: u64 = 32_000_000;
/// What was read longer ago proves nothing about now.
const FRESH: Duration = Duration::from_secs(30 * 60);

fn key(database: &str, name: &str) -> String {
    format!("prove {database} {name}")
}

/// What was read so far.
#[derive(Default)]
struct Read {
    documents: u64,
    bytes: u64,
    digest: Digest,
    last: Option<RawDocumentBuf>,
    done: bool,
}

/// The same in the notebook.
#[derive(Serialize, Deserialize)]
struct Noted {
    documents: u64,
    bytes: u64,
    digest: String,
    part: Part,
    /// Seconds since 1970.
    at: u64,
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

impl Noted {
    fn of(read: &Read) -> Self {
        let part = Part {
            last: read.last.clone(),
            done: read.done,
            ..Part::default()
        };
        Self {
            documents: read.documents,
            bytes: read.bytes,
            digest: read.digest.hex(),
            part,
            at: now(),
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_fresh(&self) -> bool {
        now().abs_diff(self.at) < FRESH.as_secs() && from_hex(&self.digest).is_some()
    }

    fn read(self) -> Read {
        Read {
            documents: self.documents,
            bytes: self.bytes,
            digest: from_hex(&self.digest).unwrap_or_default(),
            last: self.part.last,
            done: self.part.done,
        }
    }
}

enum Broken {
    Server(Error),
    Notebook(PortError),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<bson::raw::Error> for Broken {
    fn from(error: bson::raw::Error) -> Self {
        Self::Server(error.into())
    }
}

impl Mongo {
    pub(super) async fn prove_database(
        &self,
        database: &str,
        notebook: Option<&dyn Notebook>,
    ) -> PortResult<DatabaseProof> {
        let collections = self.collections(database).await?;
        if collections.is_empty() {
            return Err(PortError::NotFound(format!("database {database}")));
        }
        let proofs = Mutex::new(DatabaseProof::new());
        let prove = |collection: Collection| {
            let proofs = &proofs;
            async move {
                let proof = self.prove_collection(database, &collection, notebook).await?;
                proofs
                    .lock()
                    .unwrap_or_else(|poison| poison.into_inner())
                    .insert(collection.name, proof);
                PortResult::Ok(())
            }
        };
        futures::stream::iter(collections.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, prove)
            .await?;
        let proofs = proofs.into_inner().unwrap_or_else(|poison| poison.into_inner());
        for name in proofs.keys() {
            notebook.map_or(Ok(()), |notebook| notebook.forget(&key(database, name)))?;
        }
        Ok(proofs)
    }

    async fn prove_collection(
        &self,
        database: &str,
        collection: &Collection,
        notebook: Option<&dyn Notebook>,
    ) -> PortResult<CollectionProof> {
        let shape = collection.shape(&self.indexes(database, collection).await?);
        let mut tries = 0;
        let (documents, bytes, digest) = loop {
            // A view has no documents of its own.
            if collection.kind == Kind::View {
                break (0, 0, Digest::default());
            }
            if let Some(notebook) = notebook {
                let read = self.read_in_order(database, &collection.name, notebook).await?;
                break (read.documents, read.bytes, read.digest);
            }
            match self.read_all(database, &collection.name).await {
                Ok(read) => break read,
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                Err(error) => return Err(port(&format!("{database}.{}", collection.name), error)),
            }
        };
        Ok(CollectionProof {
            documents,
            bytes,
            content: digest.hex(),
            shape,
        })
    }

    async fn read_in_order(&self, database: &str, name: &str, notebook: &dyn Notebook) -> PortResult<Read> {
        let key = key(database, name);
        let noted = notebook
            .read(&key)?
            .and_then(|text| serde_json::from_str::<Noted>(&text).ok());
        let mut read = noted
            .filter(|noted| noted.is_fresh())
            .map(Noted::read)
            .unwrap_or_default();
        let mut tries = 0;
        while !read.done {
            let before = read.documents;
            match self.read_on(database, name, &mut read, &key, notebook).await {
                Ok(()) => read.done = true,
                Err(Broken::Server(error)) if transient(&error) && tries < TRIES => {
                    tries = if read.documents == before { tries } else { 0 };
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                Err(Broken::Server(error)) => return Err(port(&format!("{database}.{name}"), error)),
                Err(Broken::Notebook(error)) => return Err(error),
            }
        }
        notebook.write(&key, &Noted::of(&read).text())?;
        Ok(read)
    }

    async fn read_on(
        &self,
        database: &str,
        name: &str,
        read: &mut Read,
        key: &str,
        notebook: &dyn Notebook,
    ) -> Result<(), Broken> {
        let Some(filter) = between(bson_of(read.last.as_ref()).as_ref(), None) else {
            return Ok(());
        };
        let by_id = || doc! { "_id": 1 };
        let collection = self.client().database(database).collection::<RawDocumentBuf>(name);
        let find = collection.find(filter).sort(by_id()).hint(Hint::Keys(by_id()));
        let mut cursor = find.batch_size(1000).batch().await?;
        let mut since = 0;
        while let Some(batch) = cursor.next().await {
            let batch = batch?;
            for document in batch.doc_slices()? {
                let Some(document) = document?.as_document() else {
                    continue;
                };
                read.documents += 1;
                since += document.as_bytes().len() as u64;
                read.bytes += document.as_bytes().len() as u64;
                read.digest.add(document.as_bytes());
                read.last = id_of(document);
            }
            if since >= NOTE_EVERY {
                since = 0;
                notebook.write(key, &Noted::of(read).text()).map_err(Broken::Notebook)?;
            }
        }
        Ok(())
    }

    /// Documents, bytes, digest. A cursor that breaks is begun again: without an order there is no place to resume from.
    async fn read_all(&self, database: &str, name: &str) -> Result<(u64, u64, Digest), Error> {
        let (mut documents, mut bytes, mut digest) = (0, 0, Digest::default());
        let collection = self
            .client()
            .database(database)
            .collection::<bson::RawDocumentBuf>(name);
        let mut cursor = collection.find(doc! {}).batch_size(1000).batch().await?;
        while let Some(batch) = cursor.next().await {
            for document in batch?.doc_slices()? {
                let Some(document) = document?.as_document() else {
                    continue;
                };
                documents += 1;
                bytes += document.as_bytes().len() as u64;
                digest.add(document.as_bytes());
            }
        }
        Ok((documents, bytes, digest))
    }
}

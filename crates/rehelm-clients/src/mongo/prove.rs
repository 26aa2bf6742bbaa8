//! Proof of a database: everything is read once, in whatever order the server has it.

use std::sync::Mutex;

use bson::doc;
use futures::{StreamExt, TryStreamExt};
use mongodb::error::Error;
use rehelm_core::ports::{CollectionProof, DatabaseProof, PortError, PortResult};

use super::Mongo;
use super::collections::{Collection, Kind};
use super::copy::{AT_ONCE, TRIES, pause};
use super::digest::Digest;
use super::error::{port, transient};

impl Mongo {
    pub(super) async fn prove_database(&self, database: &str) -> PortResult<DatabaseProof> {
        let collections = self.collections(database).await?;
        if collections.is_empty() {
            return Err(PortError::NotFound(format!("database {database}")));
        }
        let proofs = Mutex::new(DatabaseProof::new());
        let prove = |collection: Collection| {
            let proofs = &proofs;
            async move {
                let proof = self.prove_collection(database, &collection).await?;
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
        Ok(proofs.into_inner().unwrap_or_else(|poison| poison.into_inner()))
    }

    async fn prove_collection(&self, database: &str, collection: &Collection) -> PortResult<CollectionProof> {
        let shape = collection.shape(&self.indexes(database, collection).await?);
        let mut tries = 0;
        let (documents, bytes, digest) = loop {
            // A view has no documents of its own.
            if collection.kind == Kind::View {
                break (0, 0, Digest::default());
            }
            match self.read_all(database, &collection.name).await {
                Ok(read) => break read,
                Err(error) if transient(&error) && tries < TRIES => pause(&mut tries).await,
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

    /// Documents, bytes, digest. A cursor that breaks is begun again: without an order there is no place to resume from.
    async fn read_all(&self, database: &str, name: &str) -> Result<(u64, u64, Digest), Error> {
        let (mut documents, mut bytes, mut digest) = (0, 0, Digest::default());
        let collection = self.client.database(database).collection::<bson::RawDocumentBuf>(name);
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

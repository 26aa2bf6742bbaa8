//! Capped collections: their order is what they are for, and nothing in them can be deleted or made larger. They are
//! copied in their natural order, and a copy that was interrupted goes on where its documents end.

use bson::{RawDocumentBuf, doc};
use futures::StreamExt;
use rehelm_core::ports::{PortError, PortResult};

use super::Mongo;
use super::copy::{Job, TRIES, pause};
use super::error::port;
use super::stream::Write;

impl Mongo {
    pub(super) async fn copy_capped(&self, job: &Job<'_>) -> PortResult<()> {
        let mut tries = 0;
        loop {
            match self.append_missing(job).await {
                // Where it stopped is seen from what is there.
                Err(PortError::Unavailable(_)) if tries < TRIES => pause(&mut tries).await,
                other => return other,
            }
        }
    }

    async fn append_missing(&self, job: &Job<'_>) -> PortResult<()> {
        let name = &job.collection.name;
        let (from, to) = (format!("{}.{name}", job.from), format!("{}.{name}", job.to));
        let open = async |database: &str, what: &str| {
            let collection = self.client().database(database).collection::<RawDocumentBuf>(name);
            let find = collection.find(doc! {}).sort(doc! { "$natural": 1 }).batch_size(1000);
            find.await.map_err(|error| port(what, error))
        };
        let mut source = open(job.from, &from).await?;
        let mut target = open(job.to, &to).await?;
        let mut there = 0;
        while let Some(copied) = target.next().await {
            let copied = copied.map_err(|error| port(&to, error))?;
            let original = source.next().await.transpose().map_err(|error| port(&from, error))?;
            if original.as_ref() != Some(&copied) {
                return Err(PortError::Conflict(
                    to,
                    "it holds documents that are not the source's first ones".into(),
                ));
            }
            there += 1;
        }
        job.at_least(there);
        let mut batches = source.ready_chunks(500);
        while let Some(batch) = batches.next().await {
            let batch = batch
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| port(&from, error))?;
            let documents: Vec<_> = batch.iter().map(|document| document.as_ref()).collect();
            // Without the retry by replacing: a capped collection would keep both.
            self.write(job, &documents, Write::Append).await?;
        }
        Ok(())
    }
}

//! Copying a database: options first, then documents, then indexes, views last.

use std::sync::Mutex;
use std::time::Duration;

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use rehelm_core::ports::{PortError, PortResult};

use super::collections::{Collection, Kind};
use super::error::port;
use super::merge::Merged;
use super::{Mongo, not_own};

/// So many collections at once: a server copies each with one thread.
pub(super) const AT_ONCE: usize = 4;
/// So often something is tried again before its error is believed.
pub(super) const TRIES: u32 = 5;

/// Waits before the next try: 0.1 s, 0.2 s, … 1.6 s.
pub(super) async fn pause(tries: &mut u32) {
    tokio::time::sleep(Duration::from_millis(100 << *tries)).await;
    *tries += 1;
}

/// One collection on its way.
pub(super) struct Job<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub collection: &'a Collection,
    done: Mutex<(u64, u64)>,
    /// Average size of a document, for progress where the server copies.
    average: u64,
    progress: &'a (dyn Fn(&str, u64, u64) + Send + Sync),
}

impl Job<'_> {
    pub fn wrote(&self, documents: usize, bytes: usize) {
        let mut done = self.done.lock().unwrap_or_else(|poison| poison.into_inner());
        done.0 += documents as u64;
        done.1 += bytes as u64;
        (self.progress)(&self.collection.name, done.0, done.1);
    }

    pub fn at_least(&self, documents: u64) {
        let mut done = self.done.lock().unwrap_or_else(|poison| poison.into_inner());
        if documents > done.0 {
            *done = (documents, documents * self.average);
            (self.progress)(&self.collection.name, done.0, done.1);
        }
    }
}

impl Mongo {
    pub(super) async fn copy_database(
        &self,
        from: &str,
        to: &str,
        progress: &(dyn Fn(&str, u64, u64) + Send + Sync),
    ) -> PortResult<()> {
        not_own(from)?;
        not_own(to)?;
        if from == to {
            return Err(PortError::Invalid(
                format!("copy of {from}"),
                "source and target are the same".into(),
            ));
        }
        let source = self.collections(from).await?;
        if source.is_empty() {
            return Err(PortError::NotFound(format!("database {from}")));
        }
        if let Some(series) = source.iter().find(|collection| collection.kind == Kind::TimeSeries) {
            let why = "time series collections cannot be copied yet; nothing was written";
            return Err(PortError::Invalid(format!("{from}.{}", series.name), why.into()));
        }
        self.create_missing(&source, from, to).await?;
        let (views, collections): (Vec<_>, Vec<_>) =
            source.iter().partition(|collection| collection.kind == Kind::View);
        let copy = |collection| self.copy_collection(from, to, collection, progress);
        futures::stream::iter(collections.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, copy)
            .await?;
        for view in views {
            self.create(to, view).await?;
        }
        Ok(())
    }

    /// Makes the collections that are not there. What is there must be what an earlier copy made.
    async fn create_missing(&self, source: &[Collection], from: &str, to: &str) -> PortResult<()> {
        let target = self.collections(to).await?;
        for there in &target {
            let what = format!("{to}.{}", there.name);
            match source.iter().find(|collection| collection.name == there.name) {
                None => return Err(PortError::Conflict(what, format!("{from} has no such collection"))),
                Some(own) if own.shape(&[]) != there.shape(&[]) => {
                    return Err(PortError::Conflict(
                        what,
                        format!("its options are not those in {from}"),
                    ));
                }
                Some(_) => {}
            }
        }
        for collection in source.iter().filter(|collection| collection.kind != Kind::View) {
            if !target.iter().any(|there| there.name == collection.name) {
                self.create(to, collection).await?;
            }
        }
        Ok(())
    }

    /// `create`; one that exists already was made by an earlier copy.
    async fn create(&self, database: &str, collection: &Collection) -> PortResult<()> {
        let mut command = doc! { "create": &collection.name };
        command.extend(collection.options.clone());
        command.insert("writeConcern", doc! { "w": "majority" });
        match self
            .run(database, &format!("{database}.{}", collection.name), command)
            .await
        {
            Err(PortError::Exists(_)) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn copy_collection(
        &self,
        from: &str,
        to: &str,
        collection: &Collection,
        progress: &(dyn Fn(&str, u64, u64) + Send + Sync),
    ) -> PortResult<()> {
        let name = &collection.name;
        let what = format!("{from}.{name}");
        let stats = self
            .run(from, &what, doc! { "collStats": name })
            .await
            .unwrap_or_default();
        let average = super::number(stats.get("avgObjSize")).unwrap_or(0);
        let job = Job {
            from,
            to,
            collection,
            done: Mutex::default(),
            average,
            progress,
        };
        let wanted = self.count(from, name).await?;
        let empty = self.count(to, name).await? == 0;
        if collection.kind == Kind::Capped {
            self.copy_capped(&job).await?;
        } else if wanted > 0 {
            match self.merge(&job, empty).await.map_err(|error| port(&what, error))? {
                Merged::Done => {}
                Merged::Unsupported => {
                    let empty = self.count(to, name).await? == 0;
                    self.stream(&job, empty).await?;
                }
            }
        }
        let copied = self.count(to, name).await?;
        job.at_least(copied);
        if copied > wanted {
            let why = format!("it holds {copied} documents, the source {wanted}: some of them are not the source's");
            return Err(PortError::Conflict(format!("{to}.{name}"), why));
        }
        if copied < wanted {
            return Err(PortError::Other(format!(
                "{to}.{name}: only {copied} of {wanted} documents arrived"
            )));
        }
        self.create_indexes(from, to, collection).await
    }

    async fn create_indexes(&self, from: &str, to: &str, collection: &Collection) -> PortResult<()> {
        // The one over `_id`, clustered or not, came with the collection.
        let own = |spec: &Document| spec.get_str("name") == Ok("_id_") || spec.get_bool("clustered") == Ok(true);
        let specs: Vec<_> = self
            .indexes(from, collection)
            .await?
            .into_iter()
            .filter(|spec| !own(spec))
            .collect();
        if specs.is_empty() {
            return Ok(());
        }
        let specs: Vec<Bson> = specs.into_iter().map(Bson::Document).collect();
        let command = doc! { "createIndexes": &collection.name, "indexes": specs, "writeConcern": { "w": "majority" } };
        self.run(to, &format!("indexes of {to}.{}", collection.name), command)
            .await
            .map(|_| ())
    }

    /// Documents counted one by one: the number in a collection's metadata can be wrong after a crash.
    async fn count(&self, database: &str, collection: &str) -> PortResult<u64> {
        let own = self.client.database(database).collection::<Document>(collection);
        own.count_documents(doc! {})
            .await
            .map_err(|error| port(&format!("{database}.{collection}"), error))
    }
}

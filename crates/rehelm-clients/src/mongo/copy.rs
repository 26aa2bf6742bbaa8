//! Copying a database: options first, then documents, then indexes, views last.

use std::sync::Mutex;
use std::time::Duration;

use bson::{Bson, Document, doc};
use futures::TryStreamExt;
use rehelm_core::ports::{CopyProgress, How, PortError, PortResult, Way};

use super::collections::{Collection, Kind};
use super::error::{port, transient};
use super::load::Load;
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
    pub how: &'a How<'a>,
    pub load: &'a Load,
    done: Mutex<(u64, u64)>,
    /// Average size of a document, for progress where the server copies.
    average: u64,
    progress: &'a CopyProgress<'a>,
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

    /// Tells how far something is that is not writing.
    pub fn say(&self, documents: u64, bytes: u64) {
        (self.progress)(&self.collection.name, documents, bytes);
    }
}

impl Mongo {
    pub(super) async fn job<'a>(
        &self,
        (from, to): (&'a str, &'a str),
        collection: &'a Collection,
        how: &'a How<'a>,
        load: &'a Load,
        progress: &'a CopyProgress<'a>,
    ) -> Job<'a> {
        let command = doc! { "collStats": &collection.name };
        let stats = self.run(from, "", command).await.unwrap_or_default();
        Job {
            from,
            to,
            collection,
            how,
            load,
            done: Mutex::default(),
            average: super::number(stats.get("avgObjSize")).unwrap_or(0),
            progress,
        }
    }

    pub(super) async fn copy_database(
        &self,
        from: &str,
        to: &str,
        how: &How<'_>,
        progress: &CopyProgress<'_>,
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
        let load = Load::new(how.max_rate);
        let copy = |collection| {
            let load = &load;
            async move {
                let job = self.job((from, to), collection, how, load, progress).await;
                self.copy_collection(&job).await
            }
        };
        futures::stream::iter(collections.into_iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, copy)
            .await?;
        for view in views {
            self.create(to, view).await?;
        }
        Ok(())
    }

    /// Makes the collections that are not there. What is there must be what an earlier copy made.
    pub(super) async fn create_missing(&self, source: &[Collection], from: &str, to: &str) -> PortResult<()> {
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
    pub(super) async fn create(&self, database: &str, collection: &Collection) -> PortResult<()> {
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

    async fn copy_collection(&self, job: &Job<'_>) -> PortResult<()> {
        let Job { from, to, .. } = *job;
        let name = &job.collection.name;
        let wanted = self.count(from, name).await?;
        let there = self.count(to, name).await?;
        if there == 0 {
            // Somebody removed what was copied so far.
            self.forget(job)?;
        }
        if job.collection.kind == Kind::Capped {
            self.copy_capped(job).await?;
        } else if wanted > 0 {
            self.carry(job, there == 0).await?;
        }
        let mut copied = self.count(to, name).await?;
        if copied < wanted && there > 0 && job.collection.kind != Kind::Capped {
            // What was noted as done is not there: begun anew, over what is.
            self.forget(job)?;
            self.carry(job, false).await?;
            copied = self.count(to, name).await?;
        }
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
        self.create_indexes(from, to, job.collection).await?;
        self.forget(job)
    }

    /// Documents the way that is asked for, or the fastest one that works.
    async fn carry(&self, job: &Job<'_>, empty: bool) -> PortResult<()> {
        let what = format!("{}.{}", job.from, job.collection.name);
        let inside = match job.how.way {
            Way::Server => true,
            // A rate can be kept only where documents pass by here.
            Way::Auto => job.how.max_rate.is_none() && self.noted(job)?.is_none(),
            Way::Stream | Way::Ranges => false,
        };
        if inside {
            match self.merge(job, empty).await.map_err(|error| port(&what, error))? {
                Merged::Done => return Ok(()),
                Merged::Unsupported if job.how.way == Way::Server => {
                    let why = "the server cannot copy it by itself; leave the way to rehelm, or ask for a stream";
                    return Err(PortError::Invalid(what, why.into()));
                }
                Merged::Unsupported => {}
            }
        }
        let empty = self.count(job.to, &job.collection.name).await? == 0;
        self.stream(job, empty).await
    }

    pub(super) async fn create_indexes(&self, from: &str, to: &str, collection: &Collection) -> PortResult<()> {
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
    pub(super) async fn count(&self, database: &str, collection: &str) -> PortResult<u64> {
        let mut tries = 0;
        loop {
            let own = self.client().database(database).collection::<Document>(collection);
            match own.count_documents(doc! {}).await {
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                other => return other.map_err(|error| port(&format!("{database}.{collection}"), error)),
            }
        }
    }
}

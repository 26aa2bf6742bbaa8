//! Parts of a collection on their way: ranges of `_id`, and how far each has come, kept in the notebook.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::options::Hint;
use rehelm_core::ports::{PortError, PortResult};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Mongo;
use super::copy::Job;
use super::error::port;
use super::walk::id_of;

/// Streams side by side in one collection.
const RANGES: u64 = 4;
/// Fewer documents are not worth dividing.
const LEAST: u64 = 4_000;

/// A range of `_id`: after `low`, up to and with `high`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    #[serde(default, with = "encoded")]
    pub low: Option<RawDocumentBuf>,
    #[serde(default, with = "encoded")]
    pub high: Option<RawDocumentBuf>,
    /// The last one that was written.
    #[serde(default, with = "encoded")]
    pub last: Option<RawDocumentBuf>,
    pub done: bool,
}

/// The `_id` in it as a value.
pub(super) fn bson_of(id: Option<&RawDocumentBuf>) -> Option<Bson> {
    let value = id?.get("_id").ok()??;
    Bson::try_from(value.to_raw_bson()).ok()
}

fn key(job: &Job<'_>) -> String {
    format!("copy {} {} {}", job.from, job.to, job.collection.name)
}

impl Mongo {
    /// How far an earlier copy came; None when nothing is known.
    pub(super) fn noted(&self, job: &Job<'_>) -> PortResult<Option<Vec<Part>>> {
        let Some(notebook) = job.how.notebook else {
            return Ok(None);
        };
        // A note that cannot be read says nothing; then everything is copied again.
        Ok(notebook
            .read(&key(job))?
            .and_then(|text| serde_json::from_str(&text).ok())
            .filter(|parts: &Vec<Part>| !parts.is_empty()))
    }

    pub(super) fn note(&self, job: &Job<'_>, at: usize, part: &Part, all: &Mutex<Vec<Part>>) -> PortResult<()> {
        let mut all = all.lock().unwrap_or_else(|poison| poison.into_inner());
        all[at] = part.clone();
        let Some(notebook) = job.how.notebook else {
            return Ok(());
        };
        let text = serde_json::to_string(&*all).map_err(|error| PortError::Other(error.to_string()))?;
        notebook.write(&key(job), &text)
    }

    pub(super) fn forget(&self, job: &Job<'_>) -> PortResult<()> {
        job.how.notebook.map_or(Ok(()), |notebook| notebook.forget(&key(job)))
    }

    /// The collection in ranges with equal numbers of documents.
    pub(super) async fn parts(&self, job: &Job<'_>) -> PortResult<Vec<Part>> {
        let count = self.count(job.from, &job.collection.name).await?;
        if count < LEAST {
            return Ok(vec![Part::default()]);
        }
        let what = format!("{}.{}", job.from, job.collection.name);
        let mut bounds = Vec::new();
        for nth in 1..RANGES {
            let own = self.client().database(job.from);
            let own = own.collection::<RawDocumentBuf>(&job.collection.name);
            let by_id = || doc! { "_id": 1 };
            let find = own.find_one(Document::new()).sort(by_id()).hint(Hint::Keys(by_id()));
            let found = find.projection(by_id()).skip(count / RANGES * nth).await;
            let found = found.map_err(|error| port(&what, error))?;
            bounds.extend(found.and_then(|document| id_of(&document)));
        }
        let lows = std::iter::once(None).chain(bounds.iter().cloned().map(Some));
        let highs = bounds.iter().cloned().map(Some).chain([None]);
        Ok(lows
            .zip(highs)
            .map(|(low, high)| Part {
                low,
                high,
                ..Part::default()
            })
            .collect())
    }
}

/// Raw documents as text.
mod encoded {
    use super::*;

    pub fn serialize<S: Serializer>(id: &Option<RawDocumentBuf>, serializer: S) -> Result<S::Ok, S::Error> {
        id.as_ref()
            .map(|id| STANDARD.encode(id.as_bytes()))
            .serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawDocumentBuf>, D::Error> {
        use serde::de::Error;
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        RawDocumentBuf::from_bytes(bytes).map(Some).map_err(D::Error::custom)
    }
}

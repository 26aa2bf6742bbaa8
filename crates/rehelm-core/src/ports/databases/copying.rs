//! Words of copying and comparing: how it is to be done, how far it is, what was found.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ports::PortResult;

/// `progress(collection, documents so far, bytes so far)`.
pub type CopyProgress<'a> = dyn for<'b> Fn(&'b str, u64, u64) + Send + Sync + 'a;

/// The way that documents go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The fastest that the server can do.
    #[default]
    Auto,
    /// Inside the server.
    Server,
    /// Through this program, one stream a collection.
    Stream,
    /// Through this program, several ranges of a collection side by side.
    Ranges,
}

/// How documents are to be copied.
#[derive(Clone, Copy, Default)]
pub struct How<'a> {
    /// The way.
    pub way: Way,
    /// Bytes in a second at most, all collections together; documents go through this program then.
    pub max_rate: Option<u64>,
    /// Where an interrupted copy remembers how far it came.
    pub notebook: Option<&'a dyn Notebook>,
}

/// Where interrupted work remembers how far it came. What is in it may hold an `_id`, so it is as private as data.
pub trait Notebook: Send + Sync {
    /// What was written last; None when nothing was.
    fn read(&self, key: &str) -> PortResult<Option<String>>;
    /// Remembers; durable when it returns.
    fn write(&self, key: &str, value: &str) -> PortResult<()>;
    /// Forgets; Ok when there is nothing.
    fn forget(&self, key: &str) -> PortResult<()>;
}

/// One document, by its `_id` in the server's own encoding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub Vec<u8>);

/// What was written to make a copy equal again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levelled {
    /// Documents that the copy lacked.
    pub inserted: u64,
    /// Documents that were other ones.
    pub replaced: u64,
    /// Documents that the source has no more.
    pub deleted: u64,
    /// Bytes that were written.
    pub bytes: u64,
    /// Documents that were compared.
    pub compared: u64,
}

impl Levelled {
    /// Documents that were written or deleted.
    pub fn documents(&self) -> u64 {
        self.inserted + self.replaced + self.deleted
    }
}

impl std::ops::AddAssign for Levelled {
    fn add_assign(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.replaced += other.replaced;
        self.deleted += other.deleted;
        self.bytes += other.bytes;
        self.compared += other.compared;
    }
}

/// In which way a document differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Only the source has it.
    Missing,
    /// Only the copy has it.
    Extra,
    /// Both have it, with other bytes.
    Different,
}

/// A value without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueFacts {
    /// Type, as the server's documentation calls it.
    #[serde(rename = "type")]
    pub kind: String,
    /// Encoded size.
    pub bytes: usize,
    /// First 12 hex digits of a keyed hash over the encoded value: equal values of one comparison have equal ones. The
    /// key is made anew each time, so that a short value cannot be guessed from it.
    pub hash: String,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDifference {
    /// Dotted path.
    pub path: String,
    /// In the source; None when it is not there.
    pub from: Option<ValueFacts>,
    /// In the copy; None when it is not there.
    pub to: Option<ValueFacts>,
}

/// A document that differs: where it is, never what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Its collection.
    pub collection: String,
    /// Its `_id`, as extended JSON.
    pub id: String,
    /// In which way.
    pub kind: DifferenceKind,
    /// Fields that differ, when both sides have the document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldDifference>,
}

/// How many documents of a collection differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionComparison {
    /// Documents of the source.
    pub documents: u64,
    /// Only the source has them.
    pub missing: u64,
    /// Only the copy has them.
    pub extra: u64,
    /// Both have them, with other bytes.
    pub different: u64,
    /// Options or indexes are other ones, or one side has no such collection.
    pub shape: bool,
}

/// Two databases side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// By collection: all of both sides.
    pub collections: BTreeMap<String, CollectionComparison>,
    /// The first documents that differ.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Documents that differ in any way.
    pub fn documents(&self) -> u64 {
        self.collections
            .values()
            .map(|c| c.missing + c.extra + c.different)
            .sum()
    }

    /// True when nothing differs.
    pub fn equal(&self) -> bool {
        self.documents() == 0 && self.collections.values().all(|c| !c.shape)
    }
}

/// One thing that happened in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A document was written or deleted.
    Document {
        /// Its collection.
        collection: String,
        /// Which one.
        id: DocumentId,
    },
    /// Something else happened to a collection, or to several when None: they have to be compared whole.
    Other(Option<String>),
}

/// What happened until a moment that the token names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeBatch {
    /// In their order.
    pub changes: Vec<Change>,
    /// Going on from here gives what came later. What was given before may come again.
    pub token: Option<String>,
}

/// The record of what happens in a database.
#[async_trait]
pub trait Changes: Send {
    /// What happened since the last call; an empty batch when nothing did for so long. None when the record no longer
    /// reaches back far enough: then everything has to be compared.
    async fn next(&mut self, wait: Duration) -> PortResult<Option<ChangeBatch>>;
}

//! The door to a database server: what may be asked of it, and in which shapes it answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PortResult;
use crate::finding::Finding;

mod copying;

pub use copying::*;

/// What a database holds, for planning and for proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionProof {
    /// Documents counted.
    pub documents: u64,
    /// Sum of their raw sizes in bytes.
    pub bytes: u64,
    /// Order-free strong hash over the raw documents, hex.
    pub content: String,
    /// Hash over index specs and options, hex.
    pub shape: String,
}

/// Proof of one database: collection name → what it holds.
pub type DatabaseProof = BTreeMap<String, CollectionProof>;

/// A database user to be made: its own database, role `readWrite` on it.
#[derive(Clone, Debug)]
pub struct DatabaseUser {
    /// User name.
    pub name: String,
    /// Database that the user is stored in and may read and write.
    pub database: String,
    /// Its password.
    pub password: SecretString,
    /// What it may do beyond reading and writing its database: roles of that database, made when they are not there.
    pub roles: Vec<CustomRole>,
}

/// A role of one database that a product defines itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CustomRole {
    /// Its name.
    pub name: String,
    /// What it allows.
    pub privileges: Vec<RolePrivilege>,
}

/// Actions on one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RolePrivilege {
    /// The collection; empty for all of the database.
    #[serde(default)]
    pub collection: String,
    /// `find`, `insert`, …
    pub actions: Vec<String>,
}

/// A user as the server lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Its name.
    pub name: String,
    /// The database that it is stored in.
    pub database: String,
    /// `role@database`, sorted.
    pub roles: Vec<String>,
    /// Ways in which it may log in, where the server says so.
    pub mechanisms: Vec<String>,
}

/// Facts about the database server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseFacts {
    /// `buildInfo.version`.
    pub version: String,
    /// Hosts of the replica set; empty for a standalone server.
    pub replica_set: Vec<String>,
    /// The login that the connection uses (name only), if any.
    pub user: Option<String>,
}

/// What a collection is like, without a document of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CollectionOutline {
    /// Its name.
    pub name: String,
    /// True for a view, which has no documents of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub view: bool,
    /// Documents, as the server counts them roughly.
    pub documents: u64,
    /// Size of the documents in bytes, as the server estimates it.
    pub bytes: u64,
    /// Fields of each index, `_id_` included: name and keys.
    pub indexes: Vec<Value>,
}

/// What a database is like, without a document of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DatabaseOutline {
    /// Size of its data in bytes.
    pub bytes: u64,
    /// Collections and views, by name.
    pub collections: Vec<CollectionOutline>,
}

/// A database server with named databases (MongoDB's model).
#[async_trait]
pub trait Databases: Send + Sync {
    /// Version and topology.
    async fn facts(&self) -> PortResult<DatabaseFacts>;
    /// Names of the databases that exist, sorted.
    async fn list(&self) -> PortResult<Vec<String>>;
    /// Size of a database's data in bytes, as the server estimates it; 0 when absent.
    async fn size(&self, database: &str) -> PortResult<u64>;
    /// What a database is like; reads no document.
    async fn outline(&self, database: &str) -> PortResult<DatabaseOutline>;
    /// Copies all collections, options, indexes and views. Safe to run again after any interruption; the source is
    /// only read. What does not belong into the copy is an error and stays.
    async fn copy(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<()>;
    /// Makes `to` equal to `from` by comparing range after range and writing only what differs, deletions included.
    /// For copies that are this tool's own: whatever else `to` holds is gone afterwards. The source is only read.
    async fn level(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<Levelled>;
    /// Finds the documents that differ, the first `most` of them with their `_id`; reads both sides, changes nothing.
    async fn compare(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison>;
    /// Brings single documents of a copy to the state that they have in the source now.
    async fn refresh(&self, from: &str, to: &str, collection: &str, ids: &[DocumentId]) -> PortResult<Levelled>;
    /// What happens in a database from now on, or since the token; None where the server keeps no such record.
    async fn changes(&self, database: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>>;
    /// Reads everything and proves it; goes on where an interrupted proof stopped when there is a notebook.
    async fn prove(&self, database: &str, notebook: Option<&dyn Notebook>) -> PortResult<DatabaseProof>;
    /// Who else is connected and may write to the database; None where the server does not tell.
    async fn writers(&self, database: &str) -> PortResult<Option<Vec<String>>>;
    /// What of a database cannot be carried to another name, before anything is copied.
    async fn obstacles(&self, from: &str, to: &str) -> PortResult<Vec<Finding>>;
    /// Users that are stored in the database.
    async fn users(&self, database: &str) -> PortResult<Vec<UserFacts>>;
    /// Creates the user or brings its password and roles up to date.
    async fn ensure_user(&self, user: &DatabaseUser) -> PortResult<()>;
    /// Logs in as the user and reads its privileges; Err when the login or the privileges are not right.
    async fn try_login(&self, user: &DatabaseUser) -> PortResult<()>;
    /// Removes a user; Ok when absent.
    async fn drop_user(&self, database: &str, name: &str) -> PortResult<()>;
    /// Drops a whole database. Irreversible.
    async fn drop_database(&self, database: &str) -> PortResult<()>;
}

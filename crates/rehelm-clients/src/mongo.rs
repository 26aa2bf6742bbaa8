//! MongoDB behind the [`Databases`] port: copy with proof, users with tested logins.
//!
//! **Invariants.** A source database is only read. A copy that is run again, after whatever interruption, ends in the same
//! state. Nothing in a target is ever deleted or dropped by a copy: what does not belong there is an error. Memory is
//! bounded by a few batches, whatever a database holds. No password is in any error.
//!
//! Not here, because the driver's oldest server (4.2) cannot, or no stand-in can show it: `dbHash`, time series.

mod after;
mod capped;
mod changes;
mod collections;
mod compare;
mod connect;
mod copy;
mod digest;
mod error;
mod level;
mod load;
mod merge;
mod obstacles;
mod outline;
mod parts;
mod prove;
mod recover;
mod stream;
mod users;
mod walk;
mod writers;

use std::sync::RwLock;

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use mongodb::Client;
use mongodb::options::ClientOptions;
use rehelm_core::finding::Finding;
use rehelm_core::ports::{
    Changes, Comparison, CopyProgress, DatabaseFacts, DatabaseOutline, DatabaseProof, DatabaseUser, Databases,
    DocumentId, How, Levelled, Notebook, PortError, PortResult, UserFacts,
};

pub use connect::Login;
pub(crate) use connect::loopback;
use copy::{TRIES, pause};
use error::{port, transient};
pub use recover::{Proxy, Router};

/// Databases that belong to the server.
const OWN: [&str; 3] = ["admin", "config", "local"];

/// A connection to a MongoDB server or replica set, as a user that may read, write and administer users.
pub struct Mongo {
    /// Another one after a change of primary that the first one cannot follow.
    link: RwLock<Link>,
    /// Where, for errors.
    hosts: String,
    /// Reaches members by the names that they have among themselves, where this machine does not know those.
    router: Option<Box<dyn Router>>,
    /// Members of the replica set as they were last heard of; its lock is held while another primary is looked for.
    members: tokio::sync::Mutex<Vec<String>>,
}

/// A client, and how it was connected: other users' logins go the same way.
#[derive(Clone)]
struct Link {
    client: Client,
    options: ClientOptions,
}

impl std::fmt::Debug for Mongo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mongo({})", self.hosts)
    }
}

/// A number of whatever type, as servers differ in it.
fn number(value: Option<&Bson>) -> Option<u64> {
    match value? {
        Bson::Int32(n) => u64::try_from(*n).ok(),
        Bson::Int64(n) => u64::try_from(*n).ok(),
        Bson::Double(n) if *n >= 0.0 => Some(*n as u64),
        _ => None,
    }
}

impl Mongo {
    fn link(&self) -> Link {
        // It is replaced whole.
        self.link.read().unwrap_or_else(|poison| poison.into_inner()).clone()
    }

    fn client(&self) -> Client {
        self.link().client
    }

    /// Runs a command, with what it was for in the error. Tried again when the server was going away: callers see to it
    /// that a command which was applied and not answered may come twice.
    async fn run(&self, database: &str, what: &str, command: Document) -> PortResult<Document> {
        let mut tries = 0;
        loop {
            match self.client().database(database).run_command(command.clone()).await {
                Err(error) if transient(&error) && tries < TRIES => {
                    self.recover(&error).await;
                    pause(&mut tries).await;
                }
                other => return other.map_err(|error| port(what, error)),
            }
        }
    }

    fn user(&self) -> Option<String> {
        self.link()
            .options
            .credential
            .and_then(|credential| credential.username)
    }
}

/// The server's own databases are nobody's to copy or drop.
fn not_own(database: &str) -> PortResult<()> {
    match OWN.contains(&database) {
        true => Err(PortError::Invalid(
            format!("database {database}"),
            "it belongs to the server".into(),
        )),
        false => Ok(()),
    }
}

#[async_trait]
impl Databases for Mongo {
    async fn facts(&self) -> PortResult<DatabaseFacts> {
        let build = self.run("admin", "buildInfo", doc! { "buildInfo": 1 }).await?;
        let hello = self.run("admin", "isMaster", doc! { "isMaster": 1 }).await?;
        let hosts = hello.get_array("hosts").map(Vec::as_slice).unwrap_or_default();
        Ok(DatabaseFacts {
            version: build.get_str("version").unwrap_or_default().to_owned(),
            replica_set: hosts.iter().filter_map(Bson::as_str).map(Into::into).collect(),
            user: self.user(),
        })
    }

    async fn list(&self) -> PortResult<Vec<String>> {
        let reply = self
            .run("admin", "listDatabases", doc! { "listDatabases": 1, "nameOnly": true })
            .await?;
        let databases = reply.get_array("databases").map(Vec::as_slice).unwrap_or_default();
        let name = |entry: &Bson| Some(entry.as_document()?.get_str("name").ok()?.to_owned());
        let mut names: Vec<_> = databases.iter().filter_map(name).collect();
        names.sort();
        Ok(names)
    }

    async fn size(&self, database: &str) -> PortResult<u64> {
        let reply = self
            .run(database, &format!("size of {database}"), doc! { "dbStats": 1 })
            .await?;
        Ok(number(reply.get("dataSize")).unwrap_or(0))
    }

    async fn outline(&self, database: &str) -> PortResult<DatabaseOutline> {
        self.outline_database(database).await
    }

    async fn copy(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<()> {
        self.copy_database(from, to, how, progress).await
    }

    async fn level(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<Levelled> {
        self.level_database(from, to, how, progress).await
    }

    async fn compare(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison> {
        self.compare_databases(from, to, most).await
    }

    async fn refresh(&self, from: &str, to: &str, collection: &str, ids: &[DocumentId]) -> PortResult<Levelled> {
        self.refresh_documents(from, to, collection, ids).await
    }

    async fn changes(&self, database: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        self.watch(database, token).await
    }

    async fn prove(&self, database: &str, notebook: Option<&dyn Notebook>) -> PortResult<DatabaseProof> {
        self.prove_database(database, notebook).await
    }

    async fn writers(&self, database: &str) -> PortResult<Option<Vec<String>>> {
        self.others_that_write(database).await
    }

    async fn obstacles(&self, from: &str, to: &str) -> PortResult<Vec<Finding>> {
        self.uncarriable(from, to).await
    }

    async fn users(&self, database: &str) -> PortResult<Vec<UserFacts>> {
        self.list_users(database).await
    }

    async fn ensure_user(&self, user: &DatabaseUser) -> PortResult<()> {
        self.make_user(user).await
    }

    async fn try_login(&self, user: &DatabaseUser) -> PortResult<()> {
        self.log_in_as(user).await
    }

    async fn drop_user(&self, database: &str, name: &str) -> PortResult<()> {
        let what = format!("user {name} of {database}");
        match self
            .run(
                database,
                &what,
                doc! { "dropUser": name, "writeConcern": { "w": "majority" } },
            )
            .await
        {
            Err(PortError::NotFound(_)) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn drop_database(&self, database: &str) -> PortResult<()> {
        not_own(database)?;
        let command = doc! { "dropDatabase": 1, "writeConcern": { "w": "majority" } };
        self.run(database, &format!("database {database}"), command)
            .await
            .map(|_| ())
    }
}

//! The database server as one process sees it: every command goes past the tap.

use std::sync::Arc;

use async_trait::async_trait;
use rehelm::rehearsal::databases::MemoryDatabases;
use rehelm_core::finding::Finding;
use rehelm_core::ports::{
    Changes, Comparison, CopyProgress, DatabaseFacts, DatabaseOutline, DatabaseProof, DatabaseUser, Databases,
    DocumentId, How, Levelled, Notebook, PortError, PortResult, UserFacts,
};

use crate::process::Process;
use crate::twist::Act;

/// A connection to the server.
pub struct TappedDatabases {
    inner: Arc<MemoryDatabases>,
    process: Process,
}

impl TappedDatabases {
    /// Commands go past the tap.
    pub fn new(inner: Arc<MemoryDatabases>, process: Process) -> Self {
        Self { inner, process }
    }

    async fn meet(&self, verb: &'static str, name: &str, writes: bool) -> PortResult<Act> {
        let act = self.process.database(verb, name, writes).await;
        match act {
            Act::Fail(why) => Err(PortError::Unavailable(why)),
            Act::Refuse(_, _, why) => Err(PortError::Forbidden(why)),
            act => Ok(act),
        }
    }

    async fn done<T>(&self, verb: &'static str, name: &str, act: &Act, answer: PortResult<T>) -> PortResult<T> {
        self.process.database_did(verb, name, act).await;
        match act {
            Act::LoseAnswer => Err(PortError::Unavailable("connection reset by peer".to_owned())),
            _ => answer,
        }
    }
}

#[async_trait]
impl Databases for TappedDatabases {
    async fn facts(&self) -> PortResult<DatabaseFacts> {
        self.meet("hello", "", false).await?;
        self.inner.facts().await
    }

    async fn list(&self) -> PortResult<Vec<String>> {
        self.meet("list databases", "", false).await?;
        self.inner.list().await
    }

    async fn size(&self, database: &str) -> PortResult<u64> {
        self.meet("size", database, false).await?;
        self.inner.size(database).await
    }

    async fn outline(&self, database: &str) -> PortResult<DatabaseOutline> {
        self.meet("outline", database, false).await?;
        self.inner.outline(database).await
    }

    async fn copy(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<()> {
        let act = self.meet("copy", to, true).await?;
        if matches!(act, Act::Pretend) {
            return Ok(());
        }
        let answer = self.inner.copy(from, to, how, progress).await;
        self.done("copy", to, &act, answer).await
    }

    async fn level(&self, from: &str, to: &str, how: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<Levelled> {
        let act = self.meet("level", to, true).await?;
        let answer = self.inner.level(from, to, how, progress).await;
        self.done("level", to, &act, answer).await
    }

    async fn compare(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison> {
        self.meet("compare", to, false).await?;
        self.inner.compare(from, to, most).await
    }

    async fn refresh(&self, from: &str, to: &str, collection: &str, ids: &[DocumentId]) -> PortResult<Levelled> {
        let act = self.meet("refresh", to, true).await?;
        let answer = self.inner.refresh(from, to, collection, ids).await;
        self.done("refresh", to, &act, answer).await
    }

    async fn changes(&self, database: &str, token: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        self.meet("changes", database, false).await?;
        self.inner.changes(database, token).await
    }

    async fn prove(&self, database: &str, notebook: Option<&dyn Notebook>) -> PortResult<DatabaseProof> {
        self.meet("prove", database, false).await?;
        self.inner.prove(database, notebook).await
    }

    async fn writers(&self, database: &str) -> PortResult<Option<Vec<String>>> {
        self.meet("writers", database, false).await?;
        self.inner.writers(database).await
    }

    async fn obstacles(&self, from: &str, to: &str) -> PortResult<Vec<Finding>> {
        self.meet("obstacles", from, false).await?;
        self.inner.obstacles(from, to).await
    }

    async fn users(&self, database: &str) -> PortResult<Vec<UserFacts>> {
        self.meet("users", database, false).await?;
        self.inner.users(database).await
    }

    async fn ensure_user(&self, user: &DatabaseUser) -> PortResult<()> {
        let act = self.meet("ensure user", &user.name, true).await?;
        if matches!(act, Act::Pretend) {
            return Ok(());
        }
        let answer = self.inner.ensure_user(user).await;
        self.done("ensure user", &user.name, &act, answer).await
    }

    async fn try_login(&self, user: &DatabaseUser) -> PortResult<()> {
        self.meet("login", &user.name, false).await?;
        self.inner.try_login(user).await
    }

    async fn drop_user(&self, database: &str, name: &str) -> PortResult<()> {
        let act = self.meet("drop user", name, true).await?;
        let answer = self.inner.drop_user(database, name).await;
        self.done("drop user", name, &act, answer).await
    }

    async fn drop_database(&self, database: &str) -> PortResult<()> {
        let act = self.meet("drop database", database, true).await?;
        let answer = self.inner.drop_database(database).await;
        self.done("drop database", database, &act, answer).await
    }
}

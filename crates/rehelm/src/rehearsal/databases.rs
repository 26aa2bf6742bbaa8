//! Databases in memory: collections as a snapshot outlines them, with documents made up, so that copies and proofs are
//! real computations. Copying takes virtual time by the size that the real ones have.
//!
//! Invariants are those of the real ones: a source is only read, a copy that is run again ends in the same state, and what
//! does not belong into a copy is an error.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rehelm_core::finding::Finding;
use rehelm_core::ports::{
    Changes, Clock, Comparison, CopyProgress, DatabaseFacts, DatabaseOutline, DatabaseProof, DatabaseUser, Databases,
    DocumentId, How, Levelled, Notebook, PortError, PortResult, UserFacts,
};
use rehelm_core::snapshot::DatabaseShapes;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

mod collection;
mod sides;

use collection::{Collection, fill, made_up};

/// How fast a copy is: what the planner's estimate has as well.
const BYTES_A_SECOND: u64 = 50_000_000;

type Collections = BTreeMap<String, Collection>;

#[derive(Clone, Default)]
struct State {
    databases: BTreeMap<String, Collections>,
    /// By database and name.
    users: BTreeMap<(String, String), SecretString>,
}

/// A database server in memory. It outlives the processes that talk to it.
pub struct MemoryDatabases {
    facts: DatabaseFacts,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl MemoryDatabases {
    /// What a snapshot outlines; or, when it outlines nothing, those that the product renames, made up.
    pub fn new(shapes: Option<&DatabaseShapes>, renamed: &[String], clock: Arc<dyn Clock>) -> Self {
        let mut outlines: BTreeMap<String, DatabaseOutline> = match shapes {
            Some(shapes) => shapes.databases.clone(),
            None => renamed.iter().map(|name| (name.clone(), made_up())).collect(),
        };
        outlines.entry("admin".to_owned()).or_default();
        let databases = outlines
            .into_iter()
            .map(|(name, outline)| {
                let collections = outline.collections.into_iter();
                let filled: Collections = collections.map(|c| (c.name.clone(), fill(&name, c))).collect();
                (name, filled)
            })
            .collect();
        let facts = shapes.map_or_else(
            || DatabaseFacts {
                version: "7.0.0".to_owned(),
                replica_set: ["a", "b", "c"]
                    .map(|host| format!("database-{host}.example:27017"))
                    .into(),
                user: Some("root".to_owned()),
            },
            |shapes| shapes.server.clone(),
        );
        let state = State {
            databases,
            users: BTreeMap::new(),
        };
        Self {
            facts,
            clock,
            state: Mutex::new(state),
        }
    }

    /// Another server that holds the same, on another clock.
    #[must_use]
    pub fn fork(&self, clock: Arc<dyn Clock>) -> Self {
        Self {
            facts: self.facts.clone(),
            clock,
            state: Mutex::new(self.state().clone()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion or removal.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody writes so many documents into a database.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn write(&self, database: &str, count: u64) -> PortResult<()> {
        let mut state = self.state();
        let collections = state.databases.get_mut(database).ok_or_else(|| absent(database))?;
        let own = collections.values_mut().find(|own| !own.outline.view);
        let own = own.ok_or_else(|| absent(database))?;
        let begin = own.documents.len();
        for n in 0..count {
            let id = format!("written {}", begin as u64 + n);
            own.documents.insert(json!({"_id": id, "in": database}).to_string());
        }
        Ok(())
    }

    /// Users that can log in: database and name.
    pub fn logins(&self) -> Vec<(String, String)> {
        self.state().users.keys().cloned().collect()
    }

    /// Everything as it is, for comparisons: database, collection, documents, shape.
    pub fn content(&self) -> BTreeMap<String, DatabaseProof> {
        let state = self.state();
        let proofs = state.databases.iter().map(|(name, collections)| {
            let proofs = collections.iter().map(|(name, c)| (name.clone(), c.proof()));
            (name.clone(), proofs.collect())
        });
        proofs.collect()
    }
}

fn absent(database: &str) -> PortError {
    PortError::NotFound(format!("database {database}"))
}

#[async_trait]
impl Databases for MemoryDatabases {
    async fn facts(&self) -> PortResult<DatabaseFacts> {
        Ok(self.facts.clone())
    }

    async fn list(&self) -> PortResult<Vec<String>> {
        Ok(self.state().databases.keys().cloned().collect())
    }

    async fn size(&self, database: &str) -> PortResult<u64> {
        let state = self.state();
        let collections = state.databases.get(database).into_iter().flat_map(BTreeMap::values);
        Ok(collections.map(|c| c.outline.bytes).sum())
    }

    async fn outline(&self, database: &str) -> PortResult<DatabaseOutline> {
        let bytes = self.size(database).await?;
        let state = self.state();
        let collections = state.databases.get(database).ok_or_else(|| absent(database))?;
        Ok(DatabaseOutline {
            bytes,
            collections: collections.values().map(|c| c.outline.clone()).collect(),
        })
    }

    async fn copy(&self, from: &str, to: &str, _: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<()> {
        let source = self.state().databases.get(from).cloned().ok_or_else(|| absent(from))?;
        let mut bytes = 0;
        for (name, collection) in source {
            // As long as the real one: in here a killed copy is a half-made one.
            let time = collection.outline.bytes * 1_000_000 / BYTES_A_SECOND;
            self.clock.sleep(Duration::from_micros(time.max(1))).await;
            bytes += collection.outline.bytes;
            let documents = collection.documents.len() as u64;
            let mut state = self.state();
            let target = state.databases.entry(to.to_owned()).or_default();
            let copy = target.entry(name.clone()).or_default();
            if let Some(strange) = copy.documents.difference(&collection.documents).next() {
                let why = format!("collection {name} holds other documents, such as {strange}");
                return Err(PortError::Invalid(format!("database {to}"), why));
            }
            *copy = collection;
            drop(state);
            progress(&name, documents, bytes);
        }
        Ok(())
    }

    async fn level(&self, from: &str, to: &str, _: &How<'_>, progress: &CopyProgress<'_>) -> PortResult<Levelled> {
        let bytes = self.size(from).await?;
        // Both sides are read at once, which takes as long as copying one.
        self.clock
            .sleep(Duration::from_micros((bytes * 1_000_000 / BYTES_A_SECOND).max(1)))
            .await;
        let done = sides::level(&mut self.state().databases, from, to)?;
        progress(to, done.compared, bytes);
        Ok(done)
    }

    async fn compare(&self, from: &str, to: &str, most: usize) -> PortResult<Comparison> {
        sides::compare(&self.state().databases, from, to, most)
    }

    async fn refresh(&self, from: &str, to: &str, _: &str, _: &[DocumentId]) -> PortResult<Levelled> {
        sides::level(&mut self.state().databases, from, to)
    }

    async fn changes(&self, _: &str, _: Option<&str>) -> PortResult<Option<Box<dyn Changes>>> {
        Ok(None)
    }

    async fn writers(&self, _: &str) -> PortResult<Option<Vec<String>>> {
        Ok(None)
    }

    async fn obstacles(&self, _: &str, _: &str) -> PortResult<Vec<Finding>> {
        Ok(Vec::new())
    }

    async fn users(&self, database: &str) -> PortResult<Vec<UserFacts>> {
        let state = self.state();
        let own = state.users.keys().filter(|(of, _)| of == database);
        Ok(own
            .map(|(database, name)| UserFacts {
                name: name.clone(),
                database: database.clone(),
                roles: vec![format!("readWrite@{database}")],
                mechanisms: Vec::new(),
            })
            .collect())
    }

    async fn prove(&self, database: &str, _: Option<&dyn Notebook>) -> PortResult<DatabaseProof> {
        let bytes = self.size(database).await?;
        // Reading everything takes as long as copying it.
        self.clock
            .sleep(Duration::from_micros((bytes * 1_000_000 / BYTES_A_SECOND).max(1)))
            .await;
        let state = self.state();
        let collections = state.databases.get(database).ok_or_else(|| absent(database))?;
        Ok(collections.iter().map(|(name, c)| (name.clone(), c.proof())).collect())
    }

    async fn ensure_user(&self, user: &DatabaseUser) -> PortResult<()> {
        let key = (user.database.clone(), user.name.clone());
        self.state().users.insert(key, user.password.clone());
        Ok(())
    }

    async fn try_login(&self, user: &DatabaseUser) -> PortResult<()> {
        let key = (user.database.clone(), user.name.clone());
        let known = self.state().users.get(&key).cloned();
        match known {
            Some(password) if password.expose_secret() == user.password.expose_secret() => Ok(()),
            _ => Err(PortError::Forbidden(format!(
                "user {} of database {}: the login fails",
                user.name, user.database
            ))),
        }
    }

    async fn drop_user(&self, database: &str, name: &str) -> PortResult<()> {
        self.state().users.remove(&(database.to_owned(), name.to_owned()));
        Ok(())
    }

    async fn drop_database(&self, database: &str) -> PortResult<()> {
        self.state().databases.remove(database);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::WallClock;

    fn server() -> MemoryDatabases {
        let shapes = DatabaseShapes {
            server: DatabaseFacts {
                version: "4.2.0".into(),
                replica_set: ["a", "b", "c"]
                    .map(|host| format!("database-{host}.example:27017"))
                    .into(),
                user: None,
            },
            databases: [("old".to_owned(), made_up())].into(),
        };
        MemoryDatabases::new(Some(&shapes), &[], Arc::new(WallClock))
    }

    #[tokio::test]
    async fn a_copy_is_equal_and_can_be_made_again() {
        let server = server();
        server
            .copy("old", "new", &How::default(), &|_, _, _| {})
            .await
            .expect("copied");
        server
            .copy("old", "new", &How::default(), &|_, _, _| {})
            .await
            .expect("copied again");
        assert_eq!(
            server.prove("old", None).await.unwrap(),
            server.prove("new", None).await.unwrap()
        );
        assert_eq!(server.size("new").await.unwrap(), 2 * collection::FEW * 120);
        server
            .state()
            .databases
            .get_mut("new")
            .unwrap()
            .get_mut("records")
            .unwrap()
            .documents
            .insert("x".into());
        assert_ne!(
            server.prove("old", None).await.unwrap(),
            server.prove("new", None).await.unwrap()
        );
        assert!(matches!(
            server.copy("old", "new", &How::default(), &|_, _, _| {}).await,
            Err(PortError::Invalid(..))
        ));
        server.drop_database("new").await.unwrap();
        assert!(server.prove("new", None).await.unwrap_err().is_not_found());
        assert!(
            server
                .copy("none", "new", &How::default(), &|_, _, _| {})
                .await
                .unwrap_err()
                .is_not_found()
        );
    }

    #[tokio::test]
    async fn logins_are_proven() {
        let server = server();
        let user = |password: &str| DatabaseUser {
            name: "new".into(),
            database: "new".into(),
            password: password.to_owned().into(),
            roles: Vec::new(),
        };
        assert!(server.try_login(&user("a")).await.is_err());
        server.ensure_user(&user("a")).await.unwrap();
        server.try_login(&user("a")).await.unwrap();
        assert!(server.try_login(&user("b")).await.is_err());
        server.drop_user("new", "new").await.unwrap();
        assert!(server.try_login(&user("a")).await.is_err());
    }
}

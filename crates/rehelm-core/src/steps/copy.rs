//! `copy`: databases under their new names, with their users.
//!
//! Runs while nothing writes, which is shown where the server tells who is connected. The source is only read. A copy that
//! was made before the outage is brought up to date; any other database of that name stops the step. A user is made with the
//! password of the existing secret and proven by a login; a copy counts when counts, contents, indexes and options of both
//! sides are equal. The undo keeps the copies unless their removal was confirmed: they may hold what users wrote since,
//! which on request goes back into the old databases, if those are still what was copied.

use async_trait::async_trait;
use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Names, Undo, on};
use crate::databases::notebook::FileNotebook;
use crate::databases::sync::{self, SyncState};
use crate::databases::{differences, totals};
use crate::finding::Finding;
use crate::mongo_uri::ConnectionString;
use crate::object::ObjRef;
use crate::ports::{Access, Cluster, CustomRole, DatabaseUser, Databases, How, PortError};
use crate::world::{StepError, StepResult, World};

mod back;
mod still;

pub use back::written_since;

/// One database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopiedDatabase {
    /// Old name.
    pub from: String,
    /// New name, and the name of its user.
    pub to: String,
    /// Secret in the release's namespace whose connection string holds the password.
    pub secret: String,
    /// Key of the connection string.
    pub key: String,
    /// Size when the plan was made, in bytes.
    pub bytes: u64,
    /// Roles of its own that the user has, made when they are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<CustomRole>,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Copy {
    /// Which databases.
    pub databases: Vec<CopiedDatabase>,
}

/// The server, or the reason why there is none.
fn server<'a>(world: &World<'a>) -> StepResult<&'a dyn Databases> {
    world.databases.ok_or_else(|| {
        StepError::refused(Finding::error(
            "database-not-configured",
            world.profile.about.name.clone(),
        ))
    })
}

impl CopiedDatabase {
    /// Documents, user, proof.
    async fn carry(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        let server = server(world)?;
        let begun = world.clock.elapsed();
        still::wait_until_still(world, server, &self.from).await?;
        let user = self.user(world).await?;
        let begin = world.clock.elapsed();
        let progress = |_: &str, _: u64, bytes: u64| world.progress.tick(&self.to, bytes, self.bytes);
        match still::rest_of_sync(world, server, self, &progress).await? {
            Some(done) => {
                let took = world.clock.elapsed().saturating_sub(begin).as_secs();
                world
                    .note(
                        number,
                        &format!("synced {}", self.to),
                        json!({"seconds": took, "done": done}),
                    )
                    .await?;
                let said = Finding::info("database-synced", self.to.clone()).arg("documents", done.documents());
                world.progress.finding(&said.arg("seconds", took));
            }
            None => {
                let notebook = FileNotebook::new(world.files);
                let how = How {
                    notebook: Some(&notebook),
                    ..How::default()
                };
                server.copy(&self.from, &self.to, &how, &progress).await?;
            }
        }
        server.ensure_user(&user).await?;
        let (from, to) = futures::try_join!(server.prove(&self.from, None), server.prove(&self.to, None))?;
        let differ = differences(&from, &to);
        if !differ.is_empty() {
            let finding =
                Finding::error("database-copy-differs", self.to.clone()).arg("collections", differ.join(", "));
            return Err(StepError::refused(finding));
        }
        let proof = serde_json::to_value(&to).map_err(|e| PortError::Other(e.to_string()))?;
        world.note(number, &format!("proof {}", self.to), proof).await?;
        // From the first look for writers to the proof: the part of the outage that is this database's.
        let took = world.clock.elapsed().saturating_sub(begun).as_secs();
        world
            .note(number, &format!("took {}", self.to), json!({"seconds": took}))
            .await?;
        let (documents, bytes) = totals(&to);
        let said = Finding::info("database-copied", self.to.clone()).arg("from", &self.from);
        world.progress.finding(
            &said
                .arg("documents", documents)
                .arg("bytes", bytes)
                .arg("seconds", took),
        );
        Ok(())
    }

    async fn user(&self, world: &World<'_>) -> StepResult<DatabaseUser> {
        self.user_of(world.target, world.target_namespace()).await
    }

    /// The user with the password that the secret of the release's namespace holds.
    ///
    /// # Errors
    /// When the secret is not there, or names another database.
    pub async fn user_of(&self, cluster: &dyn Cluster, namespace: &str) -> StepResult<DatabaseUser> {
        let reference = ObjRef::new("v1", "Secret", Some(namespace), &self.secret);
        let secret = cluster
            .get(&reference)
            .await?
            .ok_or_else(|| PortError::NotFound(reference.to_string()))?;
        let unreadable = || {
            StepError::refused(
                Finding::error("connection-string-unreadable", reference.to_string()).arg("key", &self.key),
            )
        };
        let encoded = secret
            .0
            .get("data")
            .and_then(|d| d.get(&self.key))
            .and_then(Value::as_str)
            .ok_or_else(unreadable)?;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|_| unreadable())?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
        let uri = ConnectionString::parse(text.trim()).map_err(|_| unreadable())?;
        let (Some(name), Some(password)) = (uri.user(), uri.password()) else {
            return Err(unreadable());
        };
        let database = uri.database().unwrap_or_else(|| name.clone());
        if database != self.to {
            let finding = Finding::error("connection-string-of-other-database", reference.to_string())
                .arg("want", &self.to)
                .arg("have", &database);
            return Err(StepError::refused(finding));
        }
        Ok(DatabaseUser {
            name,
            database,
            password,
            roles: self.roles.clone(),
        })
    }
}

#[async_trait]
impl Action for Copy {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        self.databases
            .iter()
            .flat_map(|d| {
                [
                    format!("mongodump --db={} --archive | mongorestore --archive --nsFrom='{}.*' --nsTo='{}.*'", d.from, d.from, d.to),
                    format!("db.getSiblingDB('{0}').createUser({{user: '{0}', pwd: …, roles: [{{role: 'readWrite', db: '{0}'}}]}})", d.to),
                ]
            })
            .collect()
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        self.databases
            .iter()
            .flat_map(|d| on(&ObjRef::new("v1", "Secret", Some(&names.target), &d.secret), &["get"]))
            .collect()
    }

    async fn precheck(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        if self.databases.is_empty() {
            return Ok(());
        }
        let existing = server(world)?.list().await?;
        let synced = SyncState::load(world.files)?;
        let mut refused = Vec::new();
        for d in &self.databases {
            if !existing.contains(&d.from) {
                refused.push(Finding::error("database-missing", d.from.clone()));
            }
            // A copy of an earlier attempt may hold other documents: this run's own copies are known by its notes.
            let own = world.recall(number, &format!("begun {}", d.to)).is_some() || synced.made(&d.from, &d.to);
            if existing.contains(&d.to) && !own {
                refused.push(Finding::error("database-exists", d.to.clone()).arg("from", &d.from));
            }
            if existing.contains(&d.from) {
                refused.extend(server(world)?.obstacles(&d.from, &d.to).await?);
            }
            d.user(world).await?;
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(StepError::Refused(refused))
        }
    }

    async fn run(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        if self.databases.is_empty() {
            return Ok(());
        }
        for d in &self.databases {
            world.check_stop()?;
            let begun = format!("begun {}", d.to);
            if world.recall(number, &begun).is_none() {
                world.note(number, &begun, json!(true)).await?;
            }
            d.carry(world, number).await?;
        }
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for d in &self.databases {
            server(world)?.try_login(&d.user(world).await?).await?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        for d in &self.databases {
            if world.recall(number, &format!("begun {}", d.to)).is_none() {
                continue;
            }
            if world.copy_back || back::begun(world, number, d) {
                back::copy_back(world, number, d).await?;
            }
            if world.drop_copies {
                server(world)?.drop_user(&d.to, &d.to).await?;
                server(world)?.drop_database(&d.to).await?;
                sync::forget(world.files, &d.to)?;
            } else {
                // Without a proof it may be a part of a copy, or nothing at all.
                let whole = world.recall(number, &format!("proof {}", d.to)).is_some();
                let code = if whole {
                    "database-copy-kept"
                } else {
                    "database-copy-unfinished"
                };
                world
                    .progress
                    .finding(&Finding::warning(code, d.to.clone()).arg("from", &d.from));
            }
        }
        Ok(())
    }
}

//! `copy`: databases under their new names, with their users.
//!
//! Runs while nothing writes. The source is only read. A user is made with the password of the existing secret and
//! proven by a login; a copy counts when counts, contents, indexes and options of both sides are equal. The undo
//! keeps the copies unless their removal was confirmed: they may hold what users wrote since.

use async_trait::async_trait;
use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Names, Undo, on};
use crate::finding::Finding;
use crate::mongo_uri::ConnectionString;
use crate::object::ObjRef;
use crate::ports::{Access, DatabaseProof, DatabaseUser, Databases, PortError};
use crate::world::{StepError, StepResult, World};

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
    async fn user(&self, world: &World<'_>) -> StepResult<DatabaseUser> {
        let reference = ObjRef::new("v1", "Secret", Some(world.target_namespace()), &self.secret);
        let secret = world
            .target
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
        })
    }
}

fn totals(proof: &DatabaseProof) -> (u64, u64) {
    proof.values().fold((0, 0), |(d, b), c| (d + c.documents, b + c.bytes))
}

/// Collections that differ between two proofs.
pub fn differences(from: &DatabaseProof, to: &DatabaseProof) -> Vec<String> {
    let mut names: Vec<&String> = from
        .keys()
        .chain(to.keys().filter(|k| !from.contains_key(*k)))
        .collect();
    names.sort();
    names
        .into_iter()
        .filter(|n| from.get(*n) != to.get(*n))
        .cloned()
        .collect()
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
        let mut refused = Vec::new();
        for d in &self.databases {
            if !existing.contains(&d.from) {
                refused.push(Finding::error("database-missing", d.from.clone()));
            }
            // A copy of an earlier attempt may hold other documents: this run's own copies are known by its notes.
            if existing.contains(&d.to) && world.recall(number, &format!("begun {}", d.to)).is_none() {
                refused.push(Finding::error("database-exists", d.to.clone()).arg("from", &d.from));
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
        let server = server(world)?;
        for d in &self.databases {
            world.check_stop()?;
            let begun = format!("begun {}", d.to);
            if world.recall(number, &begun).is_none() {
                world.note(number, &begun, json!(true)).await?;
            }
            let user = d.user(world).await?;
            server
                .copy(&d.from, &d.to, &|_collection, documents, bytes| {
                    let _ = documents;
                    world.progress.tick(&d.to, bytes, d.bytes);
                })
                .await?;
            server.ensure_user(&user).await?;
            let (from, to) = futures::try_join!(server.prove(&d.from), server.prove(&d.to))?;
            let differ = differences(&from, &to);
            if !differ.is_empty() {
                let finding =
                    Finding::error("database-copy-differs", d.to.clone()).arg("collections", differ.join(", "));
                return Err(StepError::refused(finding));
            }
            let proof = serde_json::to_value(&to).map_err(|e| PortError::Other(e.to_string()))?;
            world.note(number, &format!("proof {}", d.to), proof).await?;
            let (documents, bytes) = totals(&to);
            let said = Finding::info("database-copied", d.to.clone()).arg("from", &d.from);
            world
                .progress
                .finding(&said.arg("documents", documents).arg("bytes", bytes));
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
            if world.drop_copies {
                server(world)?.drop_user(&d.to, &d.to).await?;
                server(world)?.drop_database(&d.to).await?;
            } else {
                world
                    .progress
                    .finding(&Finding::warning("database-copy-kept", d.to.clone()).arg("from", &d.from));
            }
        }
        Ok(())
    }
}

/// What the new databases hold beyond what was copied: what a rollback would leave behind.
///
/// # Errors
/// When the server does not answer.
pub async fn written_since(world: &World<'_>, number: u32, step: &Copy) -> StepResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for d in &step.databases {
        let Some(proof) = world.recall(number, &format!("proof {}", d.to)) else {
            continue;
        };
        let copied: DatabaseProof = serde_json::from_value(proof).map_err(|e| PortError::Other(e.to_string()))?;
        let now = match server(world)?.prove(&d.to).await {
            Err(error) if error.is_not_found() => continue,
            other => other?,
        };
        let changed = differences(&copied, &now);
        if !changed.is_empty() {
            let (before, after) = (totals(&copied).0, totals(&now).0);
            findings.push(
                Finding::warning("database-written-since", d.to.clone())
                    .arg("collections", changed.join(", "))
                    .arg("before", before)
                    .arg("now", after),
            );
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::CollectionProof;

    fn proof(documents: u64, content: &str) -> CollectionProof {
        CollectionProof {
            documents,
            bytes: documents * 10,
            content: content.into(),
            shape: "s".into(),
        }
    }

    #[test]
    fn differences_name_collections_of_either_side() {
        let from = DatabaseProof::from([("a".into(), proof(1, "x")), ("b".into(), proof(2, "y"))]);
        let to = DatabaseProof::from([("a".into(), proof(1, "z")), ("c".into(), proof(1, "q"))]);
        assert_eq!(differences(&from, &to), ["a", "b", "c"]);
        assert!(differences(&from, &from).is_empty());
        assert_eq!(totals(&from), (3, 30));
    }
}

//! `retire`: what is left of the old install goes. Irreversible, and only in cleanup.
//!
//! Every deletion was listed in the plan and is made with the uid that the plan saw: a namesake that somebody made
//! since is left alone. Databases under old names are dropped first, because they alone hold data; then objects.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::parallel::side_by_side;
use crate::ports::{Access, PortError, Precondition};
use crate::world::{StepError, StepResult, World};

/// One object to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retired {
    /// Which.
    pub object: ObjRef,
    /// Its uid.
    pub uid: String,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retire {
    /// Objects of the old install that nothing needs any more.
    pub objects: Vec<Retired>,
    /// Databases under their old names, with their users.
    pub databases: Vec<String>,
}

#[async_trait]
impl Action for Retire {
    fn undo_kind(&self) -> Undo {
        Undo::Never
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        let databases = self
            .databases
            .iter()
            .map(|d| format!("db.getSiblingDB('{d}').dropDatabase()"));
        let objects = self.objects.iter().map(|o| {
            let namespace = o
                .object
                .namespace
                .as_ref()
                .map(|n| format!(" -n {n}"))
                .unwrap_or_default();
            format!("kubectl delete {}{namespace}", super::adopt::kubectl_name(&o.object))
        });
        databases.chain(objects).collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.objects
            .iter()
            .flat_map(|o| on(&o.object, &["delete", "list", "watch"]))
            .collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        if !self.databases.is_empty() {
            let server = world.databases.ok_or_else(|| {
                StepError::refused(Finding::error(
                    "database-not-configured",
                    world.profile.about.name.clone(),
                ))
            })?;
            for database in &self.databases {
                world.check_stop()?;
                server.drop_user(database, database).await?;
                server.drop_database(database).await?;
            }
        }
        let total = self.objects.len() as u64;
        let done = AtomicU64::new(0);
        let deletions = self.objects.iter().map(|retired| async {
            world.check_stop()?;
            let this_one = Precondition {
                uid: Some(retired.uid.clone()),
                resource_version: None,
            };
            match world.source.delete(&retired.object, &this_one, false).await {
                Ok(()) | Err(PortError::NotFound(_)) => {}
                Err(PortError::Conflict(..)) => {
                    world
                        .progress
                        .finding(&Finding::warning("namesake-kept", retired.object.to_string()));
                }
                Err(other) => return Err(StepError::from(other)),
            }
            world
                .progress
                .tick("retire", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            Ok(())
        });
        side_by_side(deletions).await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for retired in &self.objects {
            let gone = |now: Option<&Object>| now.is_none_or(|o| o.uid() != retired.uid);
            world
                .source
                .wait(&retired.object, world.timeouts.objects, &gone)
                .await?;
        }
        Ok(())
    }
}

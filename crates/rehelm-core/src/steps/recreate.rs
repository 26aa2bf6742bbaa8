//! `recreate`: objects of both sides whose immutable fields differ are replaced by the release's form.
//!
//! Planned before the outage for kinds that nothing running looks at again (a StorageClass), and directly before the
//! release for all others. The new object carries Helm's ownership, so that the install finds its own.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::adopt::kubectl_name;
use super::{Action, Names, Undo, brought_back, create, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PortError};
use crate::restore::{self, CREATED_BY};
use crate::server;
use crate::world::{StepError, StepResult, World};

/// One object to be replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recreated {
    /// Which.
    pub object: ObjRef,
    /// uid of the old one.
    pub uid: String,
    /// Immutable fields that differ.
    pub fields: Vec<String>,
    /// The new one, ownership included.
    pub manifest: Value,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recreate {
    /// Which objects.
    pub objects: Vec<Recreated>,
}

impl Recreated {
    fn wanted(&self, run: &str) -> Object {
        let mut object = Object(self.manifest.clone());
        object.set_annotation(CREATED_BY, run);
        object
    }
}

#[async_trait]
impl Action for Recreate {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        self.objects
            .iter()
            .map(|o| {
                let name = kubectl_name(&o.object);
                format!(
                    "kubectl delete {name} && kubectl create -f {}.yaml   # {}",
                    o.object.name,
                    o.fields.join(", ")
                )
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        let verbs = ["get", "delete", "list", "watch"];
        self.objects
            .iter()
            .flat_map(|o| on(&o.object, &verbs).into_iter().chain([create(&o.object)]))
            .collect()
    }

    fn undo_rights(&self, _: &Names) -> Vec<Access> {
        self.objects.iter().flat_map(|o| brought_back(&o.object)).collect()
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            let Some(live) = world.target.get(&o.object).await? else {
                continue;
            };
            if live.uid() != o.uid && live.annotation(CREATED_BY).is_none() {
                return Err(restore::namesake(&o.object, &o.uid, &live));
            }
        }
        Ok(())
    }

    fn images(&self) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let run = world.state().run;
        for o in &self.objects {
            match world.target.get(&o.object).await? {
                Some(live) if live.annotation(CREATED_BY) == Some(run.as_str()) => {}
                Some(live) if live.uid() == o.uid => {
                    restore::replace(world, world.target, &live, &o.wanted(&run)).await?;
                }
                Some(live) => {
                    return Err(restore::namesake(&o.object, &o.uid, &live));
                }
                // The crash came between the deletion and the creation.
                None => drop(world.target.create(&o.wanted(&run), false).await?),
            }
        }
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            let live = world.target.get(&o.object).await?;
            let live = live.ok_or_else(|| PortError::NotFound(o.object.to_string()))?;
            let differ = server::immutable_differences(&live, &Object(o.manifest.clone()));
            if !differ.is_empty() {
                let finding =
                    Finding::error("object-still-differs", o.object.to_string()).arg("fields", differ.join(", "));
                return Err(StepError::refused(finding));
            }
            restore::require_importable(world, &live)?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            restore::to_image(world, world.target, &world.before(&o.object)?).await?;
        }
        Ok(())
    }
}

//! `displace`: the old install's singletons step aside.
//!
//! Some controllers use one object of a name in the whole cluster and ignore all when there are two. The profile names
//! such objects; where the release brings its own, the old one is deleted during the outage, when nothing uses it. It is
//! in the backup, and the undo brings it back.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adopt::kubectl_name;
use super::{Action, Names, Undo, brought_back, on};
use crate::finding::Finding;
use crate::object::ObjRef;
use crate::ports::Access;
use crate::restore;
use crate::world::{StepError, StepResult, World};

/// One object that steps aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Displaced {
    /// Which.
    pub object: ObjRef,
    /// Its uid.
    pub uid: String,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Displace {
    /// Which objects.
    pub objects: Vec<Displaced>,
}

#[async_trait]
impl Action for Displace {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        let delete = |o: &Displaced| format!("kubectl delete {} -n {}", kubectl_name(&o.object), names.source);
        self.objects.iter().map(delete).collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.objects
            .iter()
            .flat_map(|o| on(&o.object, &["get", "delete", "list", "watch"]))
            .collect()
    }

    fn images(&self) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    fn undo_rights(&self, _: &Names) -> Vec<Access> {
        self.objects.iter().flat_map(|o| brought_back(&o.object)).collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            // Without its before-image there is no way back for it.
            world.before(&o.object)?;
            restore::delete_and_wait(world, world.source, &o.object, &o.uid).await?;
        }
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            if world.source.get(&o.object).await?.is_some() {
                let finding = Finding::error("object-came-back", o.object.to_string());
                return Err(StepError::refused(finding));
            }
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for o in &self.objects {
            restore::to_image(world, world.source, &world.before(&o.object)?).await?;
        }
        Ok(())
    }
}

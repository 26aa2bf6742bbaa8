//! `adopt`: cluster-scoped objects of both sides become the release's where they stand.
//!
//! Only Helm's ownership is written: subjects, rules and parameters stay as they are, so that the old install keeps its
//! rights until the release itself changes them. The undo brings the whole object back to its before-image, because by
//! then the release may have changed more than ownership.

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, brought_back, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PatchKind, PortError, Precondition};
use crate::restore;
use crate::world::{StepError, StepResult, World};

/// One object to be adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopted {
    /// Which.
    pub object: ObjRef,
    /// Its uid.
    pub uid: String,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopt {
    /// Which objects.
    pub objects: Vec<Adopted>,
}

/// `kind.group/name`, as kubectl takes it.
pub(crate) fn kubectl_name(object: &ObjRef) -> String {
    format!("{}/{}", object.kind.to_lowercase(), object.name)
}

impl Adopt {
    async fn mark(&self, world: &World<'_>, dry_run: bool) -> StepResult<()> {
        let (release, namespace) = (&world.plan.target.release, world.target_namespace());
        try_join_all(self.objects.iter().map(|adopted| async move {
            let live = this_one(world, adopted).await?;
            refuse_foreign(&live, release, namespace)?;
            if restore::importable(&live, release, namespace) {
                return Ok(());
            }
            let patch = restore::ownership(release, namespace);
            let unchanged = if dry_run {
                Precondition::default()
            } else {
                restore::precondition(&live)
            };
            world
                .target
                .patch(&adopted.object, PatchKind::Merge, &patch, &unchanged, dry_run)
                .await?;
            Ok::<_, StepError>(())
        }))
        .await?;
        Ok(())
    }
}

async fn this_one(world: &World<'_>, adopted: &Adopted) -> StepResult<Object> {
    let live = world.target.get(&adopted.object).await?;
    let live = live.ok_or_else(|| PortError::NotFound(adopted.object.to_string()))?;
    if live.uid() != adopted.uid {
        return Err(restore::namesake(&adopted.object, &adopted.uid, &live));
    }
    Ok(live)
}

/// Refuses an object that another release owns.
fn refuse_foreign(live: &Object, release: &str, namespace: &str) -> StepResult<()> {
    match live.annotation("meta.helm.sh/release-name") {
        Some(_) if !restore::owned_by(live, release, namespace) => {
            let owner = live.annotation("meta.helm.sh/release-name").unwrap_or_default();
            let finding = Finding::error("object-of-other-release", live.reference().to_string()).arg("owner", owner);
            Err(StepError::refused(finding))
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Action for Adopt {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        self.objects
            .iter()
            .flat_map(|o| {
                let name = kubectl_name(&o.object);
                [
                    format!(
                        "kubectl annotate {name} meta.helm.sh/release-name={} meta.helm.sh/release-namespace={}",
                        names.release, names.target
                    ),
                    format!("kubectl label {name} app.kubernetes.io/managed-by=Helm --overwrite"),
                ]
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.objects
            .iter()
            .flat_map(|o| on(&o.object, &["get", "patch"]))
            .collect()
    }

    fn undo_rights(&self, _: &Names) -> Vec<Access> {
        self.objects.iter().flat_map(|o| brought_back(&o.object)).collect()
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        self.mark(world, true).await
    }

    fn images(&self) -> Vec<ObjRef> {
        self.objects.iter().map(|o| o.object.clone()).collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for attempt in 0.. {
            match self.mark(world, false).await {
                Err(StepError::Port(PortError::Conflict(..))) if attempt < 5 => {}
                other => return other,
            }
        }
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(
            self.objects
                .iter()
                .map(|adopted| async move { restore::require_importable(world, &this_one(world, adopted).await?) }),
        )
        .await?;
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(self.objects.iter().map(|adopted| async move {
            restore::to_image(world, world.target, &world.before(&adopted.object)?).await
        }))
        .await?;
        Ok(())
    }
}

//! `retain`: volumes outlive their claims.
//!
//! Planned for the volume of every claim that moves. The policy and the note of the original policy are written in
//! one patch that the server applies only to the version that was read, so that a repeated run never takes the
//! temporary `Retain` for the original.

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Action, Names, Undo, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PatchKind, PortError, Precondition};
use crate::restore;
use crate::world::{StepError, StepResult, World};

/// Annotation that keeps the original policy.
pub const ORIGINAL_POLICY: &str = "rehelm.dev/original-reclaim-policy";

/// A volume to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptVolume {
    /// PersistentVolume.
    pub volume: String,
    /// Its uid.
    pub uid: String,
    /// Its claim in the old namespace.
    pub claim: String,
    /// `Delete`, `Retain` or `Recycle` today.
    pub policy: String,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Retain {
    /// Which volumes.
    pub volumes: Vec<KeptVolume>,
}

/// Reference to a PersistentVolume.
pub fn volume_ref(name: &str) -> ObjRef {
    ObjRef::new("v1", "PersistentVolume", None, name)
}

/// Reads a volume and refuses a namesake.
pub(crate) async fn read_volume(world: &World<'_>, name: &str, uid: &str) -> StepResult<Object> {
    let reference = volume_ref(name);
    let volume = world
        .source
        .get(&reference)
        .await?
        .ok_or_else(|| PortError::NotFound(reference.to_string()))?;
    if volume.uid() != uid {
        return Err(restore::namesake(&reference, uid, &volume));
    }
    Ok(volume)
}

#[async_trait]
impl Action for Retain {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.volumes.iter().map(|v| volume_ref(&v.volume)).collect()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        self.volumes
            .iter()
            .map(|v| {
                format!(
                    "kubectl patch pv {} --type merge -p '{{\"metadata\":{{\"annotations\":{{\"{ORIGINAL_POLICY}\":\"{}\"}}}},\"spec\":{{\"persistentVolumeReclaimPolicy\":\"Retain\"}}}}'",
                    v.volume, v.policy
                )
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.volumes
            .iter()
            .flat_map(|v| on(&volume_ref(&v.volume), &["get", "patch"]))
            .collect()
    }

    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let verbs = ["get", "patch", "list", "watch"];
        let of = |v: &KeptVolume| {
            let claim = on(&claim_ref(&names.source, &v.claim), &["get"]);
            on(&volume_ref(&v.volume), &verbs).into_iter().chain(claim)
        };
        self.volumes.iter().flat_map(of).collect()
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(self.volumes.iter().map(|v| async {
            let volume = read_volume(world, &v.volume, &v.uid).await?;
            let patch = policy_patch("Retain", Some(&v.policy));
            world
                .source
                .patch(
                    &volume.reference(),
                    PatchKind::Merge,
                    &patch,
                    &Precondition::default(),
                    true,
                )
                .await?;
            Ok::<_, StepError>(())
        }))
        .await?;
        Ok(())
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(self.volumes.iter().map(|v| async {
            let volume = read_volume(world, &v.volume, &v.uid).await?;
            if volume.annotation(ORIGINAL_POLICY).is_some() && is_retained(&volume) {
                return Ok(());
            }
            // A Retain that was set between plan and now is the owner's own wish: it is the original then.
            let original = volume
                .str("/spec/persistentVolumeReclaimPolicy")
                .unwrap_or("Retain")
                .to_owned();
            let patch = policy_patch("Retain", Some(volume.annotation(ORIGINAL_POLICY).unwrap_or(&original)));
            let unchanged = Precondition {
                uid: Some(v.uid.clone()),
                resource_version: Some(volume.resource_version().to_owned()),
            };
            world
                .source
                .patch(&volume.reference(), PatchKind::Merge, &patch, &unchanged, false)
                .await?;
            Ok::<_, StepError>(())
        }))
        .await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for v in &self.volumes {
            require_retained(&read_volume(world, &v.volume, &v.uid).await?)?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for v in &self.volumes {
            let volume = read_volume(world, &v.volume, &v.uid).await?;
            let Some(original) = volume.annotation(ORIGINAL_POLICY) else {
                continue;
            };
            let original = original.to_owned();
            let volume = match original.as_str() {
                "Retain" => Some(volume),
                // Giving a volume back to a policy that deletes it is safe only while a claim that stays holds it.
                _ => held(world, &volume).await?,
            };
            let Some(volume) = volume else {
                let finding = Finding::warning("volume-stays-retained", volume_ref(&v.volume).to_string());
                world.progress.finding(&finding.arg("policy", original));
                continue;
            };
            let unchanged = Precondition {
                uid: Some(v.uid.clone()),
                resource_version: Some(volume.resource_version().to_owned()),
            };
            let patch = policy_patch(&original, None);
            world
                .source
                .patch(&volume.reference(), PatchKind::Merge, &patch, &unchanged, false)
                .await?;
        }
        Ok(())
    }
}

/// The volume, once it is bound to a claim that lives and is not being deleted; None when that does not come.
async fn held(world: &World<'_>, volume: &Object) -> StepResult<Option<Object>> {
    let bound = |now: Option<&Object>| now.is_some_and(|v| v.str("/status/phase") == Some("Bound"));
    let limit = world.timeouts.objects;
    let volume = match world.source.wait(&volume.reference(), limit, &bound).await {
        // A server that answered late, or from what it knew before, is asked once more.
        Err(PortError::Timeout { .. }) => world.source.get(&volume.reference()).await?,
        other => other?,
    };
    match volume {
        Some(volume) if is_held(world, &volume).await? => Ok(Some(volume)),
        _ => Ok(None),
    }
}

/// True when a claim that is not being deleted holds the volume: it may have a policy that deletes it.
///
/// # Errors
/// A port's error.
pub(crate) async fn is_held(world: &World<'_>, volume: &Object) -> StepResult<bool> {
    let text = |field: &str| volume.str(field).unwrap_or_default();
    if text("/status/phase") != "Bound" {
        return Ok(false);
    }
    let (namespace, name) = (text("/spec/claimRef/namespace"), text("/spec/claimRef/name"));
    let claim = world.source.get(&claim_ref(namespace, name)).await?;
    Ok(claim.is_some_and(|claim| claim.uid() == text("/spec/claimRef/uid") && !claim.is_terminating()))
}

fn claim_ref(namespace: &str, name: &str) -> ObjRef {
    ObjRef::new("v1", "PersistentVolumeClaim", Some(namespace), name)
}

fn policy_patch(policy: &str, note: Option<&str>) -> serde_json::Value {
    json!({"metadata": {"annotations": {ORIGINAL_POLICY: note}},
           "spec": {"persistentVolumeReclaimPolicy": policy}})
}

/// True when deleting the claim leaves the volume and its data.
pub fn is_retained(volume: &Object) -> bool {
    volume.str("/spec/persistentVolumeReclaimPolicy") == Some("Retain")
}

/// Refuses to go on with a volume that could be deleted.
///
/// # Errors
/// A refusal with the volume's policy.
pub fn require_retained(volume: &Object) -> StepResult<()> {
    if is_retained(volume) {
        return Ok(());
    }
    let policy = volume.str("/spec/persistentVolumeReclaimPolicy").unwrap_or("none");
    Err(StepError::refused(
        Finding::error("volume-not-retained", volume.reference().to_string()).arg("policy", policy),
    ))
}

//! `claims`: the release's claims, created before anything stops.
//!
//! A claim that names its volume (`spec.volumeName`) while the volume is still held by the old claim waits as Pending:
//! nothing is provisioned, nothing is taken. Its manifest is the old claim's, with what the chart renders on top where
//! the two may differ, immutable annotations of both sides kept, and Helm's ownership when the chart makes the claim.

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Names, Undo, create, on};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PortError};
use crate::restore::{self, CREATED_BY};
use crate::world::{StepError, StepResult, World};

/// One claim of the release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedClaim {
    /// Its whole manifest.
    pub manifest: Value,
}

impl PlannedClaim {
    /// The claim as an object.
    pub fn object(&self) -> Object {
        Object(self.manifest.clone())
    }

    /// The volume that it names.
    pub fn volume(&self) -> &str {
        self.manifest
            .pointer("/spec/volumeName")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claims {
    /// Which claims.
    pub claims: Vec<PlannedClaim>,
}

/// Annotation by which servers before 1.6 knew the class; immutable wherever it is set.
pub const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The manifest of the release's claim: see the module's words.
pub fn manifest(old: &Object, rendered: Option<&Object>, namespace: &str, release: &str) -> Object {
    let pick = |field: &str| {
        rendered
            .and_then(|r| r.get(field))
            .or_else(|| old.get(field))
            .filter(|v| !v.is_null())
            .cloned()
    };
    let mut claim = Object(json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": old.name(), "namespace": namespace},
        "spec": {"volumeName": old.str("/spec/volumeName")},
    }));
    for field in ["accessModes", "resources", "storageClassName", "volumeMode"] {
        if let Some(value) = pick(&format!("/spec/{field}")) {
            claim.0["spec"][field] = value;
        }
    }
    if let Some(class) = rendered
        .and_then(|r| r.annotation(BETA_CLASS))
        .or_else(|| old.annotation(BETA_CLASS))
    {
        claim.set_annotation(BETA_CLASS, class);
    }
    if rendered.is_some() {
        json_patch::merge(&mut claim.0, &restore::ownership(release, namespace));
    }
    claim
}

#[async_trait]
impl Action for Claims {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.claims.iter().map(|c| c.object().reference()).collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        self.claims
            .iter()
            .map(|c| {
                format!(
                    "kubectl create -n {} -f {}.yaml   # spec.volumeName: {}",
                    names.target,
                    c.object().name(),
                    c.volume()
                )
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        let claims = self.claims.iter().map(|c| c.object().reference());
        claims
            .flat_map(|c| on(&c, &["get"]).into_iter().chain([create(&c)]))
            .collect()
    }

    fn undo_rights(&self, _: &Names) -> Vec<Access> {
        let claims = self.claims.iter().map(|c| c.object().reference());
        claims
            .flat_map(|c| on(&c, &["get", "delete", "list", "watch"]))
            .collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(self.claims.iter().map(|planned| async {
            let mut claim = planned.object();
            claim.set_annotation(CREATED_BY, &world.state().run);
            match world.target.create(&claim, false).await {
                Ok(_) => Ok(()),
                Err(PortError::Exists(_)) => same_claim(world, &claim, planned.volume()).await,
                Err(other) => Err(other.into()),
            }
        }))
        .await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for planned in &self.claims {
            same_claim(world, &planned.object(), planned.volume()).await?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for planned in &self.claims {
            let reference = planned.object().reference();
            let Some(live) = world.target.get(&reference).await? else {
                continue;
            };
            if live.str("/status/phase") == Some("Bound") {
                let finding = Finding::error("claim-still-bound", reference.to_string());
                return Err(StepError::refused(finding));
            }
            if live.annotation(CREATED_BY) == Some(world.state().run.as_str()) {
                restore::delete_and_wait(world, world.target, &reference, live.uid()).await?;
            }
        }
        Ok(())
    }
}

/// Refuses a claim of that name that waits for, or holds, another volume.
async fn same_claim(world: &World<'_>, claim: &Object, volume: &str) -> StepResult<()> {
    let reference = claim.reference();
    let live = world
        .target
        .get(&reference)
        .await?
        .ok_or_else(|| PortError::NotFound(reference.to_string()))?;
    require_waiting(&live, volume)
}

/// Refuses a claim that names another volume, or that is on its way out.
///
/// # Errors
/// A refusal with the volume that it names.
pub(crate) fn require_waiting(live: &Object, volume: &str) -> StepResult<()> {
    if live.str("/spec/volumeName") == Some(volume) && !live.is_terminating() {
        return Ok(());
    }
    let now = live.str("/spec/volumeName").unwrap_or("none");
    let finding = Finding::error("claim-of-other-volume", live.reference().to_string())
        .arg("want", volume)
        .arg("have", now);
    Err(StepError::refused(finding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immutable_annotations_survive_and_the_volume_is_named() {
        let old = Object(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "c", "namespace": "a", "uid": "1", "annotations": {BETA_CLASS: "nfs", "pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"accessModes": ["ReadWriteMany"], "volumeName": "pv-1", "storageClassName": "nfs",
                     "resources": {"requests": {"storage": "1Mi"}}, "volumeMode": "Filesystem"}}));
        let rendered = Object(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "c", "namespace": "b"}, "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": "nfs"}}));
        let claim = manifest(&old, Some(&rendered), "b", "r");
        assert_eq!(claim.annotation(BETA_CLASS), Some("nfs"));
        assert_eq!(claim.str("/spec/volumeName"), Some("pv-1"));
        assert_eq!(claim.get("/spec/resources/requests/storage").unwrap(), "1Mi");
        assert!(restore::owned_by(&claim, "r", "b"));
        assert_eq!(claim.annotation("pv.kubernetes.io/bind-completed"), None);
        assert!(claim.uid().is_empty());
        assert!(!restore::owned_by(&manifest(&old, None, "b", "r"), "r", "b"));
    }
}

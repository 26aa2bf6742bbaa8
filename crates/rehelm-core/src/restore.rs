//! Brings an object back to a before-image, whatever happened to it since.

use serde_json::Value;

use crate::diff;
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::ports::{Cluster, PatchKind, PortError, PortResult, Precondition};
use crate::server;
use crate::world::{StepError, StepResult, World};

/// Makes the live object what the image says, apart from what the server owns: creates it when it is gone, patches
/// it when it differs, replaces it when an immutable field differs.
///
/// # Errors
/// A refusal where a stranger's object would have to be replaced; when the server refuses, or somebody else changes the object
/// at the same time for too long.
pub async fn to_image(world: &World<'_>, cluster: &dyn Cluster, image: &Object) -> StepResult<()> {
    let reference = image.reference();
    for attempt in 0.. {
        let outcome = match cluster.get(&reference).await? {
            None => cluster.create(&server::without_owned(image), false).await.map(drop),
            Some(live) => match strange(world, &live, image) {
                Some(finding) => return Err(StepError::refused(finding)),
                None => bring_back(world, cluster, &live, image).await,
            },
        };
        match outcome {
            Err(PortError::Conflict(..) | PortError::Exists(_)) if attempt < 10 => {}
            other => return Ok(other?),
        }
    }
    Ok(())
}

/// What is said when the image can only be brought back by deleting an object that neither was there before nor is this
/// migration's: somebody made it meanwhile under the same name.
pub(crate) fn strange(world: &World<'_>, live: &Object, image: &Object) -> Option<Finding> {
    let target = &world.plan.target;
    let known = live.uid() == image.uid()
        || live.annotation(CREATED_BY).is_some()
        || owned_by(live, &target.release, &target.namespace);
    if known {
        return None;
    }
    let fields = server::immutable_differences(live, image);
    let finding = || Finding::error("object-strange", image.reference().to_string()).arg("fields", fields.join(", "));
    (!fields.is_empty()).then(finding)
}

async fn bring_back(world: &World<'_>, cluster: &dyn Cluster, live: &Object, image: &Object) -> PortResult<()> {
    let (clean, wanted) = (server::without_owned(live), server::without_owned(image));
    let patch = diff::merge_patch(&clean.0, &wanted.0);
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(());
    }
    if server::immutable_differences(live, image).is_empty() {
        let unchanged = precondition(live);
        cluster
            .patch(&image.reference(), PatchKind::Merge, &patch, &unchanged, false)
            .await?;
        return Ok(());
    }
    replace(world, cluster, live, &wanted).await
}

/// Deletes an object (this very one) and creates another in its place.
///
/// # Errors
/// When the server refuses, or the old object does not go away.
pub async fn replace(world: &World<'_>, cluster: &dyn Cluster, live: &Object, wanted: &Object) -> PortResult<()> {
    let reference = live.reference();
    delete_and_wait(world, cluster, &reference, live.uid()).await?;
    cluster.create(wanted, false).await?;
    Ok(())
}

/// Deletes an object by its uid and waits until it is gone. A namesake with another uid is left alone.
///
/// # Errors
/// When it does not go away in time.
pub async fn delete_and_wait(world: &World<'_>, cluster: &dyn Cluster, object: &ObjRef, uid: &str) -> PortResult<()> {
    let this_one = Precondition {
        uid: Some(uid.to_owned()),
        resource_version: None,
    };
    match cluster.delete(object, &this_one, false).await {
        Ok(()) | Err(PortError::NotFound(_)) => {}
        Err(other) => return Err(other),
    }
    cluster
        .wait(object, world.timeouts.objects, &|now| {
            now.is_none_or(|o| o.uid() != uid)
        })
        .await?;
    Ok(())
}

/// The refusal of a namesake: an object of that name whose uid is not the one that was planned for.
pub(crate) fn namesake(object: &ObjRef, planned: &str, now: &Object) -> StepError {
    let finding = Finding::error("object-replaced", object.to_string());
    StepError::refused(finding.arg("uid", planned).arg("now", now.uid()))
}

/// This very object in this very version.
pub fn precondition(object: &Object) -> Precondition {
    Precondition {
        uid: Some(object.uid().to_owned()),
        resource_version: Some(object.resource_version().to_owned()),
    }
}

/// The metadata by which Helm takes an object for a release's.
pub fn ownership(release: &str, namespace: &str) -> Value {
    serde_json::json!({"metadata": {
        "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
    }})
}

/// True when the object is this release's to Helm.
pub fn owned_by(object: &Object, release: &str, namespace: &str) -> bool {
    object.annotation("meta.helm.sh/release-name") == Some(release)
        && object.annotation("meta.helm.sh/release-namespace") == Some(namespace)
}

/// True when Helm would install over the object: it asks for its label besides the release's annotations.
pub fn importable(object: &Object, release: &str, namespace: &str) -> bool {
    owned_by(object, release, namespace) && object.label("app.kubernetes.io/managed-by") == Some("Helm")
}

/// The refusal of an object over which Helm would not install.
pub(crate) fn require_importable(world: &World<'_>, object: &Object) -> StepResult<()> {
    if importable(object, &world.plan.target.release, world.target_namespace()) {
        return Ok(());
    }
    let finding = Finding::error("object-not-adopted", object.reference().to_string());
    Err(StepError::refused(finding))
}

/// Annotation on everything that a run creates by itself.
pub const CREATED_BY: &str = "rehelm.dev/created-by";

//! A volume that is released with policy Delete loses its disk; with policy Retain it does not.
//!
//! As real provisioners do, only the volume's own phase and policy are looked at, so a policy that is set to Retain one
//! moment too late comes too late here as well.

use super::disks;
use super::{FINALIZER, PROVISIONED_BY};
use crate::Result;
use crate::kubelet::{Cluster, Next};
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

/// Deletes disk and volume when they are due.
pub(crate) async fn reconcile(cluster: &Cluster, name: &str) -> Result<Next> {
    let Some(volume) = cluster.volumes.get(&ObjectRef::new(name)) else {
        return Ok(Next::Change);
    };
    let ours = volume
        .annotations()
        .get(PROVISIONED_BY)
        .is_some_and(|by| cluster.settings.cloud.provisioner(by).is_some());
    if !ours {
        return Ok(Next::Change);
    }
    let deletes = volume
        .spec
        .as_ref()
        .and_then(|s| s.persistent_volume_reclaim_policy.as_deref())
        == Some("Delete");
    let phase = volume
        .status
        .as_ref()
        .and_then(|s| s.phase.as_deref())
        .unwrap_or_default();
    let going = volume.metadata.deletion_timestamp.is_some();
    let api = Api::<PersistentVolume>::all(cluster.client.clone());
    if deletes && phase == "Released" {
        // The version makes the server refuse when the policy was changed since this was seen.
        if !going {
            let same = Preconditions {
                uid: volume.uid(),
                resource_version: volume.resource_version(),
            };
            let params = DeleteParams {
                preconditions: Some(same),
                ..Default::default()
            };
            api.delete(name, &params).await?;
            return Ok(Next::Change);
        }
        delete_disk(cluster, name).await?;
    }
    // The volume controller keeps a bound volume that is asked to go until its claim is gone.
    if going && phase != "Bound" && volume.finalizers().iter().any(|f| f == FINALIZER) {
        let kept: Vec<_> = volume.finalizers().iter().filter(|f| *f != FINALIZER).collect();
        let patch = json!({"metadata": {"resourceVersion": volume.resource_version(), "finalizers": kept}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    Ok(Next::Change)
}

async fn delete_disk(cluster: &Cluster, volume: &str) -> Result<()> {
    for mut disk in disks::read(&cluster.client).await?.into_values() {
        if disk.volume == volume && disk.exists {
            disk.exists = false;
            disk.content.clear();
            disks::write(&cluster.client, &disk).await?;
        }
    }
    match fs_err::remove_dir_all(cluster.settings.dir.join("volumes").join(volume)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

//! The part of the volume drivers that attaches disks to machines.
//!
//! The real attach/detach controller makes and deletes VolumeAttachments; this says "attached", and lets one go when
//! the detach is through, so that waiting for a detach means something.

use super::{Cluster, Next};
use crate::Result;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

pub(super) async fn reconcile(cluster: &Cluster, name: &str) -> Result<Next> {
    let Some(attachment) = cluster.attachments.get(&ObjectRef::new(name)) else {
        return Ok(Next::Change);
    };
    let api = Api::<VolumeAttachment>::all(cluster.client.clone());
    let finalizer = format!("external-attacher/{}", attachment.spec.attacher.replace('.', "-"));
    let version = attachment.resource_version();
    let patch = |body| Patch::Merge(body);
    if attachment.metadata.deletion_timestamp.is_some() {
        let uid = attachment.uid().unwrap_or_default();
        if let Some(left) = cluster.left(format!("detach {uid}"), cluster.settings.pace.detach) {
            return Ok(Next::After(left));
        }
        let kept: Vec<_> = attachment.finalizers().iter().filter(|f| **f != finalizer).collect();
        let body = json!({"metadata": {"resourceVersion": version, "finalizers": kept}});
        match api.patch(name, &PatchParams::default(), &patch(body)).await {
            Err(kube::Error::Api(e)) if e.code == 404 => (),
            other => drop(other?),
        }
        return Ok(Next::Change);
    }
    if !attachment.finalizers().contains(&finalizer) {
        let body = json!({"metadata": {"resourceVersion": version, "finalizers": [finalizer]}});
        api.patch(name, &PatchParams::default(), &patch(body)).await?;
    }
    if !attachment.status.as_ref().is_some_and(|s| s.attached) {
        let body = json!({"status": {"attached": true}});
        api.patch_status(name, &PatchParams::default(), &patch(body)).await?;
    }
    Ok(Next::Change)
}

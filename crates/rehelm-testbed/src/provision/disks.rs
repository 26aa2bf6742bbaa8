//! The record of disks: ConfigMap [`TABLE`] in `kube-system`, one entry a disk, kept after the disk is gone.

use crate::{Error, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Name of the ConfigMap in `kube-system`.
pub const TABLE: &str = "rehelm-testbed-disks";

/// A disk, share or file system of the stand-in cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// What the cloud calls it.
    pub handle: String,
    /// False once it was really deleted, with everything on it.
    pub exists: bool,
    /// What is on it, written when it was made.
    pub content: String,
    /// The claim (`namespace/name`) that it was made for.
    pub claim: String,
    /// The PersistentVolume that it was made for.
    pub volume: String,
}

/// All disks that were ever made, by handle.
pub async fn read(client: &kube::Client) -> Result<BTreeMap<String, Disk>> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), "kube-system");
    let data = api.get_opt(TABLE).await?.and_then(|map| map.data).unwrap_or_default();
    let disks = data.into_values().map(|text| {
        let disk: Disk = serde_json::from_str(&text).map_err(|e| Error::data(TABLE, e))?;
        Ok((disk.handle.clone(), disk))
    });
    disks.collect()
}

/// Writes one entry, leaving the others alone.
pub(super) async fn write(client: &kube::Client, disk: &Disk) -> Result<()> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), "kube-system");
    let text = serde_json::to_string(disk).map_err(|e| Error::data(TABLE, e))?;
    let patch = Patch::Merge(json!({"data": {key(&disk.handle): text}}));
    match api.patch(TABLE, &PatchParams::default(), &patch).await {
        Err(kube::Error::Api(e)) if e.code == 404 => (),
        other => return other.map(drop).map_err(Into::into),
    }
    let mut map = ConfigMap::default();
    map.metadata.name = Some(TABLE.into());
    match api.create(&PostParams::default(), &map).await {
        Err(kube::Error::Api(e)) if e.code == 409 => (),
        other => drop(other?),
    }
    api.patch(TABLE, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// A ConfigMap key may hold letters, digits, `-`, `_` and `.` only.
fn key(handle: &str) -> String {
    handle
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

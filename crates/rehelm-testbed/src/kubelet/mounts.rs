//! A pod's volumes as folders of this machine.
//!
//! A claim is the folder `volumes/NAME` of the PersistentVolume that it is bound to, so data travels as the volume does.
//! Secrets and ConfigMaps are written out when the process starts; a `hostPath` is this machine's. Every other kind of volume is
//! an empty folder that lives as long as the pod.

use super::Cluster;
use crate::{Error, Result};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, KeyToPath, PersistentVolumeClaim, Pod, Secret, Volume, VolumeMount,
};
use kube::ResourceExt;
use kube::api::Api;
use std::collections::BTreeMap;

/// A folder or file of this machine, and where the process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) from: Utf8PathBuf,
    pub(super) to: String,
    pub(super) read_only: bool,
}

/// The mounts of a container, outer ones first.
pub(super) async fn of(cluster: &Cluster, dir: &Utf8Path, pod: &Pod, container: &Container) -> Result<Vec<Mount>> {
    let mut mounts = Vec::new();
    for wanted in container.volume_mounts.iter().flatten() {
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let volume = volumes.into_iter().find(|volume| volume.name == wanted.name);
        let volume = volume.ok_or_else(|| Error::data(pod.name_any(), format!("no volume {}", wanted.name)))?;
        let (from, read_only) = folder(cluster, dir, pod, volume).await?;
        mounts.push(mount(from, read_only, wanted)?);
    }
    mounts.sort_by_key(|mount| mount.to.len());
    Ok(mounts)
}

fn mount(mut from: Utf8PathBuf, read_only: bool, wanted: &VolumeMount) -> Result<Mount> {
    if let Some(below) = wanted.sub_path.as_deref().filter(|path| !path.is_empty()) {
        from.push(below);
        if !from.exists() {
            fs::create_dir_all(&from)?;
        }
    }
    Ok(Mount {
        from,
        to: wanted.mount_path.clone(),
        read_only: read_only || wanted.read_only == Some(true),
    })
}

/// The volume's folder, and whether it may only be read.
async fn folder(cluster: &Cluster, dir: &Utf8Path, pod: &Pod, volume: &Volume) -> Result<(Utf8PathBuf, bool)> {
    let ns = pod.namespace().unwrap_or_default();
    let client = || cluster.client.clone();
    let own = dir.join("pods").join(&ns).join(pod.name_any()).join(&volume.name);
    if let Some(claim) = &volume.persistent_volume_claim {
        let api = Api::<PersistentVolumeClaim>::namespaced(client(), &ns);
        let bound = api.get(&claim.claim_name).await?.spec.and_then(|spec| spec.volume_name);
        let bound = bound.ok_or_else(|| Error::data(&claim.claim_name, "not bound"))?;
        let folder = dir.join("volumes").join(bound);
        fs::create_dir_all(&folder)?;
        return Ok((folder, claim.read_only == Some(true)));
    }
    if let Some(source) = &volume.host_path {
        return Ok((source.path.clone().into(), false));
    }
    fs::create_dir_all(&own)?;
    if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        let found = Api::<Secret>::namespaced(client(), &ns).get_opt(name).await?;
        write(&own, &found.map(secret).unwrap_or_default(), &source.items)?;
        return Ok((own, true));
    }
    if let Some(source) = &volume.config_map {
        let found = Api::<ConfigMap>::namespaced(client(), &ns)
            .get_opt(&source.name)
            .await?;
        write(&own, &found.map(config_map).unwrap_or_default(), &source.items)?;
        return Ok((own, true));
    }
    Ok((own, false))
}

/// What a Secret holds, by key.
pub(super) fn secret(secret: Secret) -> BTreeMap<String, Vec<u8>> {
    let data = secret.data.unwrap_or_default().into_iter();
    data.map(|(key, value)| (key, value.0)).collect()
}

/// What a ConfigMap holds, by key.
pub(super) fn config_map(map: ConfigMap) -> BTreeMap<String, Vec<u8>> {
    let text = map.data.unwrap_or_default().into_iter();
    let bytes = map.binary_data.unwrap_or_default().into_iter();
    let text = text.map(|(key, value)| (key, value.into_bytes()));
    text.chain(bytes.map(|(key, value)| (key, value.0))).collect()
}

/// Writes all keys as files, or only those that are named, where they are wanted.
fn write(folder: &Utf8Path, data: &BTreeMap<String, Vec<u8>>, items: &Option<Vec<KeyToPath>>) -> Result<()> {
    let wanted: Vec<(&str, &str)> = match items {
        Some(items) => items.iter().map(|i| (i.key.as_str(), i.path.as_str())).collect(),
        None => data.keys().map(|key| (key.as_str(), key.as_str())).collect(),
    };
    for (key, path) in wanted {
        let Some(bytes) = data.get(key) else { continue };
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_files_where_they_are_wanted() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = Utf8Path::from_path(dir.path()).expect("UTF-8");
        let data = [("a".to_owned(), b"1".to_vec()), ("b".to_owned(), b"2".to_vec())].into();
        let item = KeyToPath {
            key: "b".into(),
            path: "below/c.conf".into(),
            ..KeyToPath::default()
        };
        write(&dir.join("some"), &data, &Some(vec![item])).expect("written");
        assert_eq!(fs::read(dir.join("some/below/c.conf")).expect("there"), b"2");
        assert!(!dir.join("some/a").exists());
        fs::create_dir(dir.join("all")).expect("a folder");
        write(&dir.join("all"), &data, &None).expect("written");
        assert!(dir.join("all/a").is_file() && dir.join("all/b").is_file());
    }
}

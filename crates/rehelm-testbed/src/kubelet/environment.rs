//! The variables of a container. References between variables are left as they are.

use super::Cluster;
use super::mounts::{config_map, secret};
use crate::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvVarSource, Pod, Secret};
use kube::ResourceExt;
use kube::api::Api;
use std::collections::BTreeMap;

/// All variables, those of later sources over those of earlier ones.
pub(super) async fn of(cluster: &Cluster, pod: &Pod, container: &Container) -> Result<BTreeMap<String, String>> {
    let (ns, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let first = [("PATH", path), ("HOME", "/"), ("HOSTNAME", name.as_str())];
    let mut all: BTreeMap<String, String> = first.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or_default();
        let (map, held) = (from.config_map_ref.as_ref(), from.secret_ref.as_ref());
        let data = match (map, held) {
            (Some(map), _) => maps(cluster, &ns, &map.name).await?,
            (None, Some(held)) => secrets(cluster, &ns, &held.name).await?,
            (None, None) => BTreeMap::new(),
        };
        all.extend(
            data.into_iter()
                .map(|(key, bytes)| (format!("{prefix}{key}"), text(bytes))),
        );
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            None => variable.value.clone(),
            Some(source) => looked_up(cluster, pod, source).await?.map(text),
        };
        all.extend(value.map(|value| (variable.name.clone(), value)));
    }
    Ok(all)
}

async fn looked_up(cluster: &Cluster, pod: &Pod, source: &EnvVarSource) -> Result<Option<Vec<u8>>> {
    let ns = pod.namespace().unwrap_or_default();
    if let Some(from) = &source.secret_key_ref {
        return Ok(secrets(cluster, &ns, &from.name).await?.remove(&from.key));
    }
    if let Some(from) = &source.config_map_key_ref {
        return Ok(maps(cluster, &ns, &from.name).await?.remove(&from.key));
    }
    let field = source.field_ref.as_ref().map(|field| field.field_path.as_str());
    Ok(match field {
        Some("metadata.name") => Some(pod.name_any().into_bytes()),
        Some("metadata.namespace") => Some(ns.into_bytes()),
        _ => None,
    })
}

async fn secrets(cluster: &Cluster, ns: &str, name: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let found = Api::<Secret>::namespaced(cluster.client.clone(), ns)
        .get_opt(name)
        .await?;
    Ok(found.map(secret).unwrap_or_default())
}

async fn maps(cluster: &Cluster, ns: &str, name: &str) -> Result<BTreeMap<String, Vec<u8>>> {
    let found = Api::<ConfigMap>::namespaced(cluster.client.clone(), ns)
        .get_opt(name)
        .await?;
    Ok(found.map(config_map).unwrap_or_default())
}

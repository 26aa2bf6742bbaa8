//! A pending claim gets a disk and a volume, as its class says.

use super::disks::{self, Disk};
use super::template::fill;
use super::{FINALIZER, PROVISIONED_BY, Provisioner};
use crate::kubelet::{Cluster, Event, Next};
use crate::{Error, Result};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::ResourceExt;
use kube::api::{Api, PostParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::{Value, json};

/// Set by the real volume controller when it wants somebody to make a volume (now, or for the selected machine).
const WANTED: &str = "volume.kubernetes.io/storage-provisioner";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// Makes a volume for the claim when it is time.
pub(crate) async fn reconcile(cluster: &Cluster, ns: &str, name: &str) -> Result<Next> {
    let Some(claim) = cluster.claims.get(&ObjectRef::new(name).within(ns)) else {
        return Ok(Next::Change);
    };
    let spec = claim.spec.clone().unwrap_or_default();
    let pending = claim.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Pending");
    let Some(wanted) = claim.annotations().get(WANTED) else {
        return Ok(Next::Change);
    };
    if !pending || spec.volume_name.is_some() || claim.metadata.deletion_timestamp.is_some() {
        return Ok(Next::Change);
    }
    let Some(class) = spec
        .storage_class_name
        .and_then(|c| cluster.classes.get(&ObjectRef::new(&c)))
    else {
        return Ok(Next::Change);
    };
    let cloud = &cluster.settings.cloud;
    let Some(maker) = cloud
        .provisioner(&class.provisioner)
        .or_else(|| cloud.provisioner(wanted))
    else {
        return Ok(Next::Change);
    };
    let node = claim.annotations().get(SELECTED_NODE);
    if class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer") && node.is_none() {
        return Ok(Next::Change);
    }
    let zone = zone(cluster, maker, node.map(String::as_str), &claim);
    let (disk, volume) = make(&claim, &class, maker, &zone)?;
    let api = Api::<PersistentVolume>::all(cluster.client.clone());
    if api.get_opt(&disk.volume).await?.is_some() {
        return Ok(Next::Change);
    }
    disks::write(&cluster.client, &disk).await?;
    match api.create(&PostParams::default(), &volume).await {
        Err(kube::Error::Api(e)) if e.code == 409 => return Ok(Next::Change),
        other => drop(other?),
    }
    let done = Event::normal(
        "ProvisioningSucceeded",
        format!("Successfully provisioned volume {}", disk.volume),
    );
    done.post(cluster, &*claim, &class.provisioner).await?;
    Ok(Next::Change)
}

/// The zone of the machine that the scheduler chose, or for a volume made at once that of any machine.
fn zone(cluster: &Cluster, maker: &Provisioner, node: Option<&str>, claim: &PersistentVolumeClaim) -> String {
    let Some(label) = &maker.zone_label else {
        return String::new();
    };
    let of = |node: &k8s_openapi::api::core::v1::Node| node.labels().get(label).cloned();
    if let Some(node) = node {
        return cluster
            .nodes
            .get(&ObjectRef::new(node))
            .and_then(|n| of(&n))
            .unwrap_or_default();
    }
    let mut zones: Vec<String> = cluster.nodes.state().iter().filter_map(|n| of(n)).collect();
    zones.sort();
    let pick = claim.name_any().bytes().map(usize::from).sum::<usize>();
    zones.get(pick % zones.len().max(1)).cloned().unwrap_or_default()
}

fn make(
    claim: &PersistentVolumeClaim,
    class: &StorageClass,
    maker: &Provisioner,
    zone: &str,
) -> Result<(Disk, PersistentVolume)> {
    let (ns, name, uid) = (
        claim.namespace().unwrap_or_default(),
        claim.name_any(),
        claim.uid().unwrap_or_default(),
    );
    let volume = format!("pvc-{uid}");
    let mut words = vec![
        ("uid", &*uid),
        ("namespace", &*ns),
        ("name", &*name),
        ("volume", &*volume),
        ("zone", zone),
    ];
    let handle = fill(&maker.handle, &words);
    words.push(("handle", &handle));
    let claim_spec = claim.spec.clone().unwrap_or_default();
    let mut spec = json!({
        "accessModes": claim_spec.access_modes,
        "capacity": {"storage": claim_spec.resources.and_then(|r| r.requests).and_then(|r| r.get("storage").cloned())},
        "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": ns, "name": name, "uid": uid,
                     "resourceVersion": claim.resource_version()},
        "persistentVolumeReclaimPolicy": class.reclaim_policy.as_deref().unwrap_or("Delete"),
        "storageClassName": class.name_any(),
        "volumeMode": claim_spec.volume_mode,
        "mountOptions": class.mount_options,
    });
    let source = fill_all(&maker.source, &words);
    if let (Some(spec), Value::Object(source)) = (spec.as_object_mut(), source) {
        spec.extend(source);
    }
    if let (Some(label), false) = (&maker.zone_label, zone.is_empty()) {
        let term = json!({"matchExpressions": [{"key": label, "operator": "In", "values": [zone]}]});
        spec["nodeAffinity"] = json!({"required": {"nodeSelectorTerms": [term]}});
    }
    let object = json!({
        "metadata": {
            "name": volume,
            "annotations": {PROVISIONED_BY: class.provisioner},
            "finalizers": [FINALIZER],
        },
        "spec": spec,
    });
    let content = format!("data of {ns}/{name}, written on {handle}");
    let disk = Disk {
        handle,
        exists: true,
        content,
        claim: format!("{ns}/{name}"),
        volume,
    };
    Ok((
        disk,
        serde_json::from_value(object).map_err(|e| Error::data(&maker.handle, e))?,
    ))
}

fn fill_all(value: &Value, words: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, words)),
        Value::Array(list) => list.iter().map(|v| fill_all(v, words)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), fill_all(v, words))).collect(),
        other => other.clone(),
    }
}

//! Nodes: every Node object becomes a ready machine with room for everything.

use super::{Cluster, Next};
use crate::Result;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::CSINode;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

const TAINT: &str = "node.kubernetes.io/not-ready";

/// Without this annotation the controllers leave attaching to the kubelet.
const MANAGED: &str = "volumes.kubernetes.io/controller-managed-attach-detach";

pub(super) async fn reconcile(cluster: &Cluster, name: &str) -> Result<Next> {
    let Some(node) = cluster.nodes.get(&ObjectRef::new(name)) else {
        return Ok(Next::Change);
    };
    let api = Api::<Node>::all(cluster.client.clone());
    let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    if !conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True") {
        register_drivers(cluster, &node).await?;
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(status(cluster, &node)))
            .await?;
    }
    if node.annotations().get(MANAGED).is_none() {
        let patch = json!({"metadata": {"annotations": {MANAGED: "true"}}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    let taints: Vec<_> = node.spec.iter().flat_map(|s| s.taints.iter().flatten()).collect();
    if taints.iter().any(|t| t.key == TAINT) {
        let kept: Vec<_> = taints.iter().filter(|t| t.key != TAINT).collect();
        let patch = json!({"metadata": {"resourceVersion": node.resource_version()}, "spec": {"taints": kept}});
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    Ok(Next::Change)
}

fn status(cluster: &Cluster, node: &Node) -> serde_json::Value {
    let room = json!({"cpu": "500", "memory": "2Ti", "pods": "1000", "ephemeral-storage": "9Ti"});
    let now = format!("{:.0}", jiff::Timestamp::now());
    let mut addresses = vec![json!({"type": "Hostname", "address": node.name_any()})];
    let mut endpoints = json!({});
    if let Some(containers) = &cluster.containers {
        addresses.push(json!({"type": "InternalIP", "address": "127.0.0.1"}));
        endpoints = json!({"kubeletEndpoint": {"Port": containers.port()}});
    }
    json!({"status": {
        "capacity": room,
        "allocatable": room,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "stand-in kubelet is ready",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
        "addresses": addresses,
        "daemonEndpoints": endpoints,
        "nodeInfo": {
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "", "osImage": "stand-in",
            "containerRuntimeVersion": "none://0", "kubeletVersion": "v1.35.4", "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": "amd64",
        },
    }})
}

/// Says which volume drivers the machine has; without this the controllers attach nothing of the in-tree kinds.
async fn register_drivers(cluster: &Cluster, node: &Node) -> Result<()> {
    let name = node.name_any();
    let cloud = &cluster.settings.cloud;
    let drivers: Vec<_> = cloud
        .drivers
        .iter()
        .map(|d| json!({"name": d.name, "nodeID": name, "topologyKeys": d.topology_keys}))
        .collect();
    let in_tree: Vec<&str> = cloud.drivers.iter().filter_map(|d| d.in_tree.as_deref()).collect();
    let object: CSINode = serde_json::from_value(json!({
        "metadata": {
            "name": name,
            "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": in_tree.join(",")},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": node.uid()}],
        },
        "spec": {"drivers": drivers},
    }))
    .map_err(|e| crate::Error::Data(e.to_string()))?;
    match Api::<CSINode>::all(cluster.client.clone())
        .create(&PostParams::default(), &object)
        .await
    {
        Err(kube::Error::Api(e)) if e.code == 409 => Ok(Next::Change),
        other => other.map(|_| Next::Change),
    }?;
    Ok(())
}

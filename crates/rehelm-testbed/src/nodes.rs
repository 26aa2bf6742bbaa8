//! The machines of the cluster, as objects; the stand-in kubelet makes them ready.

use crate::Result;
use crate::options::Node;
use crate::provision::Cloud;
use crate::wait;
use k8s_openapi::api::core::v1::Node as Machine;
use k8s_openapi::api::storage::v1::CSIDriver;
use kube::api::{Api, PostParams};
use std::time::Duration;

/// Creates the nodes; one that exists stays as it is.
pub(crate) async fn create(client: &kube::Client, nodes: &[Node]) -> Result<()> {
    let api = Api::<Machine>::all(client.clone());
    for node in nodes {
        let mut machine = Machine::default();
        machine.metadata.name = Some(node.name.clone());
        let mut labels = node.labels.clone();
        for (key, value) in [
            ("kubernetes.io/hostname", &*node.name),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
        ] {
            labels.entry(key.into()).or_insert_with(|| value.into());
        }
        machine.metadata.labels = Some(labels);
        match api.create(&PostParams::default(), &machine).await {
            Err(kube::Error::Api(e)) if e.code == 409 => (),
            other => drop(other?),
        }
    }
    Ok(())
}

/// Creates the objects that say which volume drivers attach.
pub(crate) async fn register_drivers(client: &kube::Client, cloud: &Cloud) -> Result<()> {
    let api = Api::<CSIDriver>::all(client.clone());
    for driver in &cloud.drivers {
        let mut object = CSIDriver::default();
        object.metadata.name = Some(driver.name.clone());
        object.spec.attach_required = Some(driver.attach);
        match api.create(&PostParams::default(), &object).await {
            Err(kube::Error::Api(e)) if e.code == 409 => (),
            other => drop(other?),
        }
    }
    Ok(())
}

/// Waits until all of them are ready.
pub(crate) async fn ready(client: &kube::Client, nodes: &[Node], limit: Duration) -> Result<()> {
    wait::until(Api::<Machine>::all(client.clone()), "nodes", limit, |all| {
        let ready = |name: &str| {
            all.iter()
                .any(|n| n.metadata.name.as_deref() == Some(name) && is_ready(n))
        };
        nodes
            .iter()
            .filter(|n| !ready(&n.name))
            .map(|n| n.name.clone())
            .collect()
    })
    .await
}

/// Ready and free of the taint that new nodes get.
fn is_ready(node: &Machine) -> bool {
    let conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let tainted = node
        .spec
        .iter()
        .flat_map(|s| s.taints.iter().flatten())
        .any(|t| t.key == "node.kubernetes.io/not-ready");
    !tainted && conditions.into_iter().any(|c| c.type_ == "Ready" && c.status == "True")
}

//! Services of type LoadBalancer get an address of their own, as a cloud would give them.

use super::{Cluster, Next};
use crate::Result;
use crate::provision::fill;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::reflector::ObjectRef;
use serde_json::json;

pub(super) async fn reconcile(cluster: &Cluster, ns: &str, name: &str) -> Result<Next> {
    let key = ObjectRef::new(name).within(ns);
    let Some(service) = cluster.services.get(&key) else {
        return Ok(Next::Change);
    };
    let spec = service.spec.clone().unwrap_or_default();
    let has_address = addresses(&service).next().is_some();
    let wants_address = spec.type_.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none();
    if has_address || !wants_address || service.metadata.deletion_timestamp.is_some() {
        return Ok(Next::Change);
    }
    let uid = service.uid().unwrap_or_default();
    let ingress = match (&spec.load_balancer_ip, &cluster.settings.cloud.load_balancer) {
        (Some(wanted), _) if !wanted.is_empty() => json!({"ip": wanted, "ipMode": "VIP"}),
        (_, Some(host)) => json!({"hostname": fill(host, &[("uid", &uid), ("name", name), ("namespace", ns)])}),
        (_, None) => json!({"ip": free_ip(cluster, &uid), "ipMode": "VIP"}),
    };
    let patch = json!({"metadata": {"uid": uid}, "status": {"loadBalancer": {"ingress": [ingress]}}});
    let api = Api::<Service>::namespaced(cluster.client.clone(), ns);
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await?;
    Ok(Next::Change)
}

/// An address of 198.18.0.0/15 (kept for benchmarks, so never a real one) that no other Service has.
fn free_ip(cluster: &Cluster, uid: &str) -> String {
    let taken: Vec<String> = cluster
        .services
        .state()
        .iter()
        .flat_map(|s| addresses(s).collect::<Vec<_>>())
        .collect();
    let start = uid
        .bytes()
        .fold(0u16, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into()));
    let ips = (0..u16::MAX).map(|i| {
        let [a, b] = start.wrapping_add(i).to_be_bytes();
        format!("198.18.{a}.{b}")
    });
    ips.into_iter().find(|ip| !taken.contains(ip)).unwrap_or_default()
}

fn addresses(service: &Service) -> impl Iterator<Item = String> {
    let balancer = service.status.iter().filter_map(|s| s.load_balancer.as_ref());
    let ingress = balancer.flat_map(|b| b.ingress.iter().flatten());
    ingress.filter_map(|i| i.ip.clone().or_else(|| i.hostname.clone()))
}

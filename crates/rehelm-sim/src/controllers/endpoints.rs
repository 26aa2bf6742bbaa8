//! Endpoints of Services with a selector. Rules: kubernetes `pkg/controller/endpoint` of 1.35.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::backends::{self, Backend};
use super::{Controller, read};
use crate::meta;
use crate::store::Change;
use crate::world::World;

const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const MANAGED: &str = "endpoints.kubernetes.io/managed-by";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The controller.
pub(crate) struct Endpoints;

impl Controller for Endpoints {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        backends::concerned(world, change)
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let Some(service) = world.get("services", namespace, name) else {
            // Endpoints go with their Service, whoever made them.
            if let Err(refusal) = world.remove("endpoints", namespace, name) {
                tracing::debug!(name, message = refusal.message, "Endpoints could not be deleted");
            }
            return None;
        };
        if read::text(&service, "/spec/type") == "ExternalName" {
            return None;
        }
        let backends = backends::of(world, &service)?;
        let subsets = subsets(&service, &backends);
        let labels = labels(world, &service);
        let old = world.get("endpoints", namespace, name);
        let now = world.now().rfc3339();
        let written = match old {
            Some(old) if is_same(&old, &subsets) && meta::get(&old, "labels") == Some(&labels) => return None,
            Some(old) => {
                let before: Vec<&Value> = read::list(&old, "/subsets")
                    .iter()
                    .flat_map(|subset| read::list(subset, "/addresses"))
                    .collect();
                let now_ready = subsets.iter().flat_map(|subset| read::list(subset, "/addresses"));
                let triggered = now_ready.into_iter().any(|address| !before.contains(&address));
                let changed = world.modify("endpoints", namespace, name, |object| {
                    meta::set(object, "labels", labels);
                    backends::set_trigger(object, CHANGED, triggered.then_some(&now));
                    set_subsets(object, subsets);
                });
                changed.map(drop)
            }
            None => {
                let mut object = json!({
                    "apiVersion": "v1",
                    "kind": "Endpoints",
                    "metadata": {"name": name, "namespace": namespace, "labels": labels, "annotations": {CHANGED: now}},
                });
                set_subsets(&mut object, subsets);
                world.create("endpoints", object).map(drop)
            }
        };
        if let Err(refusal) = written {
            tracing::debug!(name, message = refusal.message, "Endpoints could not be written");
        }
        None
    }
}

fn labels(world: &World, service: &Value) -> Value {
    let mut labels = meta::get(service, "labels")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    if backends::is_headless(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    } else {
        labels.shift_remove(HEADLESS);
    }
    // Servers write this since 1.33.
    if world.options.minor >= 33 {
        labels.insert(MANAGED.to_owned(), "endpoint-controller".into());
    }
    Value::Object(labels)
}

fn set_subsets(object: &mut Value, subsets: Vec<Value>) {
    if !subsets.is_empty() {
        object["subsets"] = subsets.into();
    } else if let Some(map) = object.as_object_mut() {
        map.shift_remove("subsets");
    }
}

/// The order of subsets and ports is a matter of hashes in the real server.
fn is_same(old: &Value, subsets: &[Value]) -> bool {
    let sorted = |subsets: &[Value]| {
        let mut all: Vec<Value> = subsets.to_vec();
        for subset in &mut all {
            if let Some(ports) = subset.get_mut("ports").and_then(Value::as_array_mut) {
                ports.sort_by_cached_key(|port| (read::int(port, "/port"), read::text(port, "/name").to_owned()));
            }
        }
        all.sort_by_cached_key(|subset| subset["ports"].to_string());
        all
    };
    sorted(read::list(old, "/subsets")) == sorted(subsets)
}

fn address(service: &Value, backend: &Backend) -> Value {
    let mut address = Map::new();
    address.insert("ip".to_owned(), backend.ip.clone().into());
    if let Some(hostname) = backends::hostname(service, &backend.pod) {
        address.insert("hostname".to_owned(), hostname.into());
    }
    let node = read::text(&backend.pod, "/spec/nodeName");
    address.insert("nodeName".to_owned(), node.into());
    address.insert("targetRef".to_owned(), backends::target(&backend.pod));
    Value::Object(address)
}

/// One subset for all ports that the same addresses have.
fn subsets(service: &Value, backends: &[Backend]) -> Vec<Value> {
    let publish = read::flag(service, "/spec/publishNotReadyAddresses");
    let mut groups: Vec<(Vec<usize>, Vec<Value>)> = Vec::new();
    let shown: Vec<usize> = (0..backends.len())
        .filter(|at| publish || !backends[*at].terminating)
        .collect();
    if read::list(service, "/spec/ports").is_empty() {
        if backends::is_headless(service) && !shown.is_empty() {
            groups.push((shown, Vec::new()));
        }
    } else {
        let mut ports: Vec<&Value> = Vec::new();
        for at in &shown {
            for port in &backends[*at].ports {
                if !ports.contains(&port) {
                    ports.push(port);
                }
            }
        }
        for port in ports {
            let having = shown.iter().filter(|at| backends[**at].ports.contains(port));
            let having: Vec<usize> = having.copied().collect();
            match groups.iter_mut().find(|(members, _)| *members == having) {
                Some((_, ports)) => ports.push(port.clone()),
                None => groups.push((having, vec![port.clone()])),
            }
        }
    }
    groups
        .into_iter()
        .map(|(members, ports)| subset(service, backends, &members, ports))
        .collect()
}

fn subset(service: &Value, backends: &[Backend], members: &[usize], mut ports: Vec<Value>) -> Value {
    let mut subset = Map::new();
    for (field, ready) in [("addresses", true), ("notReadyAddresses", false)] {
        let own = members
            .iter()
            .map(|at| &backends[*at])
            .filter(|backend| backend.ready == ready);
        let own: Vec<Value> = own.map(|backend| address(service, backend)).collect();
        if !own.is_empty() {
            subset.insert(field.to_owned(), own.into());
        }
    }
    for port in &mut ports {
        if read::text(port, "/name").is_empty()
            && let Some(map) = port.as_object_mut()
        {
            map.shift_remove("name");
        }
    }
    if !ports.is_empty() {
        subset.insert("ports".to_owned(), ports.into());
    }
    Value::Object(subset)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Readiness;
    use crate::controllers::lab::Lab;
    use crate::controllers::read;
    use crate::meta;

    fn service(lab: &Lab, name: &str, spec: serde_json::Value) {
        lab.create(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
    }

    #[test]
    fn ready_pods_are_behind_a_service_and_others_beside() {
        let lab = Lab::new();
        let port = json!([{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]);
        service(
            &lab,
            "svc",
            json!({"clusterIP": "10.96.0.9", "selector": {"app": "dep"}, "ports": port}),
        );
        service(
            &lab,
            "nothing",
            json!({"clusterIP": "10.96.0.10", "selector": {"app": "no"}, "ports": [{"port": 80}]}),
        );
        service(&lab, "own", json!({"clusterIP": "10.96.0.11", "ports": [{"port": 80}]}));
        let containers = json!([{"name": "c", "image": "i", "ports": [{"name": "web", "containerPort": 8080}]}]);
        let template = json!({"metadata": {"labels": {"app": "dep"}}, "spec": {"containers": containers}});
        lab.workload("Deployment", "dep", json!({"replicas": 3, "template": template}));
        lab.rest();
        let count = |field: &str| read::list(&lab.get("endpoints", "svc"), &format!("/subsets/0/{field}")).len();
        assert_eq!((count("addresses"), count("notReadyAddresses")), (3, 0));
        let endpoints = lab.get("endpoints", "svc");
        assert_eq!(
            endpoints["subsets"][0]["ports"],
            json!([{"name": "http", "port": 8080, "protocol": "TCP"}])
        );
        assert_eq!(
            meta::get(&endpoints, "labels"),
            Some(&json!({"endpoints.kubernetes.io/managed-by": "endpoint-controller"}))
        );
        assert!(lab.get("endpoints", "nothing").get("subsets").is_none());
        assert!(lab.find("endpoints", "own").is_none());
        let slices = lab.list("endpointslices.discovery.k8s.io");
        assert_eq!(slices.len(), 2);
        let of = |name: &str| {
            let slices = lab.list("endpointslices.discovery.k8s.io");
            let found = slices
                .iter()
                .find(|s| meta::label(s, "kubernetes.io/service-name") == Some(name));
            found.expect("a slice").clone()
        };
        assert_eq!(read::list(&of("svc"), "/endpoints").len(), 3);
        assert_eq!(
            of("svc")["endpoints"][0]["conditions"],
            json!({"ready": true, "serving": true, "terminating": false})
        );
        assert!(read::list(&of("nothing"), "/endpoints").is_empty());

        let first = lab.names("pods")[0].clone();
        lab.fault(&first, Readiness::Never);
        lab.rest();
        assert_eq!((count("addresses"), count("notReadyAddresses")), (2, 1));
        lab.change("deployments.apps", "dep", |d| d["spec"]["replicas"] = 0.into());
        lab.rest();
        assert!(lab.get("endpoints", "svc").get("subsets").is_none());
        assert!(read::list(&of("svc"), "/endpoints").is_empty());
        lab.delete("services", "svc", "Background");
        lab.rest();
        assert!(lab.find("endpoints", "svc").is_none());
        assert_eq!(lab.list("endpointslices.discovery.k8s.io").len(), 1);
    }
}

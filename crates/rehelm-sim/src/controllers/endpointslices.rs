//! EndpointSlices of Services with a selector. Rules: kubernetes `endpointslice` reconciler of 1.35, IPv4 only, at most
//! 100 endpoints a slice. Endpoints that a person made are not mirrored.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::backends::{self, Backend};
use super::{Controller, claim, pods, read};
use crate::meta;
use crate::refusal::Refusal;
use crate::store::Change;
use crate::world::World;

const SLICES: &str = "endpointslices.discovery.k8s.io";
const CHANGED: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const MANAGED: &str = "endpointslice.kubernetes.io/managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
const SERVICE: &str = "kubernetes.io/service-name";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// Endpoints that a slice holds.
const ROOM: usize = 100;

/// The controller.
pub(crate) struct EndpointSlices;

impl Controller for EndpointSlices {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        backends::concerned(world, change)
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let service = world.get("services", namespace, name)?;
        if meta::is_terminating(&service) || read::text(&service, "/spec/type") == "ExternalName" {
            return None;
        }
        let backends = backends::of(world, &service)?;
        let mut old = claim::owned(world, meta::uid(&service), SLICES);
        old.retain(|slice| meta::label(slice, MANAGED) == Some(MANAGER) && !meta::is_terminating(slice));
        if let Err(refusal) = write(world, &service, &backends, old) {
            tracing::debug!(name, message = refusal.message, "an EndpointSlice could not be written");
        }
        None
    }
}

/// Ports and endpoints of one slice.
type Content = (Vec<Value>, Vec<Value>);

/// What the slices are to hold: endpoints with the same ports together, those that stay in the slice where they are.
fn contents(world: &World, service: &Value, backends: &[Backend], old: &[Arc<Value>]) -> Vec<Content> {
    let mut groups: Vec<Content> = Vec::new();
    for backend in backends {
        let endpoint = endpoint(world, service, backend);
        match groups.iter_mut().find(|(ports, _)| *ports == backend.ports) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => groups.push((backend.ports.clone(), vec![endpoint])),
        }
    }
    let mut contents = Vec::new();
    for (ports, endpoints) in groups {
        // Whoever is in a slice already keeps its place there.
        let place = |endpoint: &Value| {
            let same = |other: &Value| other["addresses"] == endpoint["addresses"];
            let slice = old
                .iter()
                .position(|slice| read::list(slice, "/endpoints").iter().any(same));
            slice.map(|at| (at, read::list(&old[at], "/endpoints").iter().position(same)))
        };
        let mut endpoints = endpoints;
        endpoints.sort_by_cached_key(|endpoint| place(endpoint).map_or((usize::MAX, None), |place| place));
        contents.extend(endpoints.chunks(ROOM).map(|chunk| (ports.clone(), chunk.to_vec())));
    }
    if contents.is_empty() {
        contents.push((Vec::new(), Vec::new()));
    }
    contents
}

fn endpoint(world: &World, service: &Value, backend: &Backend) -> Value {
    let mut endpoint = Map::new();
    endpoint.insert("addresses".to_owned(), json!([backend.ip]));
    let conditions = json!({"ready": backend.ready, "serving": backend.serving, "terminating": backend.terminating});
    endpoint.insert("conditions".to_owned(), conditions);
    if let Some(hostname) = backends::hostname(service, &backend.pod) {
        endpoint.insert("hostname".to_owned(), hostname.into());
    }
    let node = read::text(&backend.pod, "/spec/nodeName");
    if !node.is_empty() {
        endpoint.insert("nodeName".to_owned(), node.into());
    }
    endpoint.insert("targetRef".to_owned(), backends::target(&backend.pod));
    let node = world.get("nodes", "", node);
    let zone = node
        .as_ref()
        .and_then(|node| meta::label(node, "topology.kubernetes.io/zone"));
    if let Some(zone) = zone {
        endpoint.insert("zone".to_owned(), zone.into());
    }
    Value::Object(endpoint)
}

fn write(world: &mut World, service: &Value, backends: &[Backend], old: Vec<Arc<Value>>) -> Result<(), Refusal> {
    let labels = labels(service);
    let now = world.now().rfc3339();
    let mut contents = contents(world, service, backends, &old);
    let mut unused = Vec::new();
    for slice in old {
        let same = |content: &Content| is_same(&slice, content);
        if meta::get(&slice, "labels") == Some(&labels)
            && let Some(at) = contents.iter().position(same)
        {
            contents.remove(at);
        } else {
            unused.push(slice);
        }
    }
    // A slice that would go is used again for one that would come, best for one with the same ports.
    for (ports, endpoints) in contents {
        let again = unused
            .iter()
            .position(|slice| read::list(slice, "/ports") == ports.as_slice());
        let again = again.or(if unused.is_empty() { None } else { Some(0) });
        let [ports, endpoints] = [ports, endpoints].map(|all| if all.is_empty() { Value::Null } else { all.into() });
        if let Some(at) = again {
            let slice = unused.remove(at);
            let before = read::list(&slice, "/endpoints");
            let known = |endpoint: &Value| {
                let same = |other: &Value| {
                    other["addresses"] == endpoint["addresses"]
                        && other["conditions"]["ready"] == endpoint["conditions"]["ready"]
                };
                before.iter().any(same)
            };
            let listed = endpoints.as_array().into_iter().flatten();
            let triggered = listed
                .filter(|one| one["conditions"]["ready"] == true)
                .any(|one| !known(one));
            world.modify(SLICES, meta::namespace(&slice), meta::name(&slice), |slice| {
                meta::set(slice, "labels", labels.clone());
                backends::set_trigger(slice, CHANGED, triggered.then_some(&now));
                slice["endpoints"] = endpoints;
                slice["ports"] = ports;
            })?;
            continue;
        }
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": format!("{}-", meta::name(service)),
                "namespace": meta::namespace(service),
                "labels": labels,
                "annotations": {CHANGED: now},
                "ownerReferences": [pods::controller_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": ports,
        });
        world.create(SLICES, slice)?;
    }
    for slice in unused {
        world.remove(SLICES, meta::namespace(&slice), meta::name(&slice))?;
    }
    Ok(())
}

fn labels(service: &Value) -> Value {
    let mut labels = meta::get(service, "labels")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    labels.insert(SERVICE.to_owned(), meta::name(service).into());
    labels.insert(MANAGED.to_owned(), MANAGER.into());
    if backends::is_headless(service) {
        labels.insert(HEADLESS.to_owned(), "".into());
    } else {
        labels.shift_remove(HEADLESS);
    }
    Value::Object(labels)
}

/// The same ports and endpoints, in whatever order.
fn is_same(slice: &Value, content: &Content) -> bool {
    let has = |all: &[Value], wanted: &[Value]| all.len() == wanted.len() && wanted.iter().all(|one| all.contains(one));
    has(read::list(slice, "/ports"), &content.0) && has(read::list(slice, "/endpoints"), &content.1)
}

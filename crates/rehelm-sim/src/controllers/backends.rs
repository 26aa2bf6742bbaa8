//! What stands behind a Service: pods and their ports. Endpoints and EndpointSlices are two ways to write that down.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{pods, read, selector};
use crate::meta;
use crate::store::{Change, ChangeKind, Place};
use crate::world::World;

/// A pod behind a Service.
pub(super) struct Backend {
    pub pod: Arc<Value>,
    pub ip: String,
    /// Ready, or published without being so.
    pub ready: bool,
    /// Ready, whether terminating or not.
    pub serving: bool,
    pub terminating: bool,
    /// Ports as Endpoints and EndpointSlices write them; those that the pod does not have are left out.
    pub ports: Vec<Value>,
}

/// Pods of a Service, by address. None for Services whose endpoints are somebody else's: without a selector.
pub(super) fn of(world: &World, service: &Value) -> Option<Vec<Backend>> {
    let wanted = service.pointer("/spec/selector").and_then(Value::as_object)?;
    let (key, value) = wanted.iter().next()?;
    let index = world.store.index();
    let labelled = index.labelled(meta::namespace(service), key, value.as_str().unwrap_or_default());
    let publish = read::flag(service, "/spec/publishNotReadyAddresses");
    let wanted = &service["spec"]["selector"];
    let mut all = Vec::new();
    for pod in world.at("pods", labelled) {
        let ip = read::text(&pod, "/status/podIP").to_owned();
        if ip.is_empty() || pods::has_ended(&pod) || !selector::has_all(wanted, &pod) {
            continue;
        }
        let (serving, terminating) = (pods::is_ready(&pod), meta::is_terminating(&pod));
        all.push(Backend {
            ready: publish || (serving && !terminating),
            serving: publish || serving,
            terminating,
            ports: ports(service, &pod),
            ip,
            pod,
        });
    }
    all.sort_by(|a, b| (&a.ip, meta::uid(&a.pod)).cmp(&(&b.ip, meta::uid(&b.pod))));
    Some(all)
}

fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let wanted = read::list(service, "/spec/ports").iter();
    let found = wanted.filter_map(|port| {
        let protocol = match read::text(port, "/protocol") {
            "" => "TCP",
            protocol => protocol,
        };
        let number = match port.get("targetPort") {
            Some(Value::String(name)) => named_port(pod, name, protocol)?,
            Some(Value::Number(number)) => number.as_i64().filter(|number| *number != 0)?,
            _ => read::int(port, "/port"),
        };
        let mut found = Map::new();
        let name = read::text(port, "/name");
        found.insert("name".to_owned(), name.into());
        found.insert("port".to_owned(), number.into());
        found.insert("protocol".to_owned(), protocol.into());
        if let Some(app) = port.get("appProtocol").filter(|app| !app.is_null()) {
            found.insert("appProtocol".to_owned(), app.clone());
        }
        Some(Value::Object(found))
    });
    found.collect()
}

fn named_port(pod: &Value, name: &str, protocol: &str) -> Option<i64> {
    let sidecars = read::list(pod, "/spec/initContainers").iter();
    let sidecars = sidecars.filter(|container| read::text(container, "/restartPolicy") == "Always");
    let containers = read::list(pod, "/spec/containers").iter().chain(sidecars);
    let mut ports = containers.flat_map(|container| read::list(container, "/ports"));
    let port = ports.find(|port| {
        let own = read::text(port, "/protocol");
        port["name"] == name && (own == protocol || own.is_empty() && protocol == "TCP")
    })?;
    port["containerPort"].as_i64()
}

/// The pod's own host name counts when it asks for this Service as its domain.
pub(super) fn hostname<'a>(service: &Value, pod: &'a Value) -> Option<&'a str> {
    let own = read::text(pod, "/spec/hostname");
    (!own.is_empty() && read::text(pod, "/spec/subdomain") == meta::name(service)).then_some(own)
}

pub(super) fn target(pod: &Value) -> Value {
    json!({"kind": "Pod", "name": meta::name(pod), "namespace": meta::namespace(pod), "uid": meta::uid(pod)})
}

pub(super) fn is_headless(service: &Value) -> bool {
    matches!(read::text(service, "/spec/clusterIP"), "" | "None")
}

/// Services whose endpoints a change may concern.
pub(super) fn concerned(world: &World, change: &Change) -> Vec<(Duration, String)> {
    let keys: BTreeSet<String> = match &*change.resource {
        "services" => BTreeSet::from([meta::key(&change.object)]),
        "pods" => {
            let same = change
                .old
                .as_deref()
                .is_some_and(|old| state(old) == state(&change.object));
            if same && change.kind == ChangeKind::Modified {
                return Vec::new();
            }
            let index = world.store.index();
            let versions = [Some(&change.object), change.old.as_ref()];
            let places = versions.into_iter().flatten().flat_map(|pod| index.services_for(pod));
            places
                .map(|Place { namespace, name }| format!("{namespace}/{name}"))
                .collect()
        }
        _ => return Vec::new(),
    };
    keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
}

/// Notes when the change happened that a write answers to: a pod that became ready. Of pods that went, nobody knows when.
pub(super) fn set_trigger(object: &mut Value, annotation: &str, at: Option<&String>) {
    if let Some(at) = at {
        meta::set_annotation(object, annotation, at);
        return;
    }
    let meta = meta::map_mut(object);
    let left = meta.get_mut("annotations").and_then(Value::as_object_mut).map(|all| {
        all.shift_remove(annotation);
        all.len()
    });
    if left == Some(0) {
        meta.shift_remove("annotations");
    }
}

type State<'a> = (&'a str, bool, bool, bool, Option<&'a Value>);

/// What of a pod endpoints tell.
fn state(pod: &Value) -> State<'_> {
    (
        read::text(pod, "/status/podIP"),
        pods::is_ready(pod),
        pods::has_ended(pod),
        meta::is_terminating(pod),
        meta::get(pod, "labels"),
    )
}

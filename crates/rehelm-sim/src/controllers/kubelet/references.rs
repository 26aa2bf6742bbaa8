//! What a pod refers to: images, and the Secrets and ConfigMaps without which it cannot start. The words are the real
//! kubelet's, because diagnosis reads them.

use serde_json::Value;

use super::look::Look;
use crate::controllers::read;
use crate::faults::Readiness;
use crate::meta;
use crate::world::World;

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let inits = read::list(pod, "/spec/initContainers").iter();
    inits.chain(read::list(pod, "/spec/containers"))
}

/// Images of all containers, those of the containers proper first.
pub(super) fn images(pod: &Value) -> impl Iterator<Item = &str> {
    let proper = read::list(pod, "/spec/containers").iter();
    let all = proper.chain(read::list(pod, "/spec/initContainers"));
    all.map(|container| read::text(container, "/image"))
}

/// Its containers end by themselves: a Job's, or such as are not to be started again when they have ended well.
pub(super) fn ends(pod: &Value) -> bool {
    let of_job = meta::controller(pod).is_some_and(|owner| owner["kind"] == "Job");
    of_job || matches!(read::text(pod, "/spec/restartPolicy"), "Never" | "OnFailure")
}

/// A Secret or ConfigMap that must be there.
struct Reference<'a> {
    /// `secret`, `configmap`.
    kind: &'static str,
    name: &'a str,
    /// Keys that must be there.
    keys: Vec<&'a str>,
    /// The volume's name; none for the environment.
    volume: Option<&'a str>,
}

fn optional(source: &Value) -> bool {
    read::flag(source, "/optional")
}

fn keys(items: &Value) -> Vec<&str> {
    read::list(items, "/items")
        .iter()
        .map(|item| read::text(item, "/key"))
        .collect()
}

fn volumes(pod: &Value) -> Vec<Reference<'_>> {
    let mut all = Vec::new();
    for volume in read::list(pod, "/spec/volumes") {
        let own = read::text(volume, "/name");
        let projected = read::list(volume, "/projected/sources").iter();
        let sources = std::iter::once((volume, "secretName")).chain(projected.map(|source| (source, "name")));
        for (source, field) in sources {
            for (kind, at, field) in [("secret", "secret", field), ("configmap", "configMap", "name")] {
                let Some(source) = source.get(at).filter(|source| source.is_object() && !optional(source)) else {
                    continue;
                };
                all.push(Reference {
                    kind,
                    name: source.get(field).and_then(Value::as_str).unwrap_or_default(),
                    keys: keys(source),
                    volume: Some(own),
                });
            }
        }
    }
    all
}

fn environment(pod: &Value) -> Vec<Reference<'_>> {
    let mut all = Vec::new();
    for container in containers(pod) {
        let single = read::list(container, "/env")
            .iter()
            .filter_map(|env| env.get("valueFrom"));
        let whole = read::list(container, "/envFrom").iter();
        for source in single.chain(whole) {
            for (kind, at) in [
                ("secret", "secretKeyRef"),
                ("configmap", "configMapKeyRef"),
                ("secret", "secretRef"),
                ("configmap", "configMapRef"),
            ] {
                let Some(source) = source.get(at).filter(|source| source.is_object() && !optional(source)) else {
                    continue;
                };
                all.push(Reference {
                    kind,
                    name: read::text(source, "/name"),
                    keys: source.get("key").and_then(Value::as_str).into_iter().collect(),
                    volume: None,
                });
            }
        }
    }
    all
}

/// The first thing that keeps the pod from starting: how it looks then, and the event's reason and message.
pub(super) fn blocked(world: &World, pod: &Value, fault: Option<&Readiness>) -> Option<(Look, (&'static str, String))> {
    let namespace = meta::namespace(pod);
    let lacks = |reference: &Reference<'_>, key: &str| match fault {
        Some(Readiness::MissingKey { name, key: lost }) => name == reference.name && lost == key,
        _ => false,
    };
    for reference in volumes(pod).into_iter().chain(environment(pod)) {
        let resource = if reference.kind == "secret" {
            "secrets"
        } else {
            "configmaps"
        };
        let Some(object) = world.get(resource, namespace, reference.name) else {
            return Some(report(
                &reference,
                format!("{} \"{}\" not found", reference.kind, reference.name),
            ));
        };
        let has = |key: &str| {
            ["data", "binaryData"]
                .iter()
                .any(|field| object[*field].get(key).is_some())
        };
        if let Some(key) = reference.keys.iter().find(|key| !has(key) || lacks(&reference, key)) {
            let message = match (reference.volume, reference.kind) {
                (Some(_), kind) => format!("references non-existent {kind} key: {key}"),
                (None, "secret") => format!("couldn't find key {key} in Secret {namespace}/{}", reference.name),
                (None, _) => format!("couldn't find key {key} in ConfigMap {namespace}/{}", reference.name),
            };
            return Some(report(&reference, message));
        }
    }
    None
}

fn report(reference: &Reference<'_>, message: String) -> (Look, (&'static str, String)) {
    match reference.volume {
        Some(volume) => {
            let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {message}");
            (Look::Creating, ("FailedMount", message))
        }
        None => {
            let event = ("Failed", format!("Error: {message}"));
            let reason = "CreateContainerConfigError";
            (Look::Waiting { reason, message }, event)
        }
    }
}

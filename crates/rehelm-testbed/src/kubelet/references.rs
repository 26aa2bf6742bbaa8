//! What keeps a pod from starting: claims, attachments, and the Secrets and ConfigMaps it refers to.
//!
//! The words are those of the real kubelet, as a migration's diagnosis reads them. A missing object is asked for at the
//! server before it is called missing, since the watch may be behind.

use super::Cluster;
use super::event::Event;
use super::pod_status::Look;
use crate::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, PodSpec, Secret};
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::reflector::ObjectRef;

/// How a pod looks that cannot start, and the event about it.
pub(super) struct Blocked {
    pub(super) look: Look,
    pub(super) event: Option<Event>,
}

/// A reference to a Secret or ConfigMap, by an environment variable or a volume.
struct Reference {
    kind: &'static str,
    name: String,
    /// Keys that must be there.
    keys: Vec<String>,
    /// The volume's name; none for the environment.
    volume: Option<String>,
}

/// The first thing that keeps the pod from starting.
pub(super) async fn blocked(cluster: &Cluster, pod: &Pod) -> Result<Option<Blocked>> {
    let Some(spec) = &pod.spec else { return Ok(None) };
    let ns = pod.namespace().unwrap_or_default();
    for claim in spec
        .volumes
        .iter()
        .flatten()
        .filter_map(|v| v.persistent_volume_claim.as_ref())
    {
        if !mountable(cluster, spec, &ns, &claim.claim_name) {
            return Ok(Some(Blocked {
                look: Look::Creating,
                event: None,
            }));
        }
    }
    for reference in volumes(spec).into_iter().chain(environment(spec)) {
        let missing = match keys(cluster, &ns, &reference).await? {
            None => Some(format!("{} \"{}\" not found", reference.kind, reference.name)),
            Some(have) => {
                let key = reference.keys.iter().find(|key| !have.contains(key));
                key.map(|key| match (&reference.volume, reference.kind) {
                    (Some(_), kind) => format!("references non-existent {kind} key: {key}"),
                    (None, "secret") => format!("couldn't find key {key} in Secret {ns}/{}", reference.name),
                    (None, _) => format!("couldn't find key {key} in ConfigMap {ns}/{}", reference.name),
                })
            }
        };
        if let Some(message) = missing {
            return Ok(Some(report(reference, message)));
        }
    }
    Ok(None)
}

fn report(reference: Reference, message: String) -> Blocked {
    match reference.volume {
        Some(volume) => Blocked {
            look: Look::Waiting {
                reason: "ContainerCreating".into(),
                message: String::new(),
            },
            event: Some(Event::warning(
                "FailedMount",
                format!("MountVolume.SetUp failed for volume \"{volume}\" : {message}"),
            )),
        },
        None => Blocked {
            event: Some(Event::warning("Failed", format!("Error: {message}"))),
            look: Look::Waiting {
                reason: "CreateContainerConfigError".into(),
                message,
            },
        },
    }
}

/// Whether the claim is bound and its volume, where it needs that, is attached to the pod's machine.
fn mountable(cluster: &Cluster, spec: &PodSpec, ns: &str, claim: &str) -> bool {
    let Some(claim) = cluster.claims.get(&ObjectRef::new(claim).within(ns)) else {
        return false;
    };
    if claim.status.as_ref().and_then(|s| s.phase.as_deref()) != Some("Bound") {
        return false;
    }
    let Some(volume) = claim.spec.as_ref().and_then(|s| s.volume_name.as_deref()) else {
        return false;
    };
    let Some(object) = cluster.volumes.get(&ObjectRef::new(volume)) else {
        return false;
    };
    if !cluster.settings.cloud.attaches(&object) {
        return true;
    }
    cluster.attachments.state().iter().any(|a| {
        let here = Some(&a.spec.node_name) == spec.node_name.as_ref();
        let attached = a.status.as_ref().is_some_and(|s| s.attached) && a.metadata.deletion_timestamp.is_none();
        here && attached && a.spec.source.persistent_volume_name.as_deref() == Some(volume)
    })
}

fn volumes(spec: &PodSpec) -> Vec<Reference> {
    let mut all = Vec::new();
    for volume in spec.volumes.iter().flatten() {
        let mut push = |kind, name: Option<&str>, keys: Vec<String>, optional: Option<bool>| {
            if let (Some(name), false) = (name, optional == Some(true)) {
                all.push(Reference {
                    kind,
                    name: name.to_owned(),
                    keys,
                    volume: Some(volume.name.clone()),
                });
            }
        };
        if let Some(s) = &volume.secret {
            push("secret", s.secret_name.as_deref(), items(&s.items), s.optional);
        }
        if let Some(c) = &volume.config_map {
            push("configmap", Some(&c.name), items(&c.items), c.optional);
        }
        for source in volume.projected.iter().flat_map(|p| p.sources.iter().flatten()) {
            if let Some(s) = &source.secret {
                push("secret", Some(&s.name), items(&s.items), s.optional);
            }
            if let Some(c) = &source.config_map {
                push("configmap", Some(&c.name), items(&c.items), c.optional);
            }
        }
    }
    all
}

fn items(items: &Option<Vec<k8s_openapi::api::core::v1::KeyToPath>>) -> Vec<String> {
    items.iter().flatten().map(|item| item.key.clone()).collect()
}

fn environment(spec: &PodSpec) -> Vec<Reference> {
    let mut all = Vec::new();
    let mut push = |kind, name: &str, key: Option<&str>, optional: Option<bool>| {
        if optional != Some(true) {
            let keys = key.map(str::to_owned).into_iter().collect();
            all.push(Reference {
                kind,
                name: name.to_owned(),
                keys,
                volume: None,
            });
        }
    };
    for container in spec.init_containers.iter().flatten().chain(&spec.containers) {
        for from in container.env.iter().flatten().filter_map(|e| e.value_from.as_ref()) {
            if let Some(s) = &from.secret_key_ref {
                push("secret", &s.name, Some(&s.key), s.optional);
            }
            if let Some(c) = &from.config_map_key_ref {
                push("configmap", &c.name, Some(&c.key), c.optional);
            }
        }
        for from in container.env_from.iter().flatten() {
            if let Some(s) = &from.secret_ref {
                push("secret", &s.name, None, s.optional);
            }
            if let Some(c) = &from.config_map_ref {
                push("configmap", &c.name, None, c.optional);
            }
        }
    }
    all
}

/// The keys of the referred object; `None` when it does not exist.
async fn keys(cluster: &Cluster, ns: &str, reference: &Reference) -> Result<Option<Vec<String>>> {
    let name = reference.name.as_str();
    let enough = |keys: &Vec<String>| reference.keys.iter().all(|k| keys.contains(k));
    if reference.kind == "secret" {
        let of = |s: &Secret| s.data.iter().flatten().map(|(k, _)| k.clone()).collect::<Vec<_>>();
        let known = cluster.secrets.get(&ObjectRef::new(name).within(ns)).map(|s| of(&s));
        if known.as_ref().is_some_and(enough) {
            return Ok(known);
        }
        return Ok(Api::<Secret>::namespaced(cluster.client.clone(), ns)
            .get_opt(name)
            .await?
            .map(|s| of(&s)));
    }
    let of = |c: &ConfigMap| {
        let text = c.data.iter().flatten().map(|(k, _)| k.clone());
        text.chain(c.binary_data.iter().flatten().map(|(k, _)| k.clone()))
            .collect::<Vec<_>>()
    };
    let known = cluster
        .config_maps
        .get(&ObjectRef::new(name).within(ns))
        .map(|c| of(&c));
    if known.as_ref().is_some_and(enough) {
        return Ok(known);
    }
    Ok(Api::<ConfigMap>::namespaced(cluster.client.clone(), ns)
        .get_opt(name)
        .await?
        .map(|c| of(&c)))
}

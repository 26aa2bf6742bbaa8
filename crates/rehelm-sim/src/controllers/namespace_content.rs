//! What every namespace has: the ServiceAccount `default` and the ConfigMap with the API's certificate authority.

use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

const ACCOUNTS: &str = "serviceaccounts";
const MAPS: &str = "configmaps";
const AUTHORITY: &str = "kube-root-ca.crt";

/// As the server says it.
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints \
    such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
    Kubernetes clusters.";

/// The controller of both.
pub(crate) struct NamespaceContent;

impl Controller for NamespaceContent {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &change.object;
        let name = match (&*change.resource, change.kind) {
            ("namespaces", ChangeKind::Added | ChangeKind::Modified) => meta::name(object),
            (ACCOUNTS, ChangeKind::Deleted) if meta::name(object) == "default" => meta::namespace(object),
            (MAPS, ChangeKind::Deleted) if meta::name(object) == AUTHORITY => meta::namespace(object),
            _ => return Vec::new(),
        };
        vec![(world.options.timing.sync, name.to_owned())]
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let namespace = world.get("namespaces", "", key)?;
        if meta::is_terminating(&namespace) {
            return None;
        }
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": key},
        });
        let authority = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": AUTHORITY,
                "namespace": key,
                "annotations": {"kubernetes.io/description": DESCRIPTION},
            },
            "data": {"ca.crt": authority(world)},
        });
        for (resource, object) in [(ACCOUNTS, account), (MAPS, authority)] {
            if world.get(resource, key, meta::name(&object)).is_some() {
                continue;
            }
            if let Err(refusal) = world.create(resource, object) {
                tracing::debug!(key, message = refusal.message, "what every namespace has was refused");
            }
        }
        None
    }
}

/// What the other namespaces have; a new cluster has no authority of its own.
fn authority(world: &World) -> Value {
    let known = ["kube-system", "default"]
        .iter()
        .find_map(|namespace| world.get(MAPS, namespace, AUTHORITY));
    known.map_or_else(|| "".into(), |map| map["data"]["ca.crt"].clone())
}

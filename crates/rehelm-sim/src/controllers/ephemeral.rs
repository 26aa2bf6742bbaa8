//! Claims of pods that bring their own (`ephemeral` volumes). Rules: kubernetes `pkg/controller/volume/ephemeral` of 1.35.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, pods, read};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

/// The controller.
pub(crate) struct EphemeralClaims;

fn brings_claims(pod: &Value) -> bool {
    read::list(pod, "/spec/volumes")
        .iter()
        .any(|volume| volume["ephemeral"].is_object())
}

impl Controller for EphemeralClaims {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let is_new = change.kind == ChangeKind::Added && &*change.resource == "pods";
        if !is_new || !brings_claims(&change.object) {
            return Vec::new();
        }
        vec![(world.options.timing.sync, meta::key(&change.object))]
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let pod = world.get("pods", namespace, name)?;
        if meta::is_terminating(&pod) || pods::has_ended(&pod) {
            return None;
        }
        for volume in read::list(&pod, "/spec/volumes") {
            let Some(template) = volume.pointer("/ephemeral/volumeClaimTemplate") else {
                continue;
            };
            let claim = format!("{name}-{}", read::text(volume, "/name"));
            if world.get("persistentvolumeclaims", namespace, &claim).is_some() {
                continue;
            }
            let mut object = json!({
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": claim,
                    "namespace": namespace,
                    "ownerReferences": [pods::controller_reference(&pod)],
                },
                "spec": template["spec"],
            });
            for field in ["labels", "annotations"] {
                if let Some(given) = template.pointer(&format!("/metadata/{field}")) {
                    meta::set(&mut object, field, given.clone());
                }
            }
            if let Err(refusal) = world.create("persistentvolumeclaims", object) {
                tracing::debug!(
                    claim,
                    message = refusal.message,
                    "a pod's own claim could not be created"
                );
            }
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let all = world.list("pods", None);
        all.iter()
            .filter(|pod| brings_claims(pod))
            .map(|pod| meta::key(pod))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;
    use crate::meta;

    #[test]
    fn a_pod_brings_its_claim_and_takes_it_along() {
        let lab = Lab::new();
        let template = json!({"metadata": {"labels": {"of": "pod"}}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}},
        }});
        lab.create(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {
                "containers": [{"name": "c", "image": "i"}],
                "volumes": [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}],
            }}),
        );
        lab.rest();
        let claim = lab.get("persistentvolumeclaims", "a-data");
        assert_eq!(meta::label(&claim, "of"), Some("pod"));
        assert_eq!(meta::controller(&claim).map(|owner| &owner["name"]), Some(&json!("a")));
        lab.delete("pods", "a", "Background");
        lab.rest();
        assert!(lab.find("persistentvolumeclaims", "a-data").is_none());
    }
}

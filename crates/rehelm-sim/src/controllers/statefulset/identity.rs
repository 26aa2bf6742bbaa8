//! What makes a StatefulSet's pods persons: names, host names, and claims that outlive them.

use serde_json::{Value, json};

use super::{Sync, events, history, pods, read};
use crate::controllers::claim;
use crate::meta;
use crate::refusal::Refusal;

const CLAIMS: &str = "persistentvolumeclaims";

/// The number at the end of a pod's name, when the rest is the set's.
pub(super) fn ordinal(set: &str, pod: &Value) -> Option<i64> {
    let number = meta::name(pod).strip_prefix(set)?.strip_prefix('-')?;
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| number.parse().ok()).flatten()
}

fn claim_name(template: &Value, set: &Value, ordinal: i64) -> String {
    format!("{}-{}-{ordinal}", meta::name(template), meta::name(set))
}

/// A pod of the set.
pub(super) fn pod(set: &Value, revision: &Value, ordinal: i64) -> Value {
    let mut pod = pods::from_template(set, &history::template(revision));
    let name = format!("{}-{ordinal}", meta::name(set));
    meta::set(&mut pod, "generateName", pods::generate_name(set).into());
    meta::set(&mut pod, "name", name.clone().into());
    let labels = meta::map_mut(&mut pod).entry("labels").or_insert_with(|| json!({}));
    labels["statefulset.kubernetes.io/pod-name"] = name.clone().into();
    labels["apps.kubernetes.io/pod-index"] = ordinal.to_string().into();
    labels[history::POD_HASH] = meta::name(revision).into();
    pod["spec"]["hostname"] = name.into();
    let service = read::text(set, "/spec/serviceName");
    if !service.is_empty() {
        pod["spec"]["subdomain"] = service.into();
    }
    let templates = read::list(set, "/spec/volumeClaimTemplates").iter();
    let mut volumes: Vec<Value> = templates
        .map(|template| {
            let claim = claim_name(template, set, ordinal);
            json!({"name": meta::name(template), "persistentVolumeClaim": {"claimName": claim}})
        })
        .collect();
    for own in read::list(&pod, "/spec/volumes") {
        if !volumes.iter().any(|volume| volume["name"] == own["name"]) {
            volumes.push(own.clone());
        }
    }
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = volumes.into();
    }
    pod
}

impl Sync<'_> {
    /// Makes the claims of an ordinal that are missing, and gives them the owners of the retention policy.
    pub(super) fn claim_volumes(&mut self, ordinal: i64, pod: Option<&Value>, condemned: bool) -> Result<(), Refusal> {
        let set = self.set.clone();
        let namespace = meta::namespace(&set);
        for template in read::list(&set, "/spec/volumeClaimTemplates") {
            let name = claim_name(template, &set, ordinal);
            match self.world.get(CLAIMS, namespace, &name) {
                Some(claim) => self.own(&claim, pod, condemned)?,
                None if condemned => {}
                None => {
                    self.create_claim(template, &name, ordinal)?;
                }
            }
        }
        Ok(())
    }

    fn create_claim(&mut self, template: &Value, name: &str, ordinal: i64) -> Result<(), Refusal> {
        let set = self.set.clone();
        let mut metadata = template.get("metadata").cloned().unwrap_or_else(|| json!({}));
        metadata["name"] = name.into();
        metadata["namespace"] = meta::namespace(&set).into();
        let selected = set.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        for (key, value) in selected.into_iter().flatten() {
            metadata["labels"][key] = value.clone();
        }
        if self.policy("whenDeleted") == "Delete" {
            metadata["ownerReferences"] = json!([pods::controller_reference(&set)]);
        }
        let claim = json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        });
        let pod = format!("{}-{ordinal}", meta::name(&set));
        let of = format!("Create Claim {name} Pod {pod} in StatefulSet {}", meta::name(&set));
        if let Err(refusal) = self.world.create(CLAIMS, claim) {
            let message = format!("{of} failed error: {}", refusal.message);
            events::warning(self.world, super::REPORTER, &set, "FailedCreate", &message);
            return Err(refusal);
        }
        events::normal(
            self.world,
            super::REPORTER,
            &set,
            "SuccessfulCreate",
            &format!("{of} success"),
        );
        Ok(())
    }

    fn policy(&self, when: &str) -> String {
        let policy = read::text(&self.set, &format!("/spec/persistentVolumeClaimRetentionPolicy/{when}"));
        if policy.is_empty() { "Retain" } else { policy }.to_owned()
    }

    /// With `whenDeleted: Delete` the set owns its claims; with `whenScaled: Delete` a pod that is to go owns its own.
    fn own(&mut self, claim: &Value, pod: Option<&Value>, condemned: bool) -> Result<(), Refusal> {
        let by_pod = condemned && self.policy("whenScaled") == "Delete";
        let by_set = self.policy("whenDeleted") == "Delete" && !by_pod;
        let set = self.set.clone();
        let wanted = [(Some(&*set), by_set), (pod, by_pod)];
        let owns = |owner: &Value| meta::owners(claim).iter().any(|o| o["uid"] == meta::uid(owner));
        let right = wanted
            .iter()
            .all(|(owner, owning)| owner.is_none_or(|owner| owns(owner) == *owning));
        if right {
            return Ok(());
        }
        self.world
            .modify(CLAIMS, meta::namespace(claim), meta::name(claim), |claim| {
                for (owner, owning) in wanted {
                    let Some(owner) = owner else { continue };
                    claim::drop_owner(claim, meta::uid(owner));
                    if owning {
                        let list = meta::map_mut(claim)
                            .entry("ownerReferences")
                            .or_insert_with(|| json!([]));
                        if let Some(list) = list.as_array_mut() {
                            list.push(pods::controller_reference(owner));
                        }
                    }
                }
            })?;
        Ok(())
    }
}

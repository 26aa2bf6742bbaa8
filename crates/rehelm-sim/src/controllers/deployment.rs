//! Deployments: ReplicaSets for each template they ever had, scaled so that enough pods are there during a rollout.
//!
//! Rules: kubernetes `pkg/controller/deployment` of 1.35. The old rollback annotations are not served.

mod revision;
mod rollout;
mod scale;
mod status;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::events::{self, Reporter};
use super::{Controller, claim, read, selector};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const DEPLOYMENTS: &str = "deployments.apps";
const SETS: &str = "replicasets.apps";
const REPORTER: Reporter<'_> = Reporter::controller("deployment-controller");

/// The controller.
pub(crate) struct Deployments;

impl Controller for Deployments {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            DEPLOYMENTS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            SETS => {
                let mut keys = claim::controllers_of(change, "Deployment");
                keys.extend(claim::candidates(world, DEPLOYMENTS, &change.object));
                keys
            }
            // Recreate waits for the last of the old pods.
            "pods" if change.kind == ChangeKind::Deleted => above(world, &change.object).into_iter().collect(),
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let deployment = world.get(DEPLOYMENTS, namespace, name)?;
        if selector::is_empty(deployment.pointer("/spec/selector")) {
            return None;
        }
        let sets = claim::claim(world, &deployment, SETS);
        let mut sync = Sync {
            world,
            deployment,
            sets,
        };
        sync.run()
    }

    fn begin(&self, world: &World) -> Vec<String> {
        world.list(DEPLOYMENTS, None).iter().map(|d| meta::key(d)).collect()
    }
}

/// The Deployment above a pod when it waits for its pods to end.
fn above(world: &World, pod: &Value) -> Option<String> {
    let namespace = meta::namespace(pod);
    let set = meta::controller(pod).filter(|owner| owner["kind"] == "ReplicaSet")?;
    let set = world.get(SETS, namespace, set["name"].as_str()?)?;
    let name = meta::controller(&set).filter(|owner| owner["kind"] == "Deployment")?["name"].as_str()?;
    let deployment = world.get(DEPLOYMENTS, namespace, name)?;
    (read::text(&deployment, "/spec/strategy/type") == "Recreate").then(|| meta::key(&deployment))
}

/// One look at one Deployment.
struct Sync<'a> {
    world: &'a mut World,
    deployment: Arc<Value>,
    /// All its ReplicaSets, as they are now.
    sets: Vec<Arc<Value>>,
}

impl Sync<'_> {
    fn run(&mut self) -> Option<Duration> {
        if meta::is_terminating(&self.deployment) {
            let (new, _) = revision::split(&self.deployment, &self.sets);
            return self.write_plain_status(new.as_deref());
        }
        self.note_pause();
        if self.is_paused() || self.is_scaling() {
            let new = self.new_set(false)?;
            self.scale_all(new.as_deref());
            if self.is_paused() {
                self.clean_up(new.as_deref());
            }
            let new = new.and_then(|new| self.fresh(&new));
            return self.write_plain_status(new.as_deref());
        }
        if read::text(&self.deployment, "/spec/strategy/type") == "Recreate" {
            self.recreate()
        } else {
            self.roll()
        }
    }

    fn is_paused(&self) -> bool {
        read::flag(&self.deployment, "/spec/paused")
    }

    /// `spec.replicas` was changed since a ReplicaSet that has pods was last told of it.
    fn is_scaling(&self) -> bool {
        let wanted = read::replicas(&self.deployment).to_string();
        let mut active = self.sets.iter().filter(|set| read::replicas(set) > 0);
        active.any(|set| meta::annotation(set, scale::DESIRED).is_some_and(|told| told != wanted))
    }

    /// A ReplicaSet as it is now.
    fn fresh(&self, set: &Value) -> Option<Arc<Value>> {
        self.sets
            .iter()
            .find(|other| meta::uid(other) == meta::uid(set))
            .cloned()
    }

    /// Changes a ReplicaSet and keeps the new version of it.
    fn change_set(&mut self, set: &Value, change: impl FnOnce(&mut Value)) -> Option<Arc<Value>> {
        let (namespace, name) = (meta::namespace(set), meta::name(set));
        let changed = self.world.modify(SETS, namespace, name, change);
        match changed {
            Ok(Some(changed)) => {
                let uid = meta::uid(&changed);
                if let Some(place) = self.sets.iter_mut().find(|other| meta::uid(other) == uid) {
                    *place = changed.clone();
                }
                Some(changed)
            }
            Ok(None) => None,
            Err(refusal) => {
                tracing::debug!(name, message = refusal.message, "a ReplicaSet could not be changed");
                self.world.look_later(Duration::from_secs(1));
                None
            }
        }
    }

    /// Changes the Deployment as its status subresource lets the controller: status and annotations.
    fn change_deployment(&mut self, change: impl FnOnce(&mut Value)) {
        let (namespace, name) = (meta::namespace(&self.deployment), meta::name(&self.deployment));
        let writer = Writer::new(CONTROLLERS, "status");
        match self.world.modify_as(DEPLOYMENTS, namespace, name, &writer, change) {
            Ok(Some(changed)) => self.deployment = changed,
            Ok(None) => {}
            Err(refusal) => {
                tracing::debug!(
                    name,
                    message = refusal.message,
                    "a Deployment's status could not be written"
                );
            }
        }
    }

    fn report(&mut self, reason: &str, message: &str) {
        let about = self.deployment.clone();
        events::normal(self.world, REPORTER, &about, reason, message);
    }
}

#[cfg(test)]
mod tests;

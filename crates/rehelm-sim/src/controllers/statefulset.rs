//! StatefulSets: pods with names and volumes of their own, in order. Rules: kubernetes `pkg/controller/statefulset` of 1.35.
//! `maxUnavailable` of the rolling update is taken as 1.

mod identity;
mod status;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::events::{self, Reporter};
use super::{Controller, claim, history, pods, read, selector};
use crate::meta;
use crate::refusal::Refusal;
use crate::store::{Change, ChangeKind};
use crate::world::World;

const SETS: &str = "statefulsets.apps";
const REPORTER: Reporter<'_> = Reporter::controller("statefulset-controller");

/// The controller.
pub(crate) struct StatefulSets;

impl Controller for StatefulSets {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            SETS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            "pods" => {
                let mut keys = claim::controllers_of(change, "StatefulSet");
                if change.kind != ChangeKind::Deleted {
                    keys.extend(claim::candidates(world, SETS, &change.object));
                }
                keys
            }
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let set = world.get(SETS, namespace, name)?;
        if selector::is_empty(set.pointer("/spec/selector")) {
            return None;
        }
        let mut sync = match Sync::new(world, set) {
            Ok(sync) => sync,
            Err(refusal) => {
                tracing::debug!(key, message = refusal.message, "a revision could not be written");
                world.look_later(Duration::from_secs(5));
                return None;
            }
        };
        if !meta::is_terminating(&sync.set)
            && let Err(refusal) = sync.act()
        {
            tracing::debug!(key, message = refusal.message, "a StatefulSet's step failed");
            sync.world.look_later(Duration::from_secs(5));
        }
        sync.finish()
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let sets = world.list(SETS, None);
        sets.iter().map(|set| meta::key(set)).collect()
    }
}

/// One look at one StatefulSet.
struct Sync<'a> {
    world: &'a mut World,
    set: Arc<Value>,
    revisions: Vec<Arc<Value>>,
    /// Of the pods that are not to be updated yet.
    current: Arc<Value>,
    /// Of the present template.
    update: Arc<Value>,
}

impl<'a> Sync<'a> {
    fn new(world: &'a mut World, set: Arc<Value>) -> Result<Self, Refusal> {
        let mut revisions = history::all(world, &set);
        let update = history::present(world, &set, &mut revisions, "controller.kubernetes.io/hash")?;
        let named = read::text(&set, "/status/currentRevision");
        let current = revisions.iter().find(|revision| meta::name(revision) == named);
        let current = current.unwrap_or(&update).clone();
        Ok(Self {
            world,
            set,
            revisions,
            current,
            update,
        })
    }

    /// Pods of the set with their ordinals, in order.
    fn pods(&mut self) -> Vec<(i64, Arc<Value>)> {
        let set = self.set.clone();
        let name = meta::name(&set).to_owned();
        let fits = |pod: &Value| identity::ordinal(&name, pod).is_some();
        let all = claim::claim_if(self.world, &set, "pods", fits);
        let with_ordinals = all
            .into_iter()
            .filter_map(|pod| Some((identity::ordinal(&name, &pod)?, pod)));
        let mut all: Vec<_> = with_ordinals.collect();
        all.sort_by_key(|(ordinal, _)| *ordinal);
        all
    }

    fn start(&self) -> i64 {
        read::int(&self.set, "/spec/ordinals/start")
    }

    fn is_wanted(&self, ordinal: i64) -> bool {
        let start = self.start();
        (start..start + read::replicas(&self.set)).contains(&ordinal)
    }

    fn is_ordered(&self) -> bool {
        read::text(&self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    /// Ready long enough.
    fn is_well(&self, pod: &Value) -> bool {
        let seconds = read::int(&self.set, "/spec/minReadySeconds");
        pods::phase(pod) == "Running" && pods::is_available(pod, seconds, self.world.now()).is_ok()
    }

    /// Takes the next step; with `OrderedReady` the first one that has to be waited for is the last one.
    fn act(&mut self) -> Result<(), Refusal> {
        let ordered = self.is_ordered();
        let all = self.pods();
        let start = self.start();
        for ordinal in start..start + read::replicas(&self.set) {
            let found = all.iter().find(|(own, _)| *own == ordinal).map(|(_, pod)| pod.clone());
            match found {
                Some(pod) if pods::has_ended(&pod) && !meta::is_terminating(&pod) => {
                    self.delete(&pod)?;
                    if ordered {
                        return Ok(());
                    }
                }
                Some(pod) => {
                    self.claim_volumes(ordinal, Some(&pod), false)?;
                    if ordered && (meta::is_terminating(&pod) || !self.is_well(&pod)) {
                        return Ok(());
                    }
                }
                None => {
                    self.create(ordinal)?;
                    if ordered {
                        return Ok(());
                    }
                }
            }
        }
        let condemned = all.iter().rev().filter(|(ordinal, _)| !self.is_wanted(*ordinal));
        let condemned: Vec<_> = condemned.cloned().collect();
        let first_ill = all
            .iter()
            .find(|(_, pod)| !self.is_well(pod))
            .map(|(ordinal, _)| *ordinal);
        for (ordinal, pod) in condemned {
            self.claim_volumes(ordinal, Some(&pod), true)?;
            if meta::is_terminating(&pod) {
                if ordered {
                    return Ok(());
                }
                continue;
            }
            if ordered && !self.is_well(&pod) && first_ill != Some(ordinal) {
                return Ok(());
            }
            self.delete(&pod)?;
            if ordered {
                return Ok(());
            }
        }
        self.update_pods(&all)
    }

    /// The rolling update: the highest ordinal that has an old revision goes, when those above it are well.
    fn update_pods(&mut self, all: &[(i64, Arc<Value>)]) -> Result<(), Refusal> {
        if read::text(&self.set, "/spec/updateStrategy/type") == "OnDelete" {
            return Ok(());
        }
        let lowest = self.start() + self.partition();
        for (ordinal, pod) in all.iter().rev() {
            if *ordinal < lowest || !self.is_wanted(*ordinal) {
                continue;
            }
            if meta::label(pod, history::POD_HASH) != Some(meta::name(&self.update)) && !meta::is_terminating(pod) {
                return self.delete(pod);
            }
            if !self.is_well(pod) || meta::is_terminating(pod) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn partition(&self) -> i64 {
        read::int(&self.set, "/spec/updateStrategy/rollingUpdate/partition")
    }

    /// The revision that a new pod gets: ordinals below the partition stay with the current one.
    fn revision_of(&self, ordinal: i64) -> Arc<Value> {
        let rolling = read::text(&self.set, "/spec/updateStrategy/type") != "OnDelete";
        if rolling && ordinal < self.start() + self.partition() {
            self.current.clone()
        } else {
            self.update.clone()
        }
    }

    fn create(&mut self, ordinal: i64) -> Result<(), Refusal> {
        self.claim_volumes(ordinal, None, false)?;
        let set = self.set.clone();
        let revision = self.revision_of(ordinal);
        let pod = identity::pod(&set, &revision, ordinal);
        let name = meta::name(&pod).to_owned();
        let created = self.world.create("pods", pod);
        let of = format!("Create Pod {name} in StatefulSet {}", meta::name(&set));
        match created {
            Ok(_) => events::normal(
                self.world,
                REPORTER,
                &set,
                "SuccessfulCreate",
                &format!("{of} successful"),
            ),
            Err(refusal) => {
                let message = format!("{of} failed error: {}", refusal.message);
                events::warning(self.world, REPORTER, &set, "FailedCreate", &message);
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn delete(&mut self, pod: &Value) -> Result<(), Refusal> {
        self.world.remove("pods", meta::namespace(pod), meta::name(pod))?;
        let set = self.set.clone();
        let message = format!(
            "Delete Pod {} in StatefulSet {} successful",
            meta::name(pod),
            meta::name(&set)
        );
        events::normal(self.world, REPORTER, &set, "SuccessfulDelete", &message);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

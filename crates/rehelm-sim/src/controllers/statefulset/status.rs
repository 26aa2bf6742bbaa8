//! What a StatefulSet says of itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{SETS, Sync, history, pods, read};
use crate::meta;
use crate::world::{CONTROLLERS, Writer};

impl Sync<'_> {
    /// Writes the status and forgets old revisions. Gives when a pod becomes available by the passing of time.
    pub(super) fn finish(&mut self) -> Option<Duration> {
        let all = self.pods();
        let now = self.world.now();
        let seconds = read::int(&self.set, "/spec/minReadySeconds");
        let running = all
            .iter()
            .map(|(_, pod)| pod)
            .filter(|pod| pods::phase(pod) == "Running");
        let tally = pods::tally(running, seconds, now);
        let of = |revision: &Value| {
            let name = meta::name(revision);
            let own = all
                .iter()
                .filter(|(_, pod)| meta::label(pod, history::POD_HASH) == Some(name));
            read::count(own.filter(|(_, pod)| !meta::is_terminating(pod)).count())
        };
        let replicas = read::count(all.len());
        let (mut current_count, updated) = (of(&self.current), of(&self.update));
        let rolling = read::text(&self.set, "/spec/updateStrategy/type") != "OnDelete";
        if rolling && updated == replicas && tally.ready == replicas && replicas == read::replicas(&self.set) {
            self.current = self.update.clone();
            current_count = updated;
        }
        let mut status = self
            .set
            .get("status")
            .filter(|s| s.is_object())
            .cloned()
            .unwrap_or_else(|| json!({}));
        status["replicas"] = replicas.into();
        status["availableReplicas"] = tally.available.into();
        for (field, count) in [
            ("observedGeneration", read::int(&self.set, "/metadata/generation")),
            ("readyReplicas", tally.ready),
            ("currentReplicas", current_count),
            ("updatedReplicas", updated),
        ] {
            read::set_count(&mut status, field, count);
        }
        status["currentRevision"] = meta::name(&self.current).into();
        status["updateRevision"] = meta::name(&self.update).into();
        if status.get("collisionCount").is_none() {
            status["collisionCount"] = 0.into();
        }
        let set = self.set.clone();
        let writer = Writer::new(CONTROLLERS, "status");
        let (namespace, name) = (meta::namespace(&set), meta::name(&set));
        let written = self
            .world
            .modify_as(SETS, namespace, name, &writer, |set| set["status"] = status);
        if let Err(refusal) = written {
            tracing::debug!(
                name,
                message = refusal.message,
                "a StatefulSet's status could not be written"
            );
        }
        let live = |revision: &Value| {
            let name = meta::name(revision);
            let has = all
                .iter()
                .any(|(_, pod)| meta::label(pod, history::POD_HASH) == Some(name));
            has || name == meta::name(&self.current) || name == meta::name(&self.update)
        };
        history::clean_up(self.world, &set, &self.revisions, live);
        tally.again
    }
}

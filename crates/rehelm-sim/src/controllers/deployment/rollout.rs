//! From the ReplicaSets of earlier templates to that of the present one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Sync, revision, scale};
use crate::controllers::{claim, pods, read};
use crate::meta;

fn available(set: &Value) -> i64 {
    read::int(set, "/status/availableReplicas")
}

impl Sync<'_> {
    /// A rolling update takes one step: first up, then down.
    pub(super) fn roll(&mut self) -> Option<Duration> {
        let new = self.new_set(true)??;
        let (_, old) = revision::split(&self.deployment, &self.sets);
        if !self.grow(&new, &old) && !self.shrink(&new, &old) {
            let new = self.fresh(&new);
            if super::status::is_complete(&self.deployment, &self.deployment["status"]) {
                self.clean_up(new.as_deref());
            }
        }
        let new = self.fresh(&new);
        self.write_rollout_status(new.as_deref())
    }

    fn grow(&mut self, new: &Value, old: &[Arc<Value>]) -> bool {
        let (size, replicas) = (read::replicas(new), read::replicas(&self.deployment));
        if size == replicas {
            return false;
        }
        let wanted = if size > replicas {
            replicas
        } else {
            scale::replicas_of_new(&self.deployment, old, size)
        };
        self.scale_set(new, wanted)
    }

    fn shrink(&mut self, new: &Value, old: &[Arc<Value>]) -> bool {
        if scale::wanted(old) == 0 {
            return false;
        }
        let all = scale::wanted(&self.sets);
        let minimum = read::replicas(&self.deployment) - scale::max_unavailable(&self.deployment);
        let limit = all - minimum - (read::replicas(new) - available(new));
        if limit <= 0 {
            return false;
        }
        // Pods that are no use to anybody go first.
        let mut done = 0;
        for set in old {
            let useless = read::replicas(set) - available(set);
            if done >= limit || read::replicas(set) == 0 || useless <= 0 {
                continue;
            }
            let fewer = useless.min(limit - done);
            if self.scale_set(set, read::replicas(set) - fewer) {
                done += fewer;
            }
        }
        let mut more = self.sets.iter().map(|set| available(set)).sum::<i64>() - minimum;
        for set in old {
            let Some(set) = self.fresh(set) else { continue };
            if more <= 0 {
                break;
            }
            let fewer = read::replicas(&set).min(more);
            if fewer > 0 && self.scale_set(&set, read::replicas(&set) - fewer) {
                more -= fewer;
                done += fewer;
            }
        }
        done > 0
    }

    /// All old pods end before the first new one begins.
    pub(super) fn recreate(&mut self) -> Option<Duration> {
        let new = self.new_set(false)?;
        let (_, old) = revision::split(&self.deployment, &self.sets);
        let mut scaled = false;
        for set in old.iter().filter(|set| read::replicas(set) > 0) {
            scaled |= self.scale_set(set, 0);
        }
        if scaled || self.old_pods_run(&old) {
            return self.write_rollout_status(new.as_deref());
        }
        let new = match new {
            Some(new) => new,
            None => self.new_set(true)??,
        };
        let replicas = read::replicas(&self.deployment);
        self.scale_set(&new, replicas);
        let new = self.fresh(&new);
        if super::status::is_complete(&self.deployment, &self.deployment["status"]) {
            self.clean_up(new.as_deref());
        }
        self.write_rollout_status(new.as_deref())
    }

    /// Terminating pods count: they may still hold what the new ones need.
    fn old_pods_run(&self, old: &[Arc<Value>]) -> bool {
        let mut pods = old
            .iter()
            .flat_map(|set| claim::owned(self.world, meta::uid(set), "pods"));
        pods.any(|pod| !pods::has_ended(&pod))
    }
}

//! How many pods each ReplicaSet of a Deployment is to have.

use std::sync::Arc;

use serde_json::Value;

use super::{Sync, revision};
use crate::controllers::read;
use crate::meta;

/// `spec.replicas` of the Deployment when the ReplicaSet was last told.
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// How many pods there may be in all during a rollout, told likewise.
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";

fn is_rolling(deployment: &Value) -> bool {
    matches!(read::text(deployment, "/spec/strategy/type"), "" | "RollingUpdate")
}

/// Surge and unavailable pods that a rollout may have; at least one of both is 1.
fn fenceposts(deployment: &Value) -> (i64, i64) {
    let replicas = read::replicas(deployment);
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let quarter = Value::from("25%");
    let part = |field| rolling.get(field).filter(|v| !v.is_null()).unwrap_or(&quarter);
    let surge = read::scaled(Some(part("maxSurge")), replicas, true);
    let unavailable = read::scaled(Some(part("maxUnavailable")), replicas, false);
    if surge == 0 && unavailable == 0 {
        (0, 1)
    } else {
        (surge, unavailable)
    }
}

pub(super) fn max_surge(deployment: &Value) -> i64 {
    if is_rolling(deployment) {
        fenceposts(deployment).0
    } else {
        0
    }
}

pub(super) fn max_unavailable(deployment: &Value) -> i64 {
    let replicas = read::replicas(deployment);
    if !is_rolling(deployment) || replicas == 0 {
        return 0;
    }
    fenceposts(deployment).1.min(replicas)
}

/// Sum of `spec.replicas`.
pub(super) fn wanted<'a>(sets: impl IntoIterator<Item = &'a Arc<Value>>) -> i64 {
    sets.into_iter().map(|set| read::replicas(set)).sum()
}

/// Size of the ReplicaSet of the present template, which has `now` and is not among `old`.
pub(super) fn replicas_of_new(deployment: &Value, old: &[Arc<Value>], now: i64) -> i64 {
    let replicas = read::replicas(deployment);
    if !is_rolling(deployment) {
        return replicas;
    }
    let room = replicas + max_surge(deployment) - wanted(old) - now;
    if room <= 0 { now } else { now + room.min(replicas - now) }
}

impl Sync<'_> {
    /// Scales a ReplicaSet; true when it had another size. Its annotations follow in any case.
    pub(super) fn scale_set(&mut self, set: &Value, size: i64) -> bool {
        let before = read::replicas(set);
        if before == size {
            return false;
        }
        let name = meta::name(set).to_owned();
        if self.resize(set, size).is_none() {
            return false;
        }
        let way = if size > before { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {name} from {before} to {size}");
        self.report("ScalingReplicaSet", &message);
        true
    }

    fn resize(&mut self, set: &Value, size: i64) -> Option<Arc<Value>> {
        let desired = read::replicas(&self.deployment);
        let max = desired + max_surge(&self.deployment);
        self.change_set(set, |set| {
            set["spec"]["replicas"] = size.into();
            meta::set_annotation(set, DESIRED, &desired.to_string());
            meta::set_annotation(set, MAX, &max.to_string());
        })
    }

    /// Follows a change of `spec.replicas`: in the middle of a rollout every ReplicaSet gets its share.
    pub(super) fn scale_all(&mut self, new: Option<&Value>) {
        let replicas = read::replicas(&self.deployment);
        let mut active: Vec<Arc<Value>> = self
            .sets
            .iter()
            .filter(|set| read::replicas(set) > 0)
            .cloned()
            .collect();
        match active.as_slice() {
            [] => {
                let (_, old) = revision::split(&self.deployment, &self.sets);
                let latest = new.cloned().or_else(|| old.last().map(|set| (**set).clone()));
                if let Some(set) = latest {
                    self.scale_set(&set, replicas);
                }
                return;
            }
            [only] => {
                let only = only.clone();
                self.scale_set(&only, replicas);
                return;
            }
            _ => {}
        }
        if let Some(new) = new.filter(|new| self.is_saturated(new)) {
            for set in active.iter().filter(|set| meta::uid(set) != meta::uid(new)) {
                self.scale_set(set, 0);
            }
            return;
        }
        if !is_rolling(&self.deployment) {
            return;
        }
        let allowed = if replicas > 0 {
            replicas + max_surge(&self.deployment)
        } else {
            0
        };
        let to_add = allowed - wanted(&active);
        // The largest first; among equals newer ones grow first and older ones shrink first.
        active.sort_by(|a, b| {
            let ages = meta::text(a, "creationTimestamp").cmp(meta::text(b, "creationTimestamp"));
            let ages = if to_add > 0 { ages.reverse() } else { ages };
            read::replicas(b).cmp(&read::replicas(a)).then(ages)
        });
        let mut added = 0;
        let mut sizes: Vec<i64> = Vec::with_capacity(active.len());
        for set in &active {
            let share = if to_add == 0 {
                0
            } else {
                self.share(set, to_add, added, replicas)
            };
            added += share;
            sizes.push(read::replicas(set) + share);
        }
        if let Some(first) = sizes.first_mut() {
            *first = (*first + to_add - added).max(0);
        }
        for (set, size) in active.iter().zip(sizes) {
            if !self.scale_set(set, size) {
                self.resize(set, size);
            }
        }
    }

    /// The share that a ReplicaSet has of a change in size.
    fn share(&self, set: &Value, to_add: i64, added: i64, replicas: i64) -> i64 {
        let allowed = to_add - added;
        if allowed == 0 || read::replicas(set) == 0 {
            return 0;
        }
        let size = read::replicas(set);
        let fraction = if replicas == 0 {
            -size
        } else {
            let max = replicas + max_surge(&self.deployment);
            let told = meta::annotation(set, MAX).and_then(|text| text.parse().ok());
            let told = told
                .filter(|told: &i64| *told > 0)
                .unwrap_or_else(|| read::int(&self.deployment, "/status/replicas"));
            if told == 0 { 0 } else { rounded(size * max, told) - size }
        };
        if to_add > 0 {
            fraction.min(allowed)
        } else {
            fraction.max(allowed)
        }
    }

    fn is_saturated(&self, set: &Value) -> bool {
        let replicas = read::replicas(&self.deployment);
        meta::annotation(set, DESIRED) == Some(&replicas.to_string())
            && read::replicas(set) == replicas
            && read::int(set, "/status/availableReplicas") == replicas
    }
}

/// A quotient of positive numbers, rounded half up.
fn rounded(of: i64, by: i64) -> i64 {
    (2 * of + by) / (2 * by)
}

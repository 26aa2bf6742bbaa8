//! What a Deployment says of itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Sync, scale};
use crate::controllers::read::{self, Condition};
use crate::meta;
use crate::timeline::Time;

/// The status, as the place to change it.
pub(super) fn of(deployment: &mut Value) -> &mut Value {
    if !deployment["status"].is_object() {
        deployment["status"] = json!({});
    }
    &mut deployment["status"]
}

/// Sets a condition; one with the same status and reason stays as it was. `lastUpdateTime` is this kind's own.
pub(super) fn set(status: &mut Value, wanted: Condition<'_>, now: Time) {
    let old = read::list(status, "/conditions")
        .iter()
        .find(|c| c["type"] == wanted.kind)
        .cloned();
    if old
        .as_ref()
        .is_some_and(|c| c["status"] == wanted.status && c["reason"] == wanted.reason)
    {
        return;
    }
    replace(status, old, wanted, now);
}

/// Sets a condition anew even when only its message is another one.
fn replace(status: &mut Value, old: Option<Value>, wanted: Condition<'_>, now: Time) {
    let now = now.rfc3339();
    let since = old
        .filter(|c| c["status"] == wanted.status)
        .map(|c| c["lastTransitionTime"].clone());
    read::drop_condition(status, wanted.kind);
    let condition = json!({
        "type": wanted.kind,
        "status": wanted.status,
        "lastUpdateTime": now,
        "lastTransitionTime": since.unwrap_or_else(|| now.clone().into()),
        "reason": wanted.reason,
        "message": wanted.message,
    });
    read::place_condition(status, None, condition);
}

/// Every pod is of the present template and available.
pub(super) fn is_complete(deployment: &Value, status: &Value) -> bool {
    let replicas = read::replicas(deployment);
    ["/updatedReplicas", "/replicas", "/availableReplicas"]
        .iter()
        .all(|field| read::int(status, field) == replicas)
        && read::int(status, "/observedGeneration") >= read::int(deployment, "/metadata/generation")
}

fn is_progressing(deployment: &Value, new: &Value) -> bool {
    let old = &deployment["status"];
    let more = |field| read::int(new, field) > read::int(old, field);
    let stale = |status: &Value| read::int(status, "/replicas") - read::int(status, "/updatedReplicas");
    more("/updatedReplicas") || more("/readyReplicas") || more("/availableReplicas") || stale(new) < stale(old)
}

impl Sync<'_> {
    pub(super) fn has_deadline(&self) -> bool {
        let deadline = self
            .deployment
            .pointer("/spec/progressDeadlineSeconds")
            .and_then(Value::as_i64);
        deadline.is_some_and(|deadline| deadline != i64::from(i32::MAX))
    }

    /// When the rollout that is recorded in a status counts as failed; None when it is not one that can.
    fn deadline(&self, status: &Value) -> Option<Time> {
        let condition = read::list(status, "/conditions")
            .iter()
            .find(|c| c["type"] == "Progressing")?;
        if condition["reason"] == "NewReplicaSetAvailable" {
            return None;
        }
        let since = read::time(read::text(condition, "/lastUpdateTime"))?;
        let seconds = u64::try_from(read::int(&self.deployment, "/spec/progressDeadlineSeconds")).ok()?;
        Some(since.after(Duration::from_secs(seconds)))
    }

    /// A pause and its end are told as progress that is not known.
    pub(super) fn note_pause(&mut self) {
        let condition = read::condition(&self.deployment, "Progressing");
        let reason = condition.map(|c| read::text(c, "/reason")).unwrap_or_default();
        if !self.has_deadline() || reason == "ProgressDeadlineExceeded" {
            return;
        }
        let (reason, message) = match (self.is_paused(), reason == "DeploymentPaused") {
            (true, false) => ("DeploymentPaused", "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            _ => return,
        };
        let now = self.world.now();
        let condition = Condition {
            kind: "Progressing",
            status: "Unknown",
            reason,
            message,
        };
        self.change_deployment(|deployment| set(of(deployment), condition, now));
    }

    fn status(&self, new: Option<&Value>) -> Value {
        let sum = |field: &str| -> i64 { self.sets.iter().map(|set| read::int(set, field)).sum() };
        let mut status = self.deployment["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        let available = sum("/status/availableReplicas");
        for (field, count) in [
            (
                "observedGeneration",
                read::int(&self.deployment, "/metadata/generation"),
            ),
            ("replicas", sum("/status/replicas")),
            (
                "updatedReplicas",
                new.map_or(0, |set| read::int(set, "/status/replicas")),
            ),
            ("readyReplicas", sum("/status/readyReplicas")),
            ("availableReplicas", available),
            ("unavailableReplicas", (scale::wanted(&self.sets) - available).max(0)),
        ] {
            read::set_count(&mut status, field, count);
        }
        if self.world.options.minor >= 35 {
            status["terminatingReplicas"] = sum("/status/terminatingReplicas").into();
        }
        let enough = available >= read::replicas(&self.deployment) - scale::max_unavailable(&self.deployment);
        let (state, reason, message) = if enough {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let condition = Condition {
            kind: "Available",
            status: state,
            reason,
            message,
        };
        set(&mut status, condition, self.world.now());
        status
    }

    /// Status outside a rollout: counts and availability.
    pub(super) fn write_plain_status(&mut self, new: Option<&Value>) -> Option<Duration> {
        let status = self.status(new);
        self.change_deployment(|deployment| deployment["status"] = status);
        None
    }

    /// Status during and after a rollout: progress, too. Gives when a rollout that is stuck has to be called that.
    pub(super) fn write_rollout_status(&mut self, new: Option<&Value>) -> Option<Duration> {
        let mut status = self.status(new);
        self.note_progress(&mut status, new);
        let failure = self.replica_failure(new);
        match failure {
            Some(failure) => {
                let condition = Condition {
                    kind: "ReplicaFailure",
                    status: read::text(&failure, "/status"),
                    reason: read::text(&failure, "/reason"),
                    message: read::text(&failure, "/message"),
                };
                set(&mut status, condition, self.world.now());
            }
            None => read::drop_condition(&mut status, "ReplicaFailure"),
        }
        let deadline = self.deadline(&status).filter(|_| self.has_deadline());
        let exceeded = read::list(&status, "/conditions")
            .iter()
            .any(|c| c["reason"] == "ProgressDeadlineExceeded");
        self.change_deployment(|deployment| deployment["status"] = status);
        if exceeded || is_complete(&self.deployment, &self.deployment["status"]) {
            return None;
        }
        deadline.map(|deadline| deadline.since(self.world.now()) + Duration::from_secs(1))
    }

    fn replica_failure(&self, new: Option<&Value>) -> Option<Value> {
        let of = |set: &Value| read::condition(set, "ReplicaFailure").cloned();
        new.and_then(of).or_else(|| self.sets.iter().find_map(|set| of(set)))
    }

    fn note_progress(&self, status: &mut Value, new: Option<&Value>) {
        if !self.has_deadline() {
            return read::drop_condition(status, "Progressing");
        }
        let now = self.world.now();
        let current = read::condition(&self.deployment, "Progressing").cloned();
        let reason = current
            .as_ref()
            .map(|c| read::text(c, "/reason").to_owned())
            .unwrap_or_default();
        let settled = read::int(status, "/replicas") == read::int(status, "/updatedReplicas");
        if settled && reason == "NewReplicaSetAvailable" {
            return;
        }
        let who = new.map_or_else(
            || format!("Deployment \"{}\"", meta::name(&self.deployment)),
            |set| format!("ReplicaSet \"{}\"", meta::name(set)),
        );
        let condition = |state, reason, message| Condition {
            kind: "Progressing",
            status: state,
            reason,
            message,
        };
        if is_complete(&self.deployment, status) {
            let message = format!("{who} has successfully progressed.");
            set(status, condition("True", "NewReplicaSetAvailable", &message), now);
        } else if is_progressing(&self.deployment, status) {
            let message = format!("{who} is progressing.");
            let wanted = condition("True", "ReplicaSetUpdated", &message);
            replace(status, current, wanted, now);
        } else if self.deadline(status).is_some_and(|deadline| deadline < now) {
            let message = format!("{who} has timed out progressing.");
            set(status, condition("False", "ProgressDeadlineExceeded", &message), now);
        }
    }
}

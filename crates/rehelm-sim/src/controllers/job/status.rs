//! What a Job says of itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{JOBS, REPORTER, Sync, TRACKING, events, pods, read};
use crate::meta;
use crate::world::{CONTROLLERS, Writer};

/// A condition of a Job; it has a time of its last probe, too.
fn set(status: &mut Value, kind: &str, state: &str, reason: &str, message: &str, now: &str) {
    let at = read::list(status, "/conditions").iter().position(|c| c["type"] == kind);
    let before = at.map(|at| &status["conditions"][at]);
    if before.is_some_and(|c| c["status"] == state && c["reason"] == reason) {
        return;
    }
    let condition = json!({
        "type": kind, "status": state, "lastProbeTime": now, "lastTransitionTime": now, "reason": reason,
        "message": message,
    });
    read::place_condition(status, at, condition);
}

impl Sync<'_> {
    fn status(&self) -> Value {
        let mut status = self
            .job
            .get("status")
            .filter(|s| s.is_object())
            .cloned()
            .unwrap_or_else(|| json!({}));
        let ready = self.active.iter().filter(|pod| pods::is_ready(pod)).count();
        for (field, count) in [
            ("active", read::count(self.active.len())),
            ("succeeded", self.succeeded),
            ("failed", self.failed),
        ] {
            read::set_count(&mut status, field, count);
        }
        status["ready"] = ready.into();
        status["terminating"] = self.terminating.into();
        if status.get("uncountedTerminatedPods").is_none() {
            status["uncountedTerminatedPods"] = json!({});
        }
        status
    }

    fn write(&mut self, status: Value) {
        let job = self.job.clone();
        let writer = Writer::new(CONTROLLERS, "status");
        let (namespace, name) = (meta::namespace(&job), meta::name(&job));
        if let Err(refusal) = self
            .world
            .modify_as(JOBS, namespace, name, &writer, |job| job["status"] = status)
        {
            tracing::debug!(name, message = refusal.message, "a Job's status could not be written");
        }
    }

    /// A Job that goes on, or is suspended.
    pub(super) fn write_progress(&mut self) {
        let now = self.world.now().rfc3339();
        let mut status = self.status();
        let suspended = read::flag(&self.job, "/spec/suspend");
        let was = read::has_condition(&self.job, "Suspended");
        if suspended {
            set(&mut status, "Suspended", "True", "JobSuspended", "Job suspended", &now);
        } else if was {
            set(&mut status, "Suspended", "False", "JobResumed", "Job resumed", &now);
            status["startTime"] = now.into();
        } else if status.get("startTime").is_none() {
            status["startTime"] = now.into();
        }
        if suspended && let Some(map) = status.as_object_mut() {
            map.shift_remove("startTime");
        }
        self.write(status);
        if suspended != was {
            let (reason, message) = if suspended {
                ("Suspended", "Job suspended")
            } else {
                ("Resumed", "Job resumed")
            };
            let job = self.job.clone();
            events::normal(self.world, REPORTER, &job, reason, message);
        }
    }

    /// Ends well: first that is decided, then, when no pod is left, it is so.
    pub(super) fn complete(&mut self) -> Option<Duration> {
        let now = self.world.now().rfc3339();
        let mut status = self.status();
        let message = "Reached expected number of succeeded pods";
        // Servers tell the decision and its reason since 1.31.
        let (reason, message) = if self.world.options.minor >= 31 {
            ("CompletionsReached", message)
        } else {
            ("", "")
        };
        if !reason.is_empty() {
            set(&mut status, "SuccessCriteriaMet", "True", reason, message, &now);
        }
        let done = self.active.is_empty() && self.terminating == 0;
        if done {
            set(&mut status, "Complete", "True", reason, message, &now);
            status["completionTime"] = now.into();
        }
        self.write(status);
        if done {
            let job = self.job.clone();
            events::normal(self.world, REPORTER, &job, "Completed", "Job completed");
            self.free_pods();
        }
        None
    }

    /// Ends badly, likewise.
    pub(super) fn fail(&mut self, reason: &'static str, message: &str) -> Option<Duration> {
        let now = self.world.now().rfc3339();
        let mut status = self.status();
        if self.world.options.minor >= 31 {
            set(&mut status, "FailureTarget", "True", reason, message, &now);
        }
        let done = self.active.is_empty() && self.terminating == 0;
        if done {
            set(&mut status, "Failed", "True", reason, message, &now);
        }
        self.write(status);
        if done {
            let job = self.job.clone();
            events::warning(self.world, REPORTER, &job, reason, message);
            self.free_pods();
        }
        None
    }

    /// Pods that were loaded from a real cluster may carry the tracking finalizer.
    fn free_pods(&mut self) {
        let held = self
            .ended
            .iter()
            .filter(|pod| meta::finalizers(pod).contains(&TRACKING));
        for pod in held.cloned().collect::<Vec<_>>() {
            let (namespace, name) = (meta::namespace(&pod), meta::name(&pod));
            let freed = self
                .world
                .modify("pods", namespace, name, |pod| meta::drop_finalizer(pod, TRACKING));
            if let Err(refusal) = freed {
                tracing::debug!(name, message = refusal.message, "a Job's pod could not be freed");
            }
        }
    }
}

//! Hooks as Helm runs them: what an earlier run left is deleted, the hook is made, a Job or a Pod is waited for, and the
//! policies say what is deleted afterwards.

use std::time::Duration;

use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, PortError};

use super::play::Player;
use super::recording::Hook;
use super::wire::Failure;

/// What the tool gives each hook.
const TIME: Duration = Duration::from_secs(600);

impl Player {
    /// Runs the hooks of an event.
    pub(super) async fn hooks(&self, event: &str, record: &Object, status: &str) -> Result<(), Failure> {
        let hooks: Vec<&Hook> = self
            .recording
            .hooks
            .iter()
            .filter(|hook| hook.events.iter().any(|e| e == event))
            .collect();
        for hook in &hooks {
            if hook.policies.is_empty() || hook.policies.iter().any(|p| p == "before-hook-creation") {
                self.delete_hook(hook).await?;
            }
            // Helm writes down that the hook began.
            self.write_record(record, status).await?;
            self.wire.create(&hook.object, &self.namespace).await?;
            if let Err(failed) = self.finished(hook).await {
                if hook.policies.iter().any(|p| p == "hook-failed") {
                    self.delete_hook(hook).await?;
                }
                return Err(failed);
            }
        }
        for hook in hooks {
            if hook.policies.iter().any(|p| p == "hook-succeeded") {
                self.delete_hook(hook).await?;
            }
        }
        Ok(())
    }

    async fn delete_hook(&self, hook: &Hook) -> Result<(), Failure> {
        if self.wire.get(&hook.object, &self.namespace).await?.is_none() {
            return Ok(());
        }
        self.wire.delete(&hook.object, &self.namespace).await?;
        let reference = self.placed(&hook.object).reference();
        self.cluster
            .wait(&reference, TIME, &|now| now.is_none())
            .await
            .map_err(|e| Failure::Silent(e.to_string()))?;
        Ok(())
    }

    async fn finished(&self, hook: &Hook) -> Result<(), Failure> {
        let kind = hook.object.kind();
        if kind != "Job" && kind != "Pod" {
            return Ok(());
        }
        let over = |now: Option<&Object>| now.is_none_or(|o| outcome(o).is_some());
        let reference = self.placed(&hook.object).reference();
        match self.cluster.wait(&reference, TIME, &over).await {
            Ok(Some(object)) if outcome(&object) == Some(true) => Ok(()),
            Ok(_) => Err(Failure::Refused(
                0,
                "post-install or pre-install hooks failed: job failed: BackoffLimitExceeded".into(),
            )),
            Err(PortError::Timeout { .. }) => Err(Failure::Refused(0, "timed out waiting for the condition".into())),
            Err(other) => Err(Failure::Silent(other.to_string())),
        }
    }
}

/// Whether a Job or a Pod ended well; None while it runs.
fn outcome(object: &Object) -> Option<bool> {
    let holds = |kind: &str| {
        object
            .get("/status/conditions")
            .and_then(|c| c.as_array())
            .is_some_and(|all| all.iter().any(|c| c["type"] == kind && c["status"] == "True"))
    };
    match (object.kind(), object.str("/status/phase")) {
        ("Job", _) if holds("Complete") => Some(true),
        ("Job", _) if holds("Failed") => Some(false),
        ("Pod", Some("Succeeded")) => Some(true),
        ("Pod", Some("Failed")) => Some(false),
        _ => None,
    }
}

//! How a pod looks from outside.

use serde_json::Value;

use crate::controllers::{pods, read};

/// One way a pod can look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// On a node, its volumes and containers being made.
    Creating,
    /// Its containers cannot be made.
    Waiting {
        /// As kubectl shows it.
        reason: &'static str,
        /// Why.
        message: String,
    },
    /// Its containers run.
    Running {
        /// Whether they serve.
        ready: bool,
    },
    /// Its containers end again and again.
    CrashLoop {
        /// How often they were started again.
        restarts: u32,
    },
    /// Its containers are through.
    Ended {
        /// Whether with exit code 0.
        ok: bool,
    },
    /// Deleted, its containers ended, but something holds the object.
    Stopped,
}

/// States of containers that nothing here would bring about or heal: a loaded pod that has one stays as it is.
const STUCK: [&str; 8] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "CrashLoopBackOff",
    "RunContainerError",
    "CreateContainerError",
];

fn waits(pod: &Value) -> impl Iterator<Item = &str> {
    let inits = read::list(pod, "/status/initContainerStatuses").iter();
    let all = inits.chain(read::list(pod, "/status/containerStatuses"));
    all.map(|status| read::text(status, "/state/waiting/reason"))
        .filter(|reason| !reason.is_empty())
}

/// A pod that was loaded in a state that only its own cluster could explain.
pub(super) fn is_stuck(pod: &Value) -> bool {
    waits(pod).any(|reason| STUCK.contains(&reason))
}

/// The status says this already, in whatever words.
pub(super) fn is_shown(pod: &Value, look: &Look) -> bool {
    let reason = match look {
        Look::Creating => "ContainerCreating",
        Look::Waiting { reason, .. } => reason,
        _ => return false,
    };
    // With init containers the others wait for the pod to be initialized.
    pods::phase(pod) == "Pending" && waits(pod).any(|told| told == reason || told == "PodInitializing")
}

/// An image that cannot be pulled: the look and its event, at first and after the first attempts.
pub(super) fn image_pull(image: &str, why: &str, backing_off: bool) -> (Look, (&'static str, String)) {
    let failed = format!("Failed to pull image \"{image}\": {why}");
    if backing_off {
        let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {why}");
        let event = ("BackOff", format!("Back-off pulling image \"{image}\""));
        let reason = "ImagePullBackOff";
        return (Look::Waiting { reason, message }, event);
    }
    let reason = "ErrImagePull";
    let look = Look::Waiting {
        reason,
        message: why.to_owned(),
    };
    (look, ("Failed", failed))
}

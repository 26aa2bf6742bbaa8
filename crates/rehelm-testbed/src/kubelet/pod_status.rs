//! The status that a kubelet writes, for each way a pod can look.

use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt;
use serde_json::{Value, json};

/// How a pod looks from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    /// On a machine, its volumes and containers being made.
    Creating,
    /// Its containers cannot be made.
    Waiting {
        /// As kubectl shows it.
        reason: String,
        /// Why.
        message: String,
    },
    /// Its containers run.
    Running {
        /// Whether they serve.
        ready: bool,
    },
    /// Its containers end again and again.
    CrashLoop,
    /// A Job's pod that is through.
    Ended {
        /// Whether with exit code 0.
        ok: bool,
    },
}

/// Whether its containers were started once: references are not looked at again then.
pub(super) fn has_run(pod: &Pod) -> bool {
    let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
    statuses.into_iter().any(|s| s.started == Some(true))
}

/// The merge patch of the status.
pub(super) fn patch(pod: &Pod, look: &Look) -> Value {
    let now = format!("{:.0}", jiff::Timestamp::now());
    let ready = matches!(look, Look::Running { ready: true });
    let ended = matches!(look, Look::Ended { .. });
    let created = !matches!(look, Look::Creating | Look::Waiting { .. });
    let phase = match look {
        Look::Creating | Look::Waiting { .. } => "Pending",
        Look::Running { .. } | Look::CrashLoop => "Running",
        Look::Ended { ok: true } => "Succeeded",
        Look::Ended { ok: false } => "Failed",
    };
    let spec = pod.spec.clone().unwrap_or_default();
    let containers: Vec<Value> = spec.containers.iter().map(|c| container(c, look, &now)).collect();
    let inits: Vec<Value> = spec
        .init_containers
        .iter()
        .flatten()
        .map(|c| init_container(c, created, &now))
        .collect();
    let start = pod
        .status
        .as_ref()
        .and_then(|s| s.start_time.clone())
        .map_or_else(|| json!(now), |t| json!(t));
    let ip = ip(&pod.uid().unwrap_or_default());
    let mut status = json!({
        "phase": phase,
        "startTime": start,
        "hostIP": "192.0.2.1",
        "hostIPs": [{"ip": "192.0.2.1"}],
        "conditions": conditions(pod, &now, [
            ("PodReadyToStartContainers", created && !ended),
            ("Initialized", created || inits.is_empty()),
            ("ContainersReady", ready),
            ("Ready", ready),
        ], ended),
        "containerStatuses": containers,
    });
    if created {
        status["podIP"] = json!(ip);
        status["podIPs"] = json!([{"ip": ip}]);
    }
    if !inits.is_empty() {
        status["initContainerStatuses"] = json!(inits);
    }
    json!({"metadata": {"uid": pod.uid()}, "status": status})
}

/// The pod's conditions, ours set anew and those of others kept.
fn conditions(pod: &Pod, now: &str, ours: [(&str, bool); 4], ended: bool) -> Vec<Value> {
    let old: Vec<_> = pod.status.iter().flat_map(|s| s.conditions.iter().flatten()).collect();
    let mut all: Vec<Value> = old
        .iter()
        .filter(|c| ours.iter().all(|(name, _)| c.type_ != *name))
        .map(|c| json!(c))
        .collect();
    for (name, holds) in ours {
        let status = if holds { "True" } else { "False" };
        let since = old.iter().find(|c| c.type_ == name && c.status == status);
        let since = since
            .and_then(|c| c.last_transition_time.clone())
            .map_or_else(|| json!(now), |t| json!(t));
        let mut condition = json!({"type": name, "status": status, "lastTransitionTime": since});
        if !holds && name.ends_with("Ready") {
            let names: Vec<_> = pod
                .spec
                .iter()
                .flat_map(|s| &s.containers)
                .map(|c| c.name.as_str())
                .collect();
            condition["reason"] = json!(if ended { "PodCompleted" } else { "ContainersNotReady" });
            if !ended {
                condition["message"] = json!(format!("containers with unready status: [{}]", names.join(" ")));
            }
        }
        all.push(condition);
    }
    all
}

fn container(c: &Container, look: &Look, now: &str) -> Value {
    let id = format!("none://{}", c.name);
    let ended = |code: i32| {
        let reason = if code == 0 { "Completed" } else { "Error" };
        json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now, "containerID": id}})
    };
    let waits = |reason: &str, message: &str| json!({"waiting": {"reason": reason, "message": message}});
    let mut status = json!({
        "name": c.name,
        "image": c.image,
        "imageID": "",
        "ready": matches!(look, Look::Running { ready: true }),
        "started": matches!(look, Look::Running { .. }),
        "restartCount": if matches!(look, Look::CrashLoop) { 5 } else { 0 },
        "state": match look {
            Look::Creating => json!({"waiting": {"reason": "ContainerCreating"}}),
            Look::Waiting { reason, message } if message.is_empty() => json!({"waiting": {"reason": reason}}),
            Look::Waiting { reason, message } => waits(reason, message),
            Look::Running { .. } => json!({"running": {"startedAt": now}}),
            Look::CrashLoop => waits("CrashLoopBackOff", &format!("back-off 5m0s restarting failed container={}", c.name)),
            Look::Ended { ok } => ended(i32::from(!ok)),
        },
        "lastState": if matches!(look, Look::CrashLoop) { ended(1) } else { json!({}) },
    });
    if matches!(look, Look::Running { .. }) {
        status["containerID"] = json!(id);
    }
    status
}

/// An init container that restarts always is a sidecar and runs on.
fn init_container(c: &Container, done: bool, now: &str) -> Value {
    let sidecar = c.restart_policy.as_deref() == Some("Always");
    let state = match (done, sidecar) {
        (false, _) => json!({"waiting": {"reason": "PodInitializing"}}),
        (true, true) => json!({"running": {"startedAt": now}}),
        (true, false) => {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}})
        }
    };
    json!({
        "name": c.name, "image": c.image, "imageID": "", "ready": done, "started": done && sidecar,
        "restartCount": 0, "state": state, "lastState": {},
    })
}

/// An address in 10.244.0.0/14 from the pod's uid: stable, and rarely the same for two pods.
fn ip(uid: &str) -> String {
    let hash = uid
        .bytes()
        .fold(2_166_136_261u32, |h, b| (h ^ u32::from(b)).wrapping_mul(16_777_619));
    let [_, a, b, c] = hash.to_be_bytes();
    format!("10.{}.{b}.{}", 244 + a % 4, c.clamp(1, 254))
}

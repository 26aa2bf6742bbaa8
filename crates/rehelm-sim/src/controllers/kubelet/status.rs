//! The status that a kubelet writes, for each way a pod can look.

use serde_json::{Value, json};

use super::look::Look;
use crate::controllers::read;
use crate::meta;
use crate::timeline::Time;
use crate::world::World;

/// Address of a node that has none.
const NOWHERE: &str = "192.0.2.1";

/// The node's address.
pub(super) fn host(world: &World, node: &str) -> String {
    let node = world.get("nodes", "", node);
    let addresses = node
        .as_ref()
        .map(|node| read::list(node, "/status/addresses"))
        .unwrap_or_default();
    let own = addresses.iter().find(|address| address["type"] == "InternalIP");
    own.map_or(NOWHERE, |own| read::text(own, "/address")).to_owned()
}

/// Writes the status of a pod.
pub(super) fn write(pod: &mut Value, look: &Look, host: &str, now: Time) {
    let now = now.rfc3339();
    let ready = matches!(look, Look::Running { ready: true });
    let ended = matches!(look, Look::Ended { .. } | Look::Stopped);
    let created = !matches!(look, Look::Creating | Look::Waiting { .. });
    let old = pod.get("status").cloned().unwrap_or_default();
    let phase = match look {
        Look::Creating | Look::Waiting { .. } => "Pending",
        Look::Running { .. } | Look::CrashLoop { .. } => "Running",
        Look::Ended { ok: true } | Look::Stopped => "Succeeded",
        Look::Ended { ok: false } => "Failed",
    };
    let before = |list: &str, name: &str| -> Option<Value> {
        read::list(&old, list)
            .iter()
            .find(|status| status["name"] == name)
            .cloned()
    };
    let shown =
        |list: &'static str, field: &'static str, make: &dyn Fn(&Value, Option<&Value>) -> Value| -> Vec<Value> {
            let containers = read::list(pod, field).iter();
            let each =
                containers.map(|container| make(container, before(list, read::text(container, "/name")).as_ref()));
            each.collect()
        };
    let identity = format!("{}_{}({})", meta::name(pod), meta::namespace(pod), meta::uid(pod));
    let proper = shown("/containerStatuses", "/spec/containers", &|container, before| {
        container_status(container, before, look, &identity, &now)
    });
    let inits = shown(
        "/initContainerStatuses",
        "/spec/initContainers",
        &|container, before| init_status(container, before, created, ended, &now),
    );
    let names: Vec<&str> = read::list(pod, "/spec/containers")
        .iter()
        .map(|c| read::text(c, "/name"))
        .collect();
    let unready = if ended {
        ("PodCompleted", String::new())
    } else {
        (
            "ContainersNotReady",
            format!("containers with unready status: [{}]", names.join(" ")),
        )
    };
    let holds = [
        ("PodReadyToStartContainers", created && !ended),
        ("Initialized", created || inits.is_empty()),
        ("ContainersReady", ready),
        ("Ready", ready),
    ];
    let conditions = conditions(&old, &now, holds, &unready);
    let address = address(pod, host);
    let mut status = old;
    if !status.is_object() {
        status = json!({});
    }
    status["phase"] = phase.into();
    if read::text(&status, "/startTime").is_empty() {
        status["startTime"] = now.into();
    }
    status["hostIP"] = host.into();
    status["hostIPs"] = json!([{"ip": host}]);
    status["conditions"] = conditions.into();
    status["containerStatuses"] = proper.into();
    if created {
        status["podIP"] = address.clone().into();
        status["podIPs"] = json!([{"ip": address}]);
    }
    if !inits.is_empty() {
        status["initContainerStatuses"] = inits.into();
    }
    pod["status"] = status;
}

/// The kubelet's conditions set anew, those of others kept.
fn conditions(old: &Value, now: &str, ours: [(&str, bool); 4], unready: &(&str, String)) -> Vec<Value> {
    let old = read::list(old, "/conditions");
    let others = old.iter().filter(|c| ours.iter().all(|(name, _)| c["type"] != *name));
    let mut all: Vec<Value> = others.cloned().collect();
    for (name, holds) in ours {
        let status = if holds { "True" } else { "False" };
        let since = old.iter().find(|c| c["type"] == name && c["status"] == status);
        let since = since.map_or_else(|| now.into(), |c| c["lastTransitionTime"].clone());
        let mut condition = json!({"type": name, "status": status, "lastProbeTime": null, "lastTransitionTime": since});
        if !holds && name.ends_with("Ready") {
            condition["reason"] = unready.0.into();
            if !unready.1.is_empty() {
                condition["message"] = unready.1.clone().into();
            }
        }
        all.push(condition);
    }
    all
}

fn container_status(container: &Value, before: Option<&Value>, look: &Look, pod: &str, now: &str) -> Value {
    let name = read::text(container, "/name");
    let id = format!("none://{name}");
    let started = before
        .map(|b| read::text(b, "/state/running/startedAt"))
        .filter(|at| !at.is_empty());
    let started = started.unwrap_or(now);
    let ended = |code: i32| {
        let reason = if code == 0 { "Completed" } else { "Error" };
        json!({"terminated": {
            "exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now, "containerID": id,
        }})
    };
    let (state, last) = match look {
        Look::Creating => (json!({"waiting": {"reason": "ContainerCreating"}}), json!({})),
        Look::Waiting { reason, message } => (json!({"waiting": {"reason": reason, "message": message}}), json!({})),
        Look::Running { .. } => (json!({"running": {"startedAt": started}}), json!({})),
        Look::CrashLoop { restarts } => {
            let pause = match (10_u64 << restarts.saturating_sub(1).min(5)).min(300) {
                short if short < 60 => format!("{short}s"),
                long => format!("{}m{}s", long / 60, long % 60),
            };
            let message = format!("back-off {pause} restarting failed container={name} pod={pod}");
            (
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}}),
                ended(1),
            )
        }
        Look::Ended { ok } => (ended(i32::from(!ok)), json!({})),
        Look::Stopped => (ended(0), json!({})),
    };
    let runs = matches!(look, Look::Running { .. });
    let mut status = json!({
        "name": name,
        "image": container["image"],
        "imageID": "",
        "ready": matches!(look, Look::Running { ready: true }),
        "started": runs,
        "restartCount": if let Look::CrashLoop { restarts } = look { *restarts } else { 0 },
        "state": state,
        "lastState": last,
    });
    if runs {
        status["containerID"] = id.into();
    }
    status
}

/// An init container that restarts always is a sidecar and runs on.
fn init_status(container: &Value, before: Option<&Value>, done: bool, ended: bool, now: &str) -> Value {
    let sidecar = read::text(container, "/restartPolicy") == "Always";
    let kept = before.filter(|b| done && !(sidecar && ended) && b["state"].get("waiting").is_none());
    let state = match (kept, done, sidecar && !ended) {
        (Some(before), ..) => before["state"].clone(),
        (None, false, _) => json!({"waiting": {"reason": "PodInitializing"}}),
        (None, true, true) => json!({"running": {"startedAt": now}}),
        (None, true, false) => {
            json!({"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}})
        }
    };
    json!({
        "name": container["name"], "image": container["image"], "imageID": "", "ready": done,
        "started": done && sidecar && !ended, "restartCount": 0, "state": state, "lastState": {},
    })
}

/// The address that the pod has, else one in 10.244.0.0/14 that its uid gives: stable, and rarely the same for two.
fn address(pod: &Value, host: &str) -> String {
    let own = read::text(pod, "/status/podIP");
    if !own.is_empty() {
        return own.to_owned();
    }
    if read::flag(pod, "/spec/hostNetwork") {
        return host.to_owned();
    }
    // FNV-1a, 32 bits.
    let uid = meta::uid(pod).bytes();
    let hash = uid.fold(2_166_136_261_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(16_777_619));
    let [_, a, b, c] = hash.to_be_bytes();
    format!("10.{}.{b}.{}", 244 + u32::from(a % 4), c.clamp(1, 254))
}

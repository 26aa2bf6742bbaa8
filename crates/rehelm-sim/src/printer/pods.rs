//! What is shown of a pod: one word for the state of all its containers.

use serde_json::{Value, json};

use super::{age, int, list, text};
use crate::kinds::Kind;
use crate::meta;
use crate::timeline::Time;

/// What the containers of a pod come to.
struct Summary {
    word: String,
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Time>,
}

pub(super) fn ready(pod: &Value, _: Time) -> Value {
    let summary = summary(pod);
    format!("{}/{}", summary.ready, summary.total).into()
}

pub(super) fn status(pod: &Value, _: Time) -> Value {
    summary(pod).word.into()
}

pub(super) fn restarts(pod: &Value, now: Time) -> Value {
    let summary = summary(pod);
    match summary.last_restart {
        Some(last) if summary.restarts > 0 => {
            format!("{} ({} ago)", summary.restarts, age::human(now.since(last))).into()
        }
        _ => summary.restarts.to_string().into(),
    }
}

pub(super) fn ip(pod: &Value, _: Time) -> Value {
    let first = text(pod, "/status/podIPs/0/ip");
    if first.is_empty() { "<none>" } else { first }.into()
}

pub(super) fn gates(pod: &Value, _: Time) -> Value {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let open = gates.iter().filter(|gate| has(pod, text(gate, "/conditionType")));
    format!("{}/{}", open.count(), gates.len()).into()
}

/// Marks rows of pods that have ended, which `kubectl get` may leave out.
pub(super) fn condition(kind: &Kind, pod: &Value) -> Option<Value> {
    let phase = text(pod, "/status/phase");
    if &*kind.id != "pods" || !matches!(phase, "Succeeded" | "Failed") {
        return None;
    }
    let message = match phase {
        "Succeeded" => "The pod has completed successfully.",
        _ => "The pod failed.",
    };
    Some(json!({"type": "Completed", "status": "True", "reason": phase, "message": message}))
}

/// True when a condition of the pod holds.
fn has(pod: &Value, condition: &str) -> bool {
    let mut all = list(pod, "/status/conditions").iter();
    all.any(|one| text(one, "/type") == condition && text(one, "/status") == "True")
}

/// An init container that goes on running beside the others.
fn is_sidecar(pod: &Value, name: &str) -> bool {
    let mut all = list(pod, "/spec/initContainers").iter();
    all.any(|one| text(one, "/name") == name && text(one, "/restartPolicy") == "Always")
}

/// Why a container ended.
fn ending(terminated: &Value) -> String {
    match (text(terminated, "/reason"), int(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", int(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// Restarts of some containers, and when the last of them was.
#[derive(Default)]
struct Restarts(i64, Option<Time>);

impl Restarts {
    fn add(&mut self, container: &Value) {
        self.0 += int(container, "/restartCount");
        self.1 = self
            .1
            .max(age::parse(text(container, "/lastState/terminated/finishedAt")));
    }
}

fn summary(pod: &Value) -> Summary {
    let phase = text(pod, "/status/phase");
    let reason = text(pod, "/status/reason");
    let mut word = if reason.is_empty() { phase } else { reason }.to_owned();
    let mut conditions = list(pod, "/status/conditions").iter();
    if conditions.any(|one| text(one, "/type") == "PodScheduled" && text(one, "/reason") == "SchedulingGated") {
        "SchedulingGated".clone_into(&mut word);
    }
    let sidecars = list(pod, "/spec/initContainers").iter();
    let sidecars = sidecars.filter(|one| text(one, "/restartPolicy") == "Always").count();
    let mut ready = 0;
    let (mut restarts, mut of_sidecars) = (Restarts::default(), Restarts::default());
    let initial = initial(pod, &mut ready, &mut restarts, &mut of_sidecars);
    if let Some(initial) = &initial {
        word.clone_from(initial);
    }
    if initial.is_none() || has(pod, "Initialized") {
        restarts = of_sidecars;
        word = running(pod, word, &mut ready, &mut restarts);
    }
    if meta::is_terminating(pod) {
        if reason == "NodeLost" {
            "Unknown".clone_into(&mut word);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut word);
        }
    }
    Summary {
        word,
        ready,
        total: list(pod, "/spec/containers").len() + sidecars,
        restarts: restarts.0,
        last_restart: restarts.1,
    }
}

/// What the first init container that is not done comes to; None when all are.
fn initial(pod: &Value, ready: &mut usize, restarts: &mut Restarts, of_sidecars: &mut Restarts) -> Option<String> {
    let total = list(pod, "/spec/initContainers").len();
    for (at, container) in list(pod, "/status/initContainerStatuses").iter().enumerate() {
        let sidecar = is_sidecar(pod, text(container, "/name"));
        restarts.add(container);
        if sidecar {
            of_sidecars.add(container);
        }
        let terminated = container.pointer("/state/terminated");
        if terminated.is_some_and(|ended| int(ended, "/exitCode") == 0) {
            continue;
        }
        if sidecar && container["started"] == true {
            *ready += usize::from(container["ready"] == true);
            continue;
        }
        if let Some(terminated) = terminated {
            return Some(format!("Init:{}", ending(terminated)));
        }
        return Some(match text(container, "/state/waiting/reason") {
            "" | "PodInitializing" => format!("Init:{at}/{total}"),
            reason => format!("Init:{reason}"),
        });
    }
    None
}

/// What the containers come to; the first one that has something to say has the last word.
fn running(pod: &Value, mut word: String, ready: &mut usize, restarts: &mut Restarts) -> String {
    let (mut runs, mut failure) = (false, None);
    for container in list(pod, "/status/containerStatuses").iter().rev() {
        restarts.add(container);
        let waiting = text(container, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut word);
        } else if let Some(terminated) = container.pointer("/state/terminated") {
            word = ending(terminated);
            if int(terminated, "/exitCode") != 0 {
                failure = Some(word.clone());
            }
        } else if container["ready"] == true && container.pointer("/state/running").is_some() {
            runs = true;
            *ready += 1;
        }
    }
    if word != "Completed" {
        return word;
    }
    match failure {
        _ if runs && has(pod, "Ready") => "Running".to_owned(),
        Some(failure) => failure,
        None if runs => "NotReady".to_owned(),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pod: &Value) -> [Value; 3] {
        let now = Time(600_000_000_000);
        [ready(pod, now), status(pod, now), restarts(pod, now)]
    }

    #[test]
    fn one_word_for_all_containers() {
        let running = json!({"spec": {"containers": [{"name": "a"}, {"name": "b"}]}, "status": {"phase": "Running",
            "containerStatuses": [{"name": "a", "ready": true, "state": {"running": {}}},
                {"name": "b", "ready": false, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"finishedAt": "1970-01-01T00:05:00Z"}}}]}});
        assert_eq!(shown(&running), ["1/2", "CrashLoopBackOff", "3 (5m ago)"]);
        let starting = json!({"spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}, {"name": "j"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"name": "i", "state": {"terminated": {"exitCode": 0}}},
                {"name": "j", "state": {"waiting": {"reason": "PodInitializing"}}}]}});
        assert_eq!(shown(&starting), ["0/1", "Init:1/2", "0"]);
        let ending = json!({"metadata": {"deletionTimestamp": "1970-01-01T00:00:00Z"},
            "spec": {"containers": [{}]}, "status": {"phase": "Running"}});
        assert_eq!(shown(&ending), ["0/1", "Terminating", "0"]);
        let ended = json!({"spec": {"containers": [{}]}, "status": {"phase": "Succeeded",
            "containerStatuses": [{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}});
        assert_eq!(shown(&ended), ["0/1", "Completed", "0"]);
    }
}

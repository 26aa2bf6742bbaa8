//! What pods need and why they do not run: references to secrets and claims, label selectors, readiness.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::finding::Finding;
use crate::object::Object;

/// Key that stands for a whole secret or config map.
pub const ALL_KEYS: &str = "*";

/// The pod template of a workload (Deployment, StatefulSet, DaemonSet, Job, CronJob, Pod), as a pod spec.
pub fn pod_spec(object: &Object) -> Option<&Value> {
    ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"]
        .iter()
        .find_map(|p| object.get(p))
        .or_else(|| (object.kind() == "Pod").then(|| object.get("/spec")).flatten())
}

fn items<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    items(spec, "initContainers").chain(items(spec, "containers"))
}

/// A reference that a pod cannot start without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretUse {
    /// Secret name.
    pub secret: String,
    /// Key, or [`ALL_KEYS`].
    pub key: String,
    /// False when the pod says that it can do without.
    pub required: bool,
}

fn optional(value: &Value) -> bool {
    value.get("optional").and_then(Value::as_bool).unwrap_or(false)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Every secret and key that a pod spec names: environment, volumes, projected volumes. Image pull secrets apart.
pub fn secret_uses(spec: &Value) -> BTreeSet<SecretUse> {
    let mut uses = BTreeSet::new();
    let mut add = |secret: &str, key: &str, required: bool| {
        if !secret.is_empty() {
            uses.insert(SecretUse {
                secret: secret.to_owned(),
                key: key.to_owned(),
                required,
            });
        }
    };
    for container in containers(spec) {
        for env in items(container, "env") {
            if let Some(r) = env.pointer("/valueFrom/secretKeyRef") {
                add(text(r, "name"), text(r, "key"), !optional(r));
            }
        }
        for from in items(container, "envFrom") {
            if let Some(r) = from.get("secretRef") {
                add(text(r, "name"), ALL_KEYS, !optional(r));
            }
        }
    }
    for volume in items(spec, "volumes") {
        if let Some(secret) = volume.get("secret") {
            volume_items(secret, text(secret, "secretName"), &mut add);
        }
        for source in volume.get("projected").into_iter().flat_map(|p| items(p, "sources")) {
            if let Some(secret) = source.get("secret") {
                volume_items(secret, text(secret, "name"), &mut add);
            }
        }
    }
    uses
}

fn volume_items(source: &Value, name: &str, add: &mut impl FnMut(&str, &str, bool)) {
    let mut any = false;
    for item in items(source, "items") {
        any = true;
        add(name, text(item, "key"), !optional(source));
    }
    if !any {
        add(name, ALL_KEYS, !optional(source));
    }
}

/// Names of image pull secrets.
pub fn pull_secrets(spec: &Value) -> BTreeSet<String> {
    items(spec, "imagePullSecrets")
        .map(|s| text(s, "name").to_owned())
        .filter(|n| !n.is_empty())
        .collect()
}

/// Claims that a pod spec mounts.
pub fn claims(spec: &Value) -> BTreeSet<String> {
    items(spec, "volumes")
        .filter_map(|v| v.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// Images of all containers.
pub fn images(spec: &Value) -> BTreeSet<String> {
    containers(spec)
        .map(|c| text(c, "image").to_owned())
        .filter(|i| !i.is_empty())
        .collect()
}

/// True when a label selector (`matchLabels`, `matchExpressions`) selects these labels. An empty one selects none:
/// a workload without a selector owns no pod.
pub fn selects(selector: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let match_labels = selector.get("matchLabels").and_then(Value::as_object);
    let expressions: Vec<&Value> = items(selector, "matchExpressions").collect();
    if match_labels.is_none_or(serde_json::Map::is_empty) && expressions.is_empty() {
        return false;
    }
    let equal = match_labels
        .into_iter()
        .flatten()
        .all(|(key, value)| labels.get(key.as_str()).copied() == value.as_str());
    equal
        && expressions.iter().all(|e| {
            let have = labels.get(text(e, "key")).copied();
            let listed = |v: &str| items(e, "values").any(|x| x.as_str() == Some(v));
            match text(e, "operator") {
                "In" => have.is_some_and(listed),
                "NotIn" => !have.is_some_and(listed),
                "Exists" => have.is_some(),
                "DoesNotExist" => have.is_none(),
                _ => false,
            }
        })
}

/// Labels of an object.
pub fn labels(object: &Object) -> BTreeMap<&str, &str> {
    object
        .get("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
        .collect()
}

/// True when the pod belongs to the workload, by the workload's selector.
pub fn belongs(pod: &Object, workload: &Object) -> bool {
    belongs_to_any(pod, [workload])
}

/// True when the pod belongs to one of these workloads.
pub fn belongs_to_any<'a>(pod: &Object, workloads: impl IntoIterator<Item = &'a Object>) -> bool {
    let (namespace, labels) = (pod.namespace(), labels(pod));
    workloads.into_iter().any(|workload| {
        workload.namespace() == namespace && workload.get("/spec/selector").is_some_and(|s| selects(s, &labels))
    })
}

/// True when a pod no longer runs anything.
pub fn finished(pod: &Object) -> bool {
    matches!(pod.str("/status/phase"), Some("Succeeded" | "Failed"))
}

/// True when a workload has brought up everything that it was told to.
pub fn ready(workload: &Object) -> bool {
    let number = |p: &str| workload.get(p).and_then(Value::as_i64).unwrap_or(0);
    let seen = number("/status/observedGeneration") >= number("/metadata/generation");
    match workload.kind() {
        "Deployment" => {
            let want = workload.get("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            seen && number("/status/updatedReplicas") >= want
                && number("/status/availableReplicas") >= want
                && number("/status/replicas") <= want
        }
        "StatefulSet" => {
            let want = workload.get("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
            seen && number("/status/readyReplicas") >= want && number("/status/replicas") <= want
        }
        "DaemonSet" => {
            let want = number("/status/desiredNumberScheduled");
            seen && number("/status/updatedNumberScheduled") >= want && number("/status/numberReady") >= want
        }
        _ => true,
    }
}

/// True when a pod serves.
pub fn pod_ready(pod: &Object) -> bool {
    condition(pod, "Ready").is_some_and(|c| text(c, "status") == "True")
}

fn condition<'a>(object: &'a Object, kind: &str) -> Option<&'a Value> {
    object
        .get("/status/conditions")
        .and_then(|c| c.as_array())
        .into_iter()
        .flatten()
        .find(|c| text(c, "type") == kind)
}

/// Reasons that do not go away by waiting.
const HARD: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "CrashLoopBackOff",
];

/// One line on why a pod does not serve: image, secret key, claim, probe, node. None when it serves or has finished.
pub fn explain(pod: &Object) -> Option<Finding> {
    if pod_ready(pod) || finished(pod) {
        return None;
    }
    let subject = pod.reference().to_string();
    for list in ["/status/initContainerStatuses", "/status/containerStatuses"] {
        for status in pod.get(list).and_then(Value::as_array).into_iter().flatten() {
            if let Some(waiting) = status.pointer("/state/waiting") {
                let reason = text(waiting, "reason");
                let code = match reason {
                    "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" => "pod-image",
                    "CreateContainerConfigError" => "pod-config",
                    "CrashLoopBackOff" => "pod-crash",
                    _ => continue,
                };
                return Some(
                    Finding::error(code, subject)
                        .arg("container", text(status, "name"))
                        .arg("image", text(status, "image"))
                        .arg("reason", reason)
                        .arg("message", text(waiting, "message")),
                );
            }
        }
    }
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|c| text(c, "status") == "False") {
        let message = text(scheduled, "message");
        let code = if message.contains("persistentvolumeclaim") || message.contains("PersistentVolumeClaim") {
            "pod-claim"
        } else {
            "pod-unschedulable"
        };
        return Some(Finding::error(code, subject).arg("message", message));
    }
    if pod.is_terminating() {
        return Some(Finding::warning("pod-terminating", subject));
    }
    let running = pod
        .get("/status/containerStatuses")
        .and_then(Value::as_array)
        .is_some_and(|statuses| statuses.iter().any(|s| s.pointer("/state/running").is_some()));
    let code = if running { "pod-probe" } else { "pod-starting" };
    Some(Finding::warning(code, subject))
}

/// True when waiting longer will not help.
pub fn hopeless(finding: &Finding) -> bool {
    finding.args.get("reason").is_some_and(|r| HARD.contains(&r.as_str()))
}

/// Why a workload has fewer pods than it wants, when the server refuses to make them (quota, admission).
pub fn refused(workload: &Object) -> Option<Finding> {
    let condition = condition(workload, "ReplicaFailure").filter(|c| text(c, "status") == "True")?;
    Some(Finding::error("pods-refused", workload.reference().to_string()).arg("message", text(condition, "message")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_wherever_a_pod_can_name_them() {
        let spec = json!({
            "containers": [{"env": [{"valueFrom": {"secretKeyRef": {"name": "a", "key": "k"}}}],
                            "envFrom": [{"secretRef": {"name": "b", "optional": true}}]}],
            "volumes": [{"secret": {"secretName": "c", "items": [{"key": "x"}]}},
                        {"projected": {"sources": [{"secret": {"name": "d"}}]}}],
            "imagePullSecrets": [{"name": "pull"}],
        });
        let uses: Vec<_> = secret_uses(&spec)
            .into_iter()
            .map(|u| (u.secret, u.key, u.required))
            .collect();
        let want = [("a", "k", true), ("b", "*", false), ("c", "x", true), ("d", "*", true)];
        assert_eq!(uses, want.map(|(s, k, r)| (s.to_owned(), k.to_owned(), r)));
        assert_eq!(pull_secrets(&spec).into_iter().collect::<Vec<_>>(), ["pull"]);
    }

    #[test]
    fn selectors_follow_the_api() {
        let labels = BTreeMap::from([("app", "x"), ("tier", "db")]);
        assert!(selects(&json!({"matchLabels": {"app": "x"}}), &labels));
        assert!(!selects(&json!({"matchLabels": {"app": "y"}}), &labels));
        assert!(!selects(&json!({}), &labels));
        let by =
            |op: &str, values: Value| json!({"matchExpressions": [{"key": "tier", "operator": op, "values": values}]});
        assert!(selects(&by("In", json!(["db"])), &labels));
        assert!(!selects(&by("NotIn", json!(["db"])), &labels));
        assert!(selects(&by("Exists", json!([])), &labels));
    }

    #[test]
    fn a_missing_image_is_named_and_hopeless() {
        let pod = Object(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"},
            "status": {"containerStatuses": [{"name": "c", "image": "i:1",
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}}),
        );
        let finding = explain(&pod).unwrap();
        assert_eq!(
            (finding.code.as_str(), finding.args["image"].as_str()),
            ("pod-image", "i:1")
        );
        assert!(hopeless(&finding));
    }

    #[test]
    fn a_deployment_is_ready_only_when_the_controller_has_seen_its_newest_spec() {
        let mut deployment = Object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "generation": 2}, "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}}));
        assert!(!ready(&deployment));
        deployment.0["status"]["observedGeneration"] = json!(2);
        assert!(ready(&deployment));
    }
}

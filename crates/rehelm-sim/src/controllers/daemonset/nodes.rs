//! Which nodes a DaemonSet's pods go to.

use serde_json::{Value, json};

use crate::controllers::read;
use crate::meta;

/// Taints that a daemon's pod bears, by key and effect.
const BORNE: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// A change of a node that may matter.
pub(super) fn differ(old: &Value, new: &Value) -> bool {
    meta::get(old, "labels") != meta::get(new, "labels") || old["spec"] != new["spec"]
}

/// The node that a pod is on, or is made for.
pub(super) fn target(pod: &Value) -> &str {
    let placed = read::text(pod, "/spec/nodeName");
    if !placed.is_empty() {
        return placed;
    }
    read::text(
        pod,
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0",
    )
}

/// Puts a pod on one node and no other, as the scheduler understands it, whatever state the node is in.
pub(super) fn aim(pod: &mut Value, node: &str) {
    let spec = &mut pod["spec"];
    spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = json!({
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}],
    });
    let mut borne: Vec<(&str, &str)> = BORNE.to_vec();
    if read::flag(spec, "/hostNetwork") {
        borne.push(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    let mut tolerations = read::list(spec, "/tolerations").to_vec();
    for (key, effect) in borne {
        let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
        if !tolerations.contains(&toleration) {
            tolerations.push(toleration);
        }
    }
    spec["tolerations"] = tolerations.into();
}

/// Labels, affinity and the node's name are as the template wants them.
fn selected(set: &Value, node: &Value) -> bool {
    let spec = &set["spec"]["template"]["spec"];
    let name = read::text(spec, "/nodeName");
    if !name.is_empty() && name != meta::name(node) {
        return false;
    }
    let wanted = spec.get("nodeSelector").and_then(Value::as_object);
    let labels = wanted
        .into_iter()
        .flatten()
        .all(|(key, value)| meta::label(node, key) == value.as_str());
    let terms = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let terms = read::list(spec, terms);
    labels && (terms.is_empty() || terms.iter().any(|term| matches(term, node)))
}

fn matches(term: &Value, node: &Value) -> bool {
    let by_label = read::list(term, "/matchExpressions").iter();
    let labels = by_label.map(|rule| (rule, meta::label(node, read::text(rule, "/key"))));
    let by_field = read::list(term, "/matchFields").iter();
    let fields = by_field.map(|rule| (rule, Some(meta::name(node))));
    labels.chain(fields).all(|(rule, value)| holds(rule, value))
}

fn holds(rule: &Value, value: Option<&str>) -> bool {
    let values = read::list(rule, "/values");
    let among = value.is_some_and(|value| values.iter().any(|wanted| wanted == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let pair = number(value).zip(number(values.first().and_then(Value::as_str)));
    match read::text(rule, "/operator") {
        "In" => among,
        "NotIn" => !among,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => pair.is_some_and(|(own, wanted)| own > wanted),
        "Lt" => pair.is_some_and(|(own, wanted)| own < wanted),
        _ => false,
    }
}

/// No taint with one of these effects that the set's pods do not bear.
fn borne(set: &Value, node: &Value, effects: &[&str]) -> bool {
    let own = read::list(set, "/spec/template/spec/tolerations");
    let tolerated = |taint: &Value| {
        let standard = BORNE
            .iter()
            .any(|(key, effect)| taint["key"] == *key && taint["effect"] == *effect);
        standard || own.iter().any(|toleration| tolerates(toleration, taint))
    };
    let taints = read::list(node, "/spec/taints").iter();
    let counting = taints.filter(|taint| effects.contains(&read::text(taint, "/effect")));
    counting.into_iter().all(tolerated)
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |field| read::text(toleration, field);
    let key = text("/key").is_empty() || taint["key"] == text("/key");
    let effect = text("/effect").is_empty() || taint["effect"] == text("/effect");
    let value = text("/operator") == "Exists" || read::text(taint, "/value") == text("/value");
    key && effect && value
}

/// A new pod belongs there.
pub(super) fn fits(set: &Value, node: &Value) -> bool {
    selected(set, node) && borne(set, node, &["NoSchedule", "NoExecute"])
}

/// A pod that is there may stay.
pub(super) fn stays(set: &Value, node: &Value) -> bool {
    selected(set, node) && borne(set, node, &["NoExecute"])
}

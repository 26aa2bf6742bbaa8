//! What is known of the API server, as a table: fields it owns, fields it never lets change, kinds that run pods.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

use crate::object::Object;

/// The table of `server.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServerRules {
    owned: Owned,
    ownership: Ownership,
    immutable: Vec<Immutable>,
    workloads: Vec<WorkloadKind>,
    merge_keys: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Owned {
    fields: Vec<String>,
    annotations: Vec<String>,
    finalizers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ownership {
    annotations: Vec<String>,
    labels: Vec<String>,
}

/// Immutable fields of one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Immutable {
    kind: String,
    group: String,
    fields: Vec<String>,
    #[serde(default)]
    defaults: BTreeMap<String, Value>,
    /// True when the object can be replaced without anything that runs noticing.
    #[serde(default)]
    pub replace_any_time: bool,
}

/// How a kind of workload is stopped without deleting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// `spec.replicas` to 0.
    Scale,
    /// `spec.suspend` to true.
    Suspend,
    /// A node selector that no node matches.
    NodeSelector,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkloadKind {
    kind: String,
    group: String,
    stop: Stop,
}

static RULES: LazyLock<ServerRules> = LazyLock::new(|| {
    crate::yaml::from_str(include_str!("server.yaml"), "server.yaml")
        .expect("the table is part of the program and tested")
});

/// Immutable fields of an object's kind.
pub fn immutable(object: &Object) -> Option<&'static Immutable> {
    let reference = object.reference();
    RULES
        .immutable
        .iter()
        .find(|r| r.kind == reference.kind && r.group == reference.group())
}

/// How an object of this kind is stopped; None when it runs no pods of its own.
pub fn stop(object: &Object) -> Option<Stop> {
    let reference = object.reference();
    RULES
        .workloads
        .iter()
        .find(|w| w.kind == reference.kind && w.group == reference.group())
        .map(|w| w.stop)
}

/// Fields that tell the items of a list apart, best first; none where only `name` may.
pub fn merge_keys(list: &str) -> &'static [String] {
    RULES.merge_keys.get(list).map_or(&[], Vec::as_slice)
}

/// True for kinds that run pods and can be stopped.
pub fn runs_pods(group: &str, kind: &str) -> bool {
    RULES.workloads.iter().any(|w| w.kind == kind && w.group == group)
}

/// Fields in which `wanted` differs from `live` and that the server will not change. A field that the wanted
/// manifest leaves out counts as the server's default, or as unchanged where there is none.
pub fn immutable_differences(live: &Object, wanted: &Object) -> Vec<String> {
    let Some(rule) = immutable(live) else { return Vec::new() };
    let value = |object: &Object, field: &str| object.get(field).filter(|v| !v.is_null()).cloned();
    rule.fields
        .iter()
        .filter(|field| {
            let default = rule.defaults.get(*field).cloned();
            let wanted = value(wanted, field).or_else(|| default.clone());
            wanted.is_some() && wanted != value(live, field).or(default)
        })
        .cloned()
        .collect()
}

/// The object without what the server and its controllers own: what a person would have written.
pub fn without_owned(object: &Object) -> Object {
    let mut value = object.0.clone();
    for field in &RULES.owned.fields {
        remove(&mut value, field);
    }
    if let Some(Value::Object(annotations)) = value.pointer_mut("/metadata/annotations") {
        annotations.retain(|key, _| !RULES.owned.annotations.iter().any(|prefix| key.starts_with(prefix)));
    }
    if let Some(Value::Array(finalizers)) = value.pointer_mut("/metadata/finalizers") {
        finalizers.retain(|f| !RULES.owned.finalizers.iter().any(|owned| f == owned));
    }
    drop_empty(&mut value, &["annotations", "labels", "finalizers"]);
    Object(value)
}

/// Without the marks of a release, too: what adoption adds does not count as a change of the object.
pub fn without_ownership(object: &Object) -> Object {
    let mut value = without_owned(object).0;
    for (field, keys) in [
        ("annotations", &RULES.ownership.annotations),
        ("labels", &RULES.ownership.labels),
    ] {
        if let Some(Value::Object(map)) = value.get_mut("metadata").and_then(|m| m.get_mut(field)) {
            map.retain(|key, _| !keys.iter().any(|prefix| key.starts_with(prefix)));
        }
    }
    drop_empty(&mut value, &["annotations", "labels"]);
    Object(value)
}

/// Hash over what matters of a live object: a change of it makes a plan stale. Replica counts are left out (an
/// autoscaler may move them), as are the fields of volumes that rehelm itself changes.
pub fn fingerprint(object: &Object) -> String {
    let mut value = without_ownership(object).0;
    for field in [
        "/spec/replicas",
        "/spec/persistentVolumeReclaimPolicy",
        "/spec/claimRef",
    ] {
        remove(&mut value, field);
    }
    if object.kind() == "Secret" {
        // The content's hash would say something about the content; its version says enough.
        value = Value::String(format!("{} {}", object.uid(), object.resource_version()));
    }
    crate::digest::of_value(&value)
}

fn drop_empty(value: &mut Value, fields: &[&str]) {
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else {
        return;
    };
    for field in fields {
        let empty = match metadata.get(*field) {
            Some(Value::Object(map)) => map.is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Null) => true,
            _ => false,
        };
        if empty {
            metadata.shift_remove(*field);
        }
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return;
    };
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.shift_remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn class(extra: Value) -> Object {
        let mut base = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "c"},
            "provisioner": "p"});
        base.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        Object(base)
    }

    #[test]
    fn a_silent_manifest_means_the_servers_default() {
        let live = class(json!({"volumeBindingMode": "Immediate", "reclaimPolicy": "Delete"}));
        assert!(immutable_differences(&live, &class(json!({}))).is_empty());
        let wanted = class(json!({"volumeBindingMode": "WaitForFirstConsumer"}));
        assert_eq!(immutable_differences(&live, &wanted), ["/volumeBindingMode"]);
    }

    #[test]
    fn server_fields_and_ownership_do_not_count() {
        let live = Object(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "uid": "1", "annotations": {"meta.helm.sh/release-name": "r"}, "managedFields": []},
            "status": {}}));
        let bare = Object(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}));
        assert_eq!(without_ownership(&live), bare);
        assert_eq!(fingerprint(&live), fingerprint(&bare));
    }

    #[test]
    fn every_workload_kind_is_found_by_group_and_kind() {
        let object =
            |api: &str, kind: &str| Object(json!({"apiVersion": api, "kind": kind, "metadata": {"name": "x"}}));
        assert_eq!(stop(&object("apps/v1", "Deployment")), Some(Stop::Scale));
        assert_eq!(stop(&object("batch/v1", "CronJob")), Some(Stop::Suspend));
        assert_eq!(stop(&object("example.org/v1", "Deployment")), None);
    }
}

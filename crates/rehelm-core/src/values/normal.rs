//! One form for objects of both sides: what the server owns or would fill in is gone, so that only what somebody meant is left.
//!
//! [`normal`] never changes what an object means to the server; what it takes away is what the server would put back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::object::{self, Object};
use crate::server;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    pod: Vec<Rule>,
    container: Vec<Rule>,
    probe: Vec<Rule>,
    kinds: BTreeMap<String, Vec<Rule>>,
    live: BTreeMap<String, Vec<String>>,
    annotations: Vec<String>,
    empty_says: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    path: String,
    value: Value,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    crate::yaml::from_str(include_str!("defaults.yaml"), "defaults.yaml")
        .expect("the table is part of the program and tested")
});

const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
/// Where kinds have a pod template's spec.
const POD_SPECS: [&str; 3] = ["spec.jobTemplate.spec.template.spec", "spec.template.spec", "spec"];

/// The object in normal form. `live` leaves out what controllers have set, too.
pub fn normal(object: &Object, live: bool) -> Object {
    let mut object = server::without_ownership(object);
    let kind = object.kind().to_owned();
    plain_secret(&mut object, &kind);
    let value = &mut object.0;
    tidy(value, "");
    if live {
        for path in TABLE.live.get(&kind).into_iter().flatten() {
            take(value, &segments(path), &mut |have| {
                !(path == "spec.clusterIP" && have == "None")
            });
        }
    }
    if let Some(rules) = TABLE.kinds.get(&kind) {
        strip(value, rules);
    }
    if kind == "Service" {
        service(value);
    }
    if matches!(kind.as_str(), "Role" | "ClusterRole") && object_group(value) == "rbac.authorization.k8s.io" {
        rules(value);
    }
    if let Some(spec) = pod_spec_path(&kind).and_then(|path| value.pointer_mut(path)) {
        pod(spec);
    }
    annotations(value);
    tidy(value, "");
    object
}

/// What the server would fill in for a field that a manifest leaves out; `path` is keys with dots and `*` for items,
/// from the root of the object.
pub fn default_of(kind: &str, path: &str) -> Option<Value> {
    let find = |rules: &[Rule], path: &str| rules.iter().find(|r| r.path == path).map(|r| r.value.clone());
    if let Some(found) = TABLE.kinds.get(kind).and_then(|rules| find(rules, path)) {
        return Some(found);
    }
    let in_pod = POD_SPECS
        .iter()
        .find_map(|at| path.strip_prefix(at)?.strip_prefix('.'))?;
    if let Some(found) = find(&TABLE.pod, in_pod) {
        return Some(found);
    }
    let in_container = CONTAINERS
        .iter()
        .find_map(|list| in_pod.strip_prefix(list)?.strip_prefix(".*."))?;
    find(&TABLE.container, in_container).or_else(|| {
        let in_probe = PROBES
            .iter()
            .find_map(|probe| in_container.strip_prefix(probe)?.strip_prefix('.'))?;
        find(&TABLE.probe, in_probe)
    })
}

fn pod_spec_path(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
            "/spec/template/spec"
        }
        _ => return None,
    })
}

/// Texts of `stringData` are in `data`, as the server stores them.
fn plain_secret(object: &mut Object, kind: &str) {
    if kind != "Secret" {
        return;
    }
    let Some(map) = object.0.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = map.shift_remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        for (key, text) in texts {
            let plain = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
            data[key] = json!(base64::engine::general_purpose::STANDARD.encode(plain));
        }
    }
}

fn pod(spec: &mut Value) {
    if spec.get("serviceAccount") == spec.get("serviceAccountName") {
        shift(spec, "serviceAccount");
    }
    for list in CONTAINERS {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            self::container(container);
        }
    }
    strip(spec, &TABLE.pod);
}

fn container(container: &mut Value) {
    strip(container, &TABLE.container);
    for probe in PROBES {
        if let Some(probe) = container.get_mut(probe) {
            strip(probe, &TABLE.probe);
        }
    }
    if container.get("imagePullPolicy").and_then(Value::as_str) == Some(pull_policy(container)) {
        shift(container, "imagePullPolicy");
    }
    // Of variables with the same name the last one counts.
    if let Some(Value::Array(env)) = container.get_mut("env") {
        let names: Vec<Value> = env.iter().map(|e| e["name"].clone()).collect();
        let mut at = 0;
        env.retain(|_| {
            at += 1;
            !names[at..].contains(&names[at - 1])
        });
    }
    // A limit without a request is its own request.
    if let Some(Value::Object(limits)) = container.pointer("/resources/limits").cloned() {
        for (name, limit) in limits {
            let same = container["resources"]["requests"].get(&name) == Some(&limit);
            if same && let Some(Value::Object(requests)) = container.pointer_mut("/resources/requests") {
                requests.shift_remove(&name);
            }
        }
    }
}

/// `Always` for images without a tag or with `latest`.
pub fn pull_policy(container: &Value) -> &'static str {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .split_once(':')
        .map(|(_, tag)| tag);
    if !image.contains('@') && tag.is_none_or(|tag| tag == "latest") {
        "Always"
    } else {
        "IfNotPresent"
    }
}

fn service(service: &mut Value) {
    for port in service
        .pointer_mut("/spec/ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if port.get("targetPort") == port.get("port") {
            shift(port, "targetPort");
        }
    }
}

fn object_group(value: &Value) -> &str {
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    object::group(version)
}

/// Rights are the same however they are grouped: one rule for each resource, its verbs in order.
fn rules(role: &mut Value) {
    let Some(Value::Array(rules)) = role.get("rules") else {
        return;
    };
    let texts = |rule: &Value, key: &str| -> Vec<String> {
        let list = rule.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut plain: BTreeMap<[String; 3], (Value, BTreeSet<String>)> = BTreeMap::new();
    for rule in rules {
        let verbs = texts(rule, "verbs");
        let names = rule
            .get("resourceNames")
            .filter(|names| names.as_array().is_some_and(|n| !n.is_empty()));
        let mut add = |key: [String; 3], bare: Value| {
            plain
                .entry(key)
                .or_insert_with(|| (bare, BTreeSet::new()))
                .1
                .extend(verbs.iter().cloned());
        };
        for url in texts(rule, "nonResourceURLs") {
            add(
                [String::new(), url.clone(), "url".into()],
                json!({"nonResourceURLs": [url]}),
            );
        }
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                let mut bare = json!({"apiGroups": [group], "resources": [resource]});
                if let Some(names) = names {
                    bare["resourceNames"] = names.clone();
                }
                add(
                    [group.clone(), resource, names.map(Value::to_string).unwrap_or_default()],
                    bare,
                );
            }
        }
    }
    let rules = plain.into_values().map(|(mut rule, verbs)| {
        rule["verbs"] = verbs.into_iter().collect();
        rule
    });
    role["rules"] = rules.collect();
}

fn annotations(value: &mut Value) {
    for place in ["/metadata/annotations", "/spec/template/metadata/annotations"] {
        if let Some(Value::Object(map)) = value.pointer_mut(place) {
            map.retain(|key, _| !TABLE.annotations.iter().any(|prefix| key.starts_with(prefix)));
        }
    }
}

/// Takes away nulls and empty mappings and lists, and writes whole numbers as such.
fn tidy(value: &mut Value, key: &str) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                tidy(inner, key);
            }
            // The content of ConfigMaps and Secrets is as it is.
            if key != "data" {
                map.retain(|key, inner| !is_nothing(inner) || TABLE.empty_says.contains(key) && !inner.is_null());
            }
        }
        Value::Array(items) => {
            for item in items.iter_mut() {
                tidy(item, "");
            }
            items.retain(|item| !item.is_null());
        }
        Value::Number(number) => {
            if let Some(float) = number
                .as_f64()
                .filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9e15)
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
                let whole = float as i64;
                *value = json!(whole);
            }
        }
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn strip(value: &mut Value, rules: &[Rule]) {
    for rule in rules {
        take(value, &segments(&rule.path), &mut |have| *have == rule.value);
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.split('.').collect()
}

/// Removes what is at a path when the test says so; mappings that are left empty go as well.
fn take(value: &mut Value, path: &[&str], test: &mut dyn FnMut(&Value) -> bool) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    if *first == "*" {
        for item in value.as_array_mut().into_iter().flatten() {
            take(item, rest, test);
        }
        return;
    }
    let Some(map) = value.as_object_mut() else { return };
    let gone = match map.get_mut(*first) {
        None => false,
        Some(inner) if rest.is_empty() => test(inner),
        Some(inner) => {
            take(inner, rest, test);
            inner.as_object().is_some_and(Map::is_empty) && !TABLE.empty_says.iter().any(|says| says == first)
        }
    };
    if gone {
        map.shift_remove(*first);
    }
}

fn shift(value: &mut Value, key: &str) {
    if let Some(map) = value.as_object_mut() {
        map.shift_remove(key);
    }
}

#[cfg(test)]
#[path = "normal/tests.rs"]
mod tests;

//! Defaults that depend on other fields of the same type.

use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

fn text<'a>(map: &'a Fields, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn add(map: &mut Fields, key: &str, value: impl FnOnce() -> Value) {
    if !map.contains_key(key) {
        map.insert(key.to_owned(), value());
    }
}

/// Before the tables fill in what they know.
pub(super) fn before(name: &str, map: &mut Fields) {
    let Some(name) = name.strip_prefix("io.k8s.api.") else {
        return extensions(name, map);
    };
    match name {
        "core.v1.Container" | "core.v1.EphemeralContainer" => {
            let policy = pull_policy(text(map, "image"));
            add(map, "imagePullPolicy", || policy.into());
        }
        "core.v1.ImageVolumeSource" => {
            let policy = pull_policy(text(map, "reference"));
            add(map, "pullPolicy", || policy.into());
        }
        "core.v1.PodSpec" => service_account(map),
        "core.v1.Volume" if map.keys().all(|key| key == "name") => {
            map.insert("emptyDir".to_owned(), json!({}));
        }
        "core.v1.PersistentVolumeClaimSpec" => data_source(map),
        "core.v1.ServicePort" => {
            if let Some(port) = map.get("port").cloned()
                && (!map.contains_key("targetPort")
                    || matches!(&map["targetPort"], v if *v == json!(0) || *v == json!("")))
            {
                map.insert("targetPort".to_owned(), port);
            }
        }
        "core.v1.ServiceSpec" => service(map),
        "core.v1.LimitRangeItem" if text(map, "type") == "Container" => limit_range(map),
        "networking.v1.NetworkPolicySpec" => {
            let egress = map.contains_key("egress");
            add(map, "policyTypes", || {
                if egress {
                    json!(["Ingress", "Egress"])
                } else {
                    json!(["Ingress"])
                }
            });
        }
        "rbac.v1.Subject" if matches!(text(map, "kind"), "User" | "Group") => {
            add(map, "apiGroup", || "rbac.authorization.k8s.io".into());
        }
        "autoscaling.v2.HorizontalPodAutoscalerBehavior" => behavior(map),
        _ => {}
    }
}

/// After the tables: what depends on values that they filled in.
pub(super) fn after(name: &str, map: &mut Fields) {
    let rolling = |map: &mut Fields, fields: Value| {
        if text(map, "type") != "RollingUpdate" {
            return;
        }
        let own = map.entry("rollingUpdate").or_insert_with(|| json!({}));
        if let (Some(own), Value::Object(fields)) = (own.as_object_mut(), fields) {
            for (key, value) in fields {
                own.entry(key).or_insert(value);
            }
        }
    };
    match name.strip_prefix("io.k8s.api.apps.v1.").unwrap_or_default() {
        "DeploymentStrategy" => rolling(map, json!({"maxSurge": "25%", "maxUnavailable": "25%"})),
        "DaemonSetUpdateStrategy" => {
            let own = map.get("rollingUpdate");
            let surges = own
                .and_then(|own| own.get("maxSurge"))
                .is_some_and(|surge| *surge != json!(0));
            let unavailable = i32::from(!surges);
            rolling(map, json!({"maxUnavailable": unavailable, "maxSurge": 0}));
        }
        "StatefulSetUpdateStrategy" => rolling(map, json!({"partition": 0})),
        "StatefulSetPersistentVolumeClaimRetentionPolicy" => {
            for key in ["whenDeleted", "whenScaled"] {
                add(map, key, || "Retain".into());
            }
        }
        _ => {}
    }
}

/// `Always` for the newest tag and for none, else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, false), |(name, _)| (name, true));
    let last = name.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
        None if digest => "IfNotPresent",
        None => "Always",
    }
}

/// The old name of the field follows the new one.
fn service_account(map: &mut Fields) {
    let name = match (text(map, "serviceAccountName"), text(map, "serviceAccount")) {
        ("", "") => return,
        ("", old) => old.to_owned(),
        (new, _) => new.to_owned(),
    };
    for key in ["serviceAccountName", "serviceAccount"] {
        map.insert(key.to_owned(), name.clone().into());
    }
}

/// `dataSource` and `dataSourceRef` are the same, unless the latter names a namespace.
fn data_source(map: &mut Fields) {
    let (old, new) = (map.get("dataSource").cloned(), map.get("dataSourceRef").cloned());
    match (old, new) {
        (Some(old), None) => {
            map.insert("dataSourceRef".to_owned(), old);
        }
        (None, Some(new)) if new.get("namespace").is_none() => {
            map.insert("dataSource".to_owned(), new);
        }
        _ => {}
    }
}

fn service(map: &mut Fields) {
    let kind = match text(map, "type") {
        "" => "ClusterIP",
        kind => kind,
    }
    .to_owned();
    if text(map, "sessionAffinity") == "ClientIP" {
        add(
            map,
            "sessionAffinityConfig",
            || json!({"clientIP": {"timeoutSeconds": 10800}}),
        );
    }
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
        add(map, "externalTrafficPolicy", || "Cluster".into());
    }
    if kind == "LoadBalancer" {
        add(map, "allocateLoadBalancerNodePorts", || true.into());
    }
    if kind != "ExternalName" {
        add(map, "internalTrafficPolicy", || "Cluster".into());
    }
}

/// What is allowed at most is the limit; the limit is what is asked for, else what is needed at least.
fn limit_range(map: &mut Fields) {
    let from = |map: &Fields, key: &str| map.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let fill = |map: &mut Fields, key: &str, source: Fields| {
        let mut own = from(map, key);
        for (name, value) in source {
            own.entry(name).or_insert(value);
        }
        if !own.is_empty() {
            map.insert(key.to_owned(), Value::Object(own));
        }
    };
    for (key, source) in [
        ("default", "max"),
        ("defaultRequest", "default"),
        ("defaultRequest", "min"),
    ] {
        let source = from(map, source);
        fill(map, key, source);
    }
}

/// Rules that a behavior names are completed; scaling up has a default of its own.
fn behavior(map: &mut Fields) {
    let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]});
    let down = json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
    for (key, rules) in [("scaleUp", up), ("scaleDown", down)] {
        let own = map.entry(key).or_insert_with(|| json!({}));
        if let (Some(own), Value::Object(rules)) = (own.as_object_mut(), rules) {
            for (key, value) in rules {
                own.entry(key).or_insert(value);
            }
        }
    }
}

fn extensions(name: &str, map: &mut Fields) {
    if name.ends_with("apiextensions.v1.CustomResourceDefinitionNames") {
        let kind = text(map, "kind").to_owned();
        if !kind.is_empty() {
            add(map, "singular", || kind.to_lowercase().into());
            add(map, "listKind", || format!("{kind}List").into());
        }
    }
}

//! Pods and templates of pods: volumes, containers and what refers to what.

use std::collections::BTreeSet;

use serde_json::Value;

use super::look::{At, Causes};
use super::{metadata, names};
use crate::quantity::Quantity;

/// A template below `at`; its `spec` may mount `more` volumes than it names.
pub(super) fn template(at: &At<'_>, more: &[String], causes: &mut Causes) {
    let meta = at.child("metadata");
    metadata::labels(meta.value.get("labels"), &format!("{}.labels", at.path), &mut causes.0);
    metadata::annotations(
        meta.value.get("annotations"),
        &format!("{}.annotations", at.path),
        &mut causes.0,
    );
    pod_spec(&at.child("spec"), more, causes);
}

/// The spec of a pod.
pub(super) fn pod_spec(spec: &At<'_>, more: &[String], causes: &mut Causes) {
    let mut volumes: BTreeSet<&str> = more.iter().map(String::as_str).collect();
    volumes_of(&spec.child("volumes"), &mut volumes, causes);
    let mut taken = BTreeSet::new();
    let main = spec.child("containers");
    if main.is_empty() {
        causes.required(&main, "");
    }
    for part in ["containers", "initContainers", "ephemeralContainers"] {
        for one in spec.child(part).items() {
            container(&one, &volumes, causes);
            let name = one.child("name");
            if !name.is_empty() && !taken.insert(name.text()) {
                causes.duplicate(&name);
            }
        }
    }
    causes.one_of(&spec.child("restartPolicy"), &["Always", "OnFailure", "Never"]);
    causes.one_of(
        &spec.child("dnsPolicy"),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    for part in ["serviceAccountName", "nodeName", "priorityClassName"] {
        let name = spec.child(part);
        if !name.is_empty() {
            causes.rule(&name, names::subdomain);
        }
    }
    metadata::labels(
        spec.value.get("nodeSelector"),
        &format!("{}.nodeSelector", spec.path),
        &mut causes.0,
    );
    let deadline = spec.child("activeDeadlineSeconds");
    if deadline.number().is_some_and(|seconds| seconds < 1) {
        causes.invalid(&deadline, "must be between 1 and 2147483647, inclusive");
    }
}

fn volumes_of<'a>(list: &At<'a>, volumes: &mut BTreeSet<&'a str>, causes: &mut Causes) {
    let mut taken = BTreeSet::new();
    for volume in list.items() {
        source(&volume, causes);
        let name = volume.child("name");
        if name.is_empty() {
            causes.required(&name, "");
            continue;
        }
        causes.rule(&name, names::label);
        if !taken.insert(name.text()) {
            causes.duplicate(&name);
        }
        volumes.insert(name.text());
    }
}

/// A volume has one source; some of its fields are required.
fn source(volume: &At<'_>, causes: &mut Causes) {
    let map = volume.value.as_object();
    let set = map
        .into_iter()
        .flatten()
        .filter(|(key, value)| *key != "name" && !value.is_null());
    for (at, (kind, _)) in set.enumerate() {
        let source = volume.child(kind);
        if at > 0 {
            causes.forbidden(&source, "may not specify more than 1 volume type");
            continue;
        }
        let required: &[&str] = match kind.as_str() {
            "persistentVolumeClaim" => &["claimName"],
            "secret" => &["secretName"],
            "configMap" => &["name"],
            "hostPath" => &["path"],
            "nfs" => &["server", "path"],
            "csi" => &["driver"],
            _ => &[],
        };
        for field in required {
            let field = source.child(field);
            if field.is_empty() {
                causes.required(&field, "");
            }
        }
    }
}

fn container(at: &At<'_>, volumes: &BTreeSet<&str>, causes: &mut Causes) {
    let name = at.child("name");
    if name.is_empty() {
        causes.required(&name, "");
    } else {
        causes.rule(&name, names::label);
    }
    let image = at.child("image");
    if image.is_empty() {
        causes.required(&image, "");
    } else if image.text() != image.text().trim() {
        causes.invalid(&image, "must not have leading or trailing whitespace");
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        handler(&at.child(probe), causes);
    }
    ports(&at.child("ports"), causes);
    env(at, causes);
    mounts(&at.child("volumeMounts"), volumes, causes);
    causes.one_of(&at.child("imagePullPolicy"), &["Always", "IfNotPresent", "Never"]);
    resources(&at.child("resources"), causes);
}

fn handler(probe: &At<'_>, causes: &mut Causes) {
    if !probe.is_set() {
        return;
    }
    let kinds = ["exec", "httpGet", "tcpSocket", "grpc"];
    let count = kinds.iter().filter(|kind| probe.child(kind).is_set()).count();
    if count == 0 {
        causes.required(probe, "must specify a handler type");
    }
    let http = probe.child("httpGet");
    if http.is_set() {
        causes.port(&http.child("port"));
    }
    for field in [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ] {
        causes.not_negative(&probe.child(field));
    }
}

fn ports(list: &At<'_>, causes: &mut Causes) {
    let mut taken = BTreeSet::new();
    for port in list.items() {
        let name = port.child("name");
        if !name.is_empty() {
            let before = causes.0.len();
            causes.rule(&name, names::port_name);
            if before == causes.0.len() && !taken.insert(name.text()) {
                causes.duplicate(&name);
            }
        }
        let number = port.child("containerPort");
        match number.number() {
            None | Some(0) => causes.required(&number, ""),
            Some(_) => causes.port(&number),
        }
        let host = port.child("hostPort");
        if host.number().is_some_and(|port| port != 0) {
            causes.port(&host);
        }
        causes.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"]);
    }
}

fn env(container: &At<'_>, causes: &mut Causes) {
    for one in container.child("env").items() {
        let name = one.child("name");
        if name.is_empty() {
            causes.required(&name, "");
        } else {
            causes.rule(&name, names::env_name);
        }
        let from = one.child("valueFrom");
        if !from.is_set() {
            continue;
        }
        for source in ["secretKeyRef", "configMapKeyRef"] {
            let source = from.child(source);
            let key = source.child("key");
            if source.is_set() && key.is_empty() {
                causes.required(&key, "");
            } else {
                causes.rule(&key, names::config_key);
            }
        }
        if !one.child("value").is_empty() {
            let why = "may not be specified when `value` is not empty";
            causes
                .0
                .push(crate::refusal::Cause::invalid(&from.path, &"".into(), why));
        }
    }
}

fn mounts(list: &At<'_>, volumes: &BTreeSet<&str>, causes: &mut Causes) {
    let mut paths = BTreeSet::new();
    for mount in list.items() {
        let name = mount.child("name");
        if name.is_empty() {
            causes.required(&name, "");
        }
        if !volumes.contains(name.text()) {
            causes.not_found(&name);
        }
        let path = mount.child("mountPath");
        if path.is_empty() {
            causes.required(&path, "");
        }
        if !paths.insert(path.text()) {
            causes.invalid(&path, "must be unique");
        }
        let sub = mount.child("subPath").named(format!("{}.subPath", list.path));
        if sub.text().starts_with('/') {
            causes.invalid(&sub, "must be a relative path");
        }
        if sub.text().split('/').any(|part| part == "..") {
            causes.invalid(&sub, "must not contain '..'");
        }
    }
}

fn resources(at: &At<'_>, causes: &mut Causes) {
    let limits = at.child("limits");
    for part in [&limits, &at.child("requests")] {
        for (name, amount) in part.entries() {
            let quantity = Quantity::of(amount.value);
            if quantity.is_some_and(Quantity::is_negative) {
                causes.invalid(&amount, "must be greater than or equal to 0");
            }
            for why in names::qualified(name) {
                let value = Value::from(name);
                causes.0.push(crate::refusal::Cause::invalid(&part.path, &value, &why));
            }
        }
    }
    let requests = at.child("requests");
    for (name, request) in requests.entries() {
        let limit = limits.value.get(name).and_then(Quantity::of);
        let wanted = Quantity::of(request.value);
        if let (Some(limit), Some(wanted)) = (limit, wanted)
            && wanted > limit
        {
            let why = format!("must be less than or equal to {name} limit of {limit}");
            causes.invalid(&request.named(requests.path.clone()), &why);
        }
    }
}

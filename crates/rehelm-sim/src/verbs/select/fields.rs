//! Field selectors: which fields each kind can be selected by.

use serde_json::Value;

use crate::kinds::Kind;
use crate::refusal::Refusal;

/// Fields beside name and namespace. Source: the conversion functions of Kubernetes 1.35.
const SUPPORTED: &[(&str, &[&str])] = &[
    (
        "pods",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
    ),
    ("nodes", &["spec.unschedulable"]),
    ("namespaces", &["status.phase"]),
    ("secrets", &["type"]),
    ("services", &["spec.clusterIP", "spec.type"]),
    ("replicationcontrollers", &["status.replicas"]),
    (
        "events",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("jobs.batch", &["status.successful"]),
    ("statefulsets.apps", &["status.successful"]),
    ("replicasets.apps", &["status.replicas"]),
    ("certificatesigningrequests.certificates.k8s.io", &["spec.signerName"]),
];

/// Checks that a kind can be selected by a field.
pub(super) fn check(kind: &Kind, field: &str) -> Result<(), Refusal> {
    if field == "metadata.name" || (field == "metadata.namespace" && kind.facts.namespaced) {
        return Ok(());
    }
    let own = SUPPORTED.iter().find(|(id, _)| *id == &*kind.id);
    if own.is_some_and(|(_, fields)| fields.contains(&field)) || (field == "metadata.namespace" && own.is_none()) {
        return Ok(());
    }
    Err(Refusal::bad_request(match own {
        Some(("jobs.batch" | "statefulsets.apps" | "replicasets.apps", _)) => {
            format!("field label \"{field}\" not supported for {}", kind.facts.kind)
        }
        Some(_) => format!("field label not supported: {field}"),
        None if kind.crd.is_some() => format!("field label not supported: {field}"),
        None => format!("\"{field}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
    }))
}

/// A field by its dotted path; absent ones are empty, or what stands for empty in Go.
pub(super) fn value(object: &Value, path: &str) -> String {
    let path = match path {
        // Where the source is not given, whoever reports is it.
        "source" => match object.pointer("/source/component").and_then(Value::as_str) {
            Some(component) if !component.is_empty() => return component.to_owned(),
            _ => "reportingComponent",
        },
        "status.successful" => "status.succeeded",
        "status.podIPs" => "status.podIP",
        path => path,
    };
    let mut at = object;
    for part in path.split('.') {
        match at.get(part) {
            Some(next) => at = next,
            None => return absent(path).to_owned(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => absent(path).to_owned(),
        other => other.to_string(),
    }
}

fn absent(path: &str) -> &'static str {
    match path {
        "spec.unschedulable" | "spec.hostNetwork" => "false",
        "status.succeeded" | "status.replicas" => "0",
        _ => "",
    }
}

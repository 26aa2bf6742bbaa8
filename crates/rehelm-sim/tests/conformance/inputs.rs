//! Whole installs as requests: every object of a file, or of what kubectl builds from a folder, applied server-side.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;

use crate::clients::tools;
use crate::run;
use crate::script;

/// Kinds without a namespace, of those that installs bring.
const WHOLE: &[&str] = &[
    "Namespace",
    "CustomResourceDefinition",
    "StorageClass",
    "PersistentVolume",
    "IngressClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "PriorityClass",
];

/// Kinds that others need, in the order in which they go first.
const FIRST: &[&str] = &[
    "Namespace",
    "CustomResourceDefinition",
    "StorageClass",
    "PersistentVolume",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
];

/// The objects to apply, each with the title of its step. Kinds that others need go first, as kubectl and Helm send them.
pub fn requests(input: &str) -> Vec<(String, Value)> {
    let mut objects = objects(input);
    let rank = |object: &Value| {
        FIRST
            .iter()
            .position(|first| object["kind"] == *first)
            .unwrap_or(FIRST.len())
    };
    objects.sort_by_key(rank);
    let title = |object: &Value| format!("apply {}/{}", text(object, "/kind"), text(object, "/metadata/name"));
    objects.into_iter().map(|object| (title(&object), object)).collect()
}

/// Paths of the cluster-scoped objects of an input.
pub fn whole(input: &str) -> Vec<String> {
    let objects = objects(input);
    let whole = objects.iter().filter(|object| WHOLE.contains(&text(object, "/kind")));
    whole.map(|object| path(object, None)).collect()
}

/// The objects of a file of `conformance/inputs`, of a folder of files, or of a Kustomize folder (seen from the repository).
pub fn objects(input: &str) -> Vec<Value> {
    let file = script::folder().join("inputs").join(input);
    let folder = script::root().join(input);
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("an input");
    let texts = if file.is_file() {
        vec![read(&file)]
    } else if folder.join("kustomization.yaml").is_file() {
        vec![tools::run(&tools::kubectl(), &["kustomize", &folder.to_string_lossy()])]
    } else {
        let entries = std::fs::read_dir(&folder).expect("a folder of files");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        paths.sort();
        paths
            .iter()
            .filter(|path| path.is_file())
            .map(|path| read(path))
            .collect()
    };
    let documents = texts
        .iter()
        .flat_map(|text| -> Vec<Value> { serde_saphyr::from_multiple(text).expect("YAML") });
    documents.filter(Value::is_object).collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn path(object: &Value, into: Option<&str>) -> String {
    let (version, kind, name) = (
        text(object, "/apiVersion"),
        text(object, "/kind"),
        text(object, "/metadata/name"),
    );
    let plural = match kind {
        "Ingress" => "ingresses".to_owned(),
        "NetworkPolicy" => "networkpolicies".to_owned(),
        kind if kind.ends_with('s') => format!("{}es", kind.to_lowercase()),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let root = if version.contains('/') { "/apis" } else { "/api" };
    if WHOLE.contains(&kind) {
        return format!("{root}/{version}/{plural}/{name}");
    }
    let namespace = into.unwrap_or_else(|| text(object, "/metadata/namespace"));
    format!("{root}/{version}/namespaces/{namespace}/{plural}/{name}")
}

/// The request that applies an object.
pub fn apply(object: &Value, into: Option<&str>) -> Request<Full<Bytes>> {
    let mut object = object.clone();
    if into.is_some()
        && let Some(meta) = object["metadata"].as_object_mut()
    {
        meta.shift_remove("namespace");
    }
    let path = format!("{}?fieldManager=kubectl&force=true", path(&object, into));
    run::request("PATCH", &path, "application/apply-patch+yaml", Some(&object))
}

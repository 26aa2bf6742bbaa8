//! What a new cluster has by way of roles, bindings and priority classes, as the server made them itself.

use serde_json::Value;

use super::server::Server;

/// Where they are listed.
const LISTS: [&str; 5] = [
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
];

/// What the server writes into metadata by itself.
const FILLED_IN: [&str; 5] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
];

/// The objects, without what the server fills in, by kind, namespace and name.
pub fn read(server: &Server) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for list in LISTS {
        let answer = server.get(list)?;
        let of_list = |field: &str| answer[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (of_list("apiVersion"), of_list("kind"));
        let mut found: Vec<Value> = answer["items"].as_array().cloned().unwrap_or_default();
        found.retain(is_the_servers);
        found.sort_by_key(|object| {
            let of = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
            (of("namespace"), of("name"))
        });
        for object in found {
            let Value::Object(object) = object else { continue };
            let mut whole = serde_json::Map::new();
            whole.insert("apiVersion".to_owned(), api_version.clone().into());
            whole.insert("kind".to_owned(), kind.trim_end_matches("List").into());
            whole.extend(object);
            whole.shift_remove("description");
            let mut whole = Value::Object(whole);
            if let Some(metadata) = whole["metadata"].as_object_mut() {
                metadata.retain(|field, _| !FILLED_IN.contains(&field.as_str()));
            }
            all.push(whole);
        }
    }
    Ok(all)
}

/// Made by the server when it began, and by nobody else.
fn is_the_servers(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    metadata["labels"]["kubernetes.io/bootstrapping"] == "rbac-defaults"
        || object.get("value").is_some() && name.starts_with("system-")
}

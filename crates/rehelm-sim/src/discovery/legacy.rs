//! The old form: one document for the groups, one for each group and version.

use base64::Engine as _;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Group, Version};
use crate::kinds::Kind;

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
    })
}

/// `/apis`.
pub(super) fn group_list<'a, 'b: 'a>(groups: impl Iterator<Item = &'a Group<'b>>) -> Value {
    let groups: Vec<Value> = groups.map(bare_group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(group: &Group<'_>) -> Value {
    let mut answer = json!({"kind": "APIGroup", "apiVersion": "v1"});
    if let (Some(answer), Value::Object(bare)) = (answer.as_object_mut(), bare_group(group)) {
        answer.extend(bare);
    }
    answer
}

fn bare_group(group: &Group<'_>) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|version| json!({"groupVersion": group.api_version(version), "version": version.name}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": group.name, "versions": versions, "preferredVersion": preferred})
}

/// `/apis/GROUP/VERSION`.
pub(super) fn resources(group: &Group<'_>, version: &Version<'_>) -> Value {
    let resources: Vec<Value> = version.kinds.iter().flat_map(|kind| with_subresources(kind)).collect();
    let mut answer = json!({"kind": "APIResourceList"});
    if !group.name.is_empty() {
        answer["apiVersion"] = "v1".into();
    }
    answer["groupVersion"] = group.api_version(version).into();
    answer["resources"] = resources.into();
    answer
}

fn with_subresources(kind: &Kind) -> Vec<Value> {
    let facts = &kind.facts;
    let mut own = Map::new();
    own.insert("name".to_owned(), facts.plural.clone().into());
    own.insert("singularName".to_owned(), facts.singular.clone().into());
    own.insert("namespaced".to_owned(), facts.namespaced.into());
    own.insert("kind".to_owned(), facts.kind.clone().into());
    own.insert("verbs".to_owned(), facts.verbs.clone().into());
    for (key, list) in [("shortNames", &facts.short_names), ("categories", &facts.categories)] {
        if !list.is_empty() {
            own.insert(key.to_owned(), list.clone().into());
        }
    }
    if facts.verbs.iter().any(|verb| verb == "list") && facts.kind != "ComponentStatus" {
        own.insert("storageVersionHash".to_owned(), storage_hash(kind).into());
    }
    let mut all = vec![Value::Object(own)];
    for sub in &facts.subresources {
        let mut value = json!({
            "name": format!("{}/{}", facts.plural, sub.name),
            "singularName": "",
            "namespaced": facts.namespaced,
        });
        if sub.group != facts.group {
            value["group"] = sub.group.clone().into();
            value["version"] = sub.version.clone().into();
        }
        value["kind"] = sub.kind.clone().into();
        value["verbs"] = sub.verbs.clone().into();
        all.push(value);
    }
    all
}

/// How the server tells clients that the stored version changed: the start of a hash over group, version and kind.
fn storage_hash(kind: &Kind) -> String {
    let facts = &kind.facts;
    // These two are stored in the form of an older version still.
    let version = match &*kind.id {
        "volumeattributesclasses.storage.k8s.io" | "customresourcedefinitions.apiextensions.k8s.io" => "v1beta1",
        _ => &facts.version,
    };
    let hash = Sha256::digest(format!("{}/{version}/{}", facts.group, facts.kind));
    base64::engine::general_purpose::STANDARD.encode(&hash[..8])
}

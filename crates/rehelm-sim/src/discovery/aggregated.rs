//! The aggregated form: one document for everything. Servers have it since 1.27 (`v2beta1`, until 1.32) and 1.30 (`v2`).

use serde_json::{Value, json};

use super::{Group, Version};
use crate::kinds::Kind;

/// A version of the aggregated form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    V2,
    V2Beta1,
}

impl Form {
    fn version(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2Beta1 => "v2beta1",
        }
    }

    /// The media type of such an answer.
    pub fn media(self) -> String {
        format!(
            "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList",
            self.version()
        )
    }
}

/// The first form of an `Accept` header that a server of this minor has; None when it names plain JSON before that.
pub(super) fn negotiate(accept: &str, minor: u32) -> Option<Form> {
    for clause in accept.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters: Vec<&str> = parts.filter(|part| !part.starts_with("q=")).collect();
        if !matches!(media, "application/json" | "*/*" | "application/*") {
            continue;
        }
        if parameters.is_empty() {
            return None;
        }
        if !parameters.contains(&"g=apidiscovery.k8s.io") || !parameters.contains(&"as=APIGroupDiscoveryList") {
            continue;
        }
        if parameters.contains(&"v=v2") && minor >= 30 {
            return Some(Form::V2);
        }
        if parameters.contains(&"v=v2beta1") && (27..=32).contains(&minor) {
            return Some(Form::V2Beta1);
        }
    }
    None
}

/// All groups in one list.
pub(super) fn list<'a, 'b: 'a>(groups: impl Iterator<Item = &'a Group<'b>>, form: Form) -> Value {
    let items: Vec<Value> = groups
        .map(|group| {
            let name = if group.name.is_empty() {
                json!({})
            } else {
                json!({"name": group.name})
            };
            let versions: Vec<Value> = group.versions.iter().map(version).collect();
            json!({"metadata": name, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{}", form.version()),
        "metadata": {},
        "items": items,
    })
}

fn version(version: &Version<'_>) -> Value {
    let resources: Vec<Value> = version.kinds.iter().map(|kind| resource(kind)).collect();
    json!({"version": version.name, "resources": resources, "freshness": "Current"})
}

fn resource(kind: &Kind) -> Value {
    let facts = &kind.facts;
    // Built-in resources leave group and version to the place where they stand.
    let of = |group: &str, version: &str, name: &str| {
        let own = kind.crd.is_none() && group == facts.group;
        let (group, version) = if own { ("", "") } else { (group, version) };
        json!({"group": group, "version": version, "kind": name})
    };
    let mut resource = json!({
        "resource": facts.plural,
        "responseKind": of(&facts.group, &facts.version, &facts.kind),
        "scope": if facts.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": facts.singular,
        "verbs": facts.verbs,
    });
    for (key, list) in [("shortNames", &facts.short_names), ("categories", &facts.categories)] {
        if !list.is_empty() {
            resource[key] = list.clone().into();
        }
    }
    if !facts.subresources.is_empty() {
        let all = facts.subresources.iter().map(|sub| {
            json!({
                "subresource": sub.name,
                "responseKind": of(&sub.group, &sub.version, &sub.kind),
                "verbs": sub.verbs,
            })
        });
        resource["subresources"] = all.collect();
    }
    resource
}

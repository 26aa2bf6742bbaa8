//! From a CustomResourceDefinition to the kinds that it brings.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Kind, api_version, by_priority, id};
use crate::meta;
use crate::schema::{Schema, Schemas};
use crate::tables::{ResourceFacts, SubresourceFacts};

/// What a CRD brings.
pub(super) struct Versions {
    /// Served versions, preferred one first.
    pub served: Vec<Arc<Kind>>,
    /// The version that the store keeps.
    pub stored: Arc<Kind>,
}

/// JSON paths of the subresource `scale`, such as `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalePaths {
    pub spec: String,
    pub status: String,
    /// Empty when the CRD names none.
    pub selector: String,
}

/// Verbs in the order in which the server lists them for custom resources.
const VERBS: [&str; 8] = [
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

/// None when the definition lacks what it cannot be without.
pub(super) fn versions(base: &Arc<Schemas>, crd: &Value) -> Option<Versions> {
    let (mut served, mut stored) = (Vec::new(), None);
    let all = crd.pointer("/spec/versions")?.as_array()?;
    let keeps = |version: &&Value| version.get("storage") == Some(&Value::Bool(true));
    let stored_as = text(all.iter().find(keeps).or(all.first())?, "/name");
    for version in all {
        let kind = Arc::new(kind(base, crd, version, stored_as)?);
        if kind.facts.version == stored_as {
            stored = Some(kind.clone());
        }
        if version.get("served") != Some(&Value::Bool(false)) {
            served.push(kind);
        }
    }
    served.sort_by(|a, b| by_priority(&a.facts.version, &b.facts.version));
    Some(Versions {
        served,
        stored: stored?,
    })
}

fn kind(base: &Arc<Schemas>, crd: &Value, version: &Value, stored_as: &str) -> Option<Kind> {
    let (group, plural, name) = (
        text(crd, "/spec/group"),
        text(crd, "/spec/names/plural"),
        text(crd, "/spec/names/kind"),
    );
    let singular = Some(text(crd, "/spec/names/singular")).filter(|s| !s.is_empty());
    let facts = ResourceFacts {
        group: group.to_owned(),
        version: text(version, "/name").to_owned(),
        plural: plural.to_owned(),
        singular: singular.map_or_else(|| name.to_lowercase(), str::to_owned),
        kind: name.to_owned(),
        list_kind: text(crd, "/spec/names/listKind").to_owned(),
        namespaced: text(crd, "/spec/scope") != "Cluster",
        verbs: VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
        short_names: texts(crd, "/spec/names/shortNames"),
        categories: texts(crd, "/spec/names/categories"),
        subresources: subresources(group, name, version),
        schema: String::new(),
    };
    if facts.group.is_empty() || facts.plural.is_empty() || facts.kind.is_empty() || facts.version.is_empty() {
        return None;
    }
    let document = version.pointer("/schema/openAPIV3Schema").cloned();
    let scale = version.pointer("/subresources/scale").map(|scale| ScalePaths {
        spec: text(scale, "/specReplicasPath").to_owned(),
        status: text(scale, "/statusReplicasPath").to_owned(),
        selector: text(scale, "/labelSelectorPath").to_owned(),
    });
    let whole = with_metadata(document.unwrap_or_else(|| json!({"x-kubernetes-preserve-unknown-fields": true})));
    Some(Kind {
        id: id(group, plural).into(),
        stored_as: api_version(group, stored_as),
        schema: Some(Schema::own(base, &whole)),
        crd: Some(meta::name(crd).to_owned()),
        columns: version
            .get("additionalPrinterColumns")
            .filter(|c| c.is_array())
            .cloned(),
        scale,
        document: Some(Arc::new(whole)),
        facts,
    })
}

/// What every object has, whatever the CRD says of it.
fn with_metadata(mut schema: Value) -> Value {
    const META: &str = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    if !schema.is_object() {
        schema = json!({});
    }
    schema["type"] = "object".into();
    let properties = meta::child_map(&mut schema, "properties");
    properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
    properties.insert("kind".to_owned(), json!({"type": "string"}));
    properties.insert("metadata".to_owned(), json!({"allOf": [{"$ref": META}]}));
    schema
}

fn subresources(group: &str, kind: &str, version: &Value) -> Vec<SubresourceFacts> {
    let of = |name: &str, group: &str, version: &str, kind: &str| SubresourceFacts {
        name: name.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        verbs: ["get", "patch", "update"].map(str::to_owned).to_vec(),
    };
    let has = |name: &str| {
        version
            .pointer(&format!("/subresources/{name}"))
            .is_some_and(|v| !v.is_null())
    };
    let mut found = Vec::new();
    if has("status") {
        found.push(of("status", group, text(version, "/name"), kind));
    }
    if has("scale") {
        found.push(of("scale", "autoscaling", "v1", "Scale"));
    }
    found
}

/// Names of a CRD that another one of its group has taken, in the API server's words; None when all are free.
pub(crate) fn names_conflict<'a>(
    crd: &Value,
    others: impl Iterator<Item = &'a Value>,
) -> Option<(&'static str, String)> {
    let group = text(crd, "/spec/group");
    let taken: Vec<&Value> = others
        .filter(|other| meta::name(other) != meta::name(crd) && text(other, "/spec/group") == group)
        .collect();
    let resources: Vec<String> = taken
        .iter()
        .flat_map(|other| {
            let mut names = texts(other, "/status/acceptedNames/shortNames");
            names.push(text(other, "/status/acceptedNames/plural").to_owned());
            names.push(text(other, "/status/acceptedNames/singular").to_owned());
            names
        })
        .collect();
    let kinds: Vec<&str> = taken
        .iter()
        .flat_map(|other| ["/status/acceptedNames/kind", "/status/acceptedNames/listKind"].map(|at| text(other, at)))
        .collect();
    let in_use = |name: &str| format!("\"{name}\" is already in use");
    let clash = |name: &str| !name.is_empty() && resources.iter().any(|taken| taken == name);
    // The server judges every name; what it says last stands.
    let mut said = None;
    for (field, reason) in [("plural", "PluralConflict"), ("singular", "SingularConflict")] {
        let name = text(crd, &format!("/spec/names/{field}"));
        if clash(name) {
            said = Some((reason, in_use(name)));
        }
    }
    if let Some(name) = texts(crd, "/spec/names/shortNames")
        .into_iter()
        .find(|name| clash(name))
    {
        said = Some(("ShortNamesConflict", in_use(&name)));
    }
    for (field, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        let name = text(crd, &format!("/spec/names/{field}"));
        if !name.is_empty() && kinds.contains(&name) {
            said = Some((reason, in_use(name)));
        }
    }
    said
}

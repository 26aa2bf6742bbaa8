//! One document of OpenAPI v3: the kinds of a group and version, and every schema that they lead to.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Style, paths};
use crate::kinds::Kind;
use crate::schema::Schemas;

pub(super) const PREFIX: &str = "#/components/schemas/";
pub(super) const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";

/// Schemas that operations name for all kinds.
const COMMON: [&str; 3] = ["DeleteOptions", "Patch", "Status"];

pub(super) fn of(schemas: &Schemas, kinds: &[Arc<Kind>], style: Style) -> Value {
    let form = paths::Form::V3;
    json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": style.version()},
        "paths": paths::of(schemas, kinds, style, form),
        "components": {
            "schemas": components(schemas, kinds),
            "securitySchemes": {"BearerToken": {"type": "apiKey", "name": "authorization", "in": "header"}},
        },
    })
}

/// Name of a kind's schema in documents.
pub(super) fn name(schemas: &Schemas, kind: &Kind) -> String {
    let facts = &kind.facts;
    if kind.crd.is_some() {
        let mut group: Vec<&str> = facts.group.split('.').collect();
        group.reverse();
        return format!("{}.{}.{}", group.join("."), facts.version, facts.kind);
    }
    if schemas
        .named
        .get(&facts.schema)
        .is_some_and(|schema| is_of(schema, kind))
    {
        return facts.schema.clone();
    }
    let group = facts.group.split('.').next().unwrap_or_default();
    let group = if group.is_empty() { "core" } else { group };
    format!("io.k8s.api.{group}.{}.{}", facts.version, facts.kind)
}

fn is_of(schema: &Value, kind: &Kind) -> bool {
    let own = schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
    own.is_some_and(|all| all.contains(&identity(kind, &kind.facts.kind)))
}

fn identity(kind: &Kind, name: &str) -> Value {
    json!({"group": kind.facts.group, "kind": name, "version": kind.facts.version})
}

/// All named schemas of these kinds.
pub(super) fn components(schemas: &Schemas, kinds: &[Arc<Kind>]) -> Map<String, Value> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    let mut open: Vec<String> = COMMON.iter().map(|common| format!("{META}{common}")).collect();
    for kind in kinds {
        let name = name(schemas, kind);
        let own = whole(schemas, kind);
        references(&own, &mut open);
        found.insert(name.clone(), own);
        if kind.facts.verbs.iter().any(|verb| verb == "list") {
            let list = list(kind, &name);
            references(&list, &mut open);
            found.insert(format!("{name}List"), list);
        }
        let bodies = kind
            .facts
            .subresources
            .iter()
            .filter_map(|sub| paths::body(schemas, kind, sub));
        open.extend(bodies);
    }
    while let Some(name) = open.pop() {
        if found.contains_key(&name) {
            continue;
        }
        if let Some(schema) = schemas.named.get(&name) {
            references(schema, &mut open);
            found.insert(name, schema.clone());
        }
    }
    found.into_iter().collect()
}

/// A kind's own schema.
fn whole(schemas: &Schemas, kind: &Kind) -> Value {
    let mut schema = match &kind.document {
        Some(document) => (**document).clone(),
        None => schemas.named.get(&kind.facts.schema).cloned().unwrap_or_else(|| {
            let meta = json!({"allOf": [{"$ref": format!("{PREFIX}{META}ObjectMeta")}]});
            let text = json!({"type": "string"});
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                "properties": {"apiVersion": text, "kind": text, "metadata": meta}})
        }),
    };
    if kind.crd.is_some() || !is_of(&schema, kind) {
        schema["x-kubernetes-group-version-kind"] = json!([identity(kind, &kind.facts.kind)]);
    }
    schema
}

fn list(kind: &Kind, name: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [{"$ref": format!("{PREFIX}{META}ListMeta")}]},
            "items": {"type": "array", "items": {"allOf": [{"$ref": format!("{PREFIX}{name}")}]}},
        },
        "x-kubernetes-group-version-kind": [identity(kind, &kind.list_kind())],
    })
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str)
                && let Some(name) = name.strip_prefix(PREFIX)
            {
                found.push(name.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

//! OpenAPI v2 ("swagger"): the same schemas with what that version cannot say left out.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Style, document, paths};
use crate::kinds::Kind;
use crate::schema::Schemas;

/// The one document of all kinds.
pub(super) fn of(schemas: &Schemas, kinds: &[Arc<Kind>], style: Style) -> Value {
    let components = document::components(schemas, kinds);
    let definitions: Map<String, Value> = components
        .iter()
        .map(|(name, schema)| (name.clone(), definition(name, schema)))
        .collect();
    json!({
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": style.version()},
        "paths": paths::of(schemas, kinds, style, paths::Form::V2),
        "definitions": definitions,
    })
}

/// Types that are written in more than one way are strings here, or anything.
fn definition(name: &str, schema: &Value) -> Value {
    if name.ends_with(".IntOrString") {
        return json!({"type": "string", "format": "int-or-string"});
    }
    if name.ends_with(".resource.Quantity") {
        return json!({"type": "string"});
    }
    let anything = [
        "v1.JSON",
        "v1.JSONSchemaPropsOrArray",
        "v1.JSONSchemaPropsOrBool",
        "v1.JSONSchemaPropsOrStringArray",
    ];
    if anything
        .iter()
        .any(|end| name.ends_with(&format!("apiextensions.{end}")))
    {
        return json!({});
    }
    plain(schema)
}

/// A schema in the older form. What keeps unknown fields is an object of which nothing more is said.
fn plain(schema: &Value) -> Value {
    let Some(map) = schema.as_object() else {
        return json!({});
    };
    let keeps = map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    let either = map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    let mut out = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "$ref" => insert_reference(&mut out, value),
            "allOf" => {
                if let Some(reference) = value
                    .pointer("/0/$ref")
                    .filter(|_| value.as_array().is_some_and(|a| a.len() == 1))
                {
                    insert_reference(&mut out, reference);
                }
            }
            "properties" if !keeps => {
                let properties = value.as_object().into_iter().flatten();
                let properties: Map<String, Value> = properties.map(|(k, v)| (k.clone(), plain(v))).collect();
                out.insert(key.clone(), properties.into());
            }
            "items" | "additionalProperties" if value.is_object() && !keeps => {
                out.insert(key.clone(), plain(value));
            }
            "type" if (keeps && !map.contains_key("x-kubernetes-group-version-kind")) || either => {}
            "type" | "format" | "description" | "required" | "enum" => {
                out.insert(key.clone(), value.clone());
            }
            key if key.starts_with("x-kubernetes") && key != "x-kubernetes-validations" => {
                out.insert(key.to_owned(), value.clone());
            }
            _ => {}
        }
    }
    Value::Object(out)
}

fn insert_reference(out: &mut Map<String, Value>, reference: &Value) {
    let name = reference.as_str().and_then(|name| name.strip_prefix(document::PREFIX));
    if let Some(name) = name {
        out.insert("$ref".to_owned(), format!("#/definitions/{name}").into());
    }
}

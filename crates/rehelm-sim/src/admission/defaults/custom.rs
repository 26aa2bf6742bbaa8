//! Custom resources: defaults and pruning of structural schemas.
//!
//! Source of the rules: "Defaulting" and "Field pruning" in the documentation of CRDs.

use serde_json::Value;

use crate::schema::Schema;

/// Adds defaults where a field is absent, or null and not nullable.
pub(super) fn add_defaults(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (field, default) in schema.defaults() {
                let nullable = || schema.property(field).is_some_and(|property| property.flag("nullable"));
                match map.get(field) {
                    None => {}
                    Some(Value::Null) if !nullable() => {}
                    Some(_) => continue,
                }
                map.insert(field.clone(), default.clone());
            }
            for (field, value) in map.iter_mut() {
                if let Some(schema) = schema.field(field) {
                    add_defaults(&schema, value);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.items() {
                list.iter_mut().for_each(|item| add_defaults(&items, item));
            }
        }
        _ => {}
    }
}

/// Drops unknown fields; those below a place that keeps them are judged only where it names them.
pub(super) fn prune(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let embedded = schema.flag("x-kubernetes-embedded-resource");
            let own = |field: &str| embedded && matches!(field, "apiVersion" | "kind" | "metadata");
            if !schema.preserves_unknown() && schema.additional().is_none() {
                map.retain(|field, _| schema.has_property(field) || own(field));
            }
            for (field, value) in map.iter_mut() {
                if let Some(schema) = schema.field(field) {
                    prune(&schema, value);
                }
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.items() {
                list.iter_mut().for_each(|item| prune(&items, item));
            }
        }
        _ => {}
    }
}

//! Writing a value as the server's own types would: one walk over the object beside its schema.

use serde_json::{Map, Value};

use super::by_type;
use crate::quantity::Quantity;
use crate::schema::Schema;

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// Drops empty fields, adds defaults, and goes on below.
pub(super) fn write(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(map) => write_map(schema, map),
        Value::Array(list) => {
            if let Some(items) = schema.items() {
                list.iter_mut().for_each(|item| write(&items, item));
            }
        }
        Value::String(_) | Value::Number(_) if schema.name() == QUANTITY => {
            if let Some(quantity) = Quantity::of(value) {
                *value = quantity.to_string().into();
            }
        }
        _ => {}
    }
}

fn write_map(schema: &Schema, map: &mut Map<String, Value>) {
    let written = schema.written();
    let named = schema.has_properties();
    if named {
        map.retain(|field, value| !is_left_out(schema, field, value));
        by_type::before(schema.name(), map);
        for (field, value) in &written.added {
            if !map.contains_key(field) {
                map.insert(field.clone(), value.clone());
            }
        }
        for (field, value) in schema.defaults() {
            // A zero that the type leaves out.
            let left_out = || !value.is_object() && is_left_out(schema, field, value);
            if !map.contains_key(field) && !left_out() {
                map.insert(field.clone(), value.clone());
            }
        }
        by_type::after(schema.name(), map);
        // Older servers do not know every field that was just added.
        map.retain(|field, _| schema.has_property(field) || schema.preserves_unknown());
    }
    for (field, value) in map.iter_mut() {
        if let Some(schema) = schema.field(field) {
            write(&schema, value);
        }
    }
    for (field, value) in written.always.iter().filter(|(field, _)| schema.has_property(field)) {
        let now = map.entry(field.as_str()).or_insert(Value::Null);
        // Storage does not tell an empty list from none.
        let structure = now.is_object() && schema.property(field).is_some_and(|property| property.has_properties());
        if now.is_null() || (is_empty(now) && !structure) {
            *now = value.clone();
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Null, or empty in a way that the type does not write.
fn is_left_out(schema: &Schema, field: &str, value: &Value) -> bool {
    let zero = match value {
        Value::Null => return true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    };
    if !zero {
        return false;
    }
    let written = schema.written();
    if written.always.iter().any(|(name, _)| name == field) {
        return false;
    }
    match value {
        Value::Object(_) => schema
            .property(field)
            .is_some_and(|property| !property.has_properties() && property.additional().is_some()),
        Value::Array(_) => true,
        _ => {
            let plain = |property: Schema| matches!(property.type_name(), "string" | "integer" | "boolean" | "number");
            schema.property(field).is_some_and(plain)
                && !written.keep.iter().any(|name| name == field)
                && !schema.requires(field)
        }
    }
}

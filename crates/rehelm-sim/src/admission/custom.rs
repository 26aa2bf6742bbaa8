//! Custom resources against the schema of their CRD. Rules in CEL and patterns are not looked at.

use serde_json::Value;

use super::look::{At, Causes};
use crate::kinds::Kind;
use crate::refusal::Cause;
use crate::schema::Schema;

/// What the schema of a custom resource does not allow.
pub(super) fn check(kind: &Kind, object: &Value, causes: &mut Causes) {
    let Some(schema) = &kind.schema else { return };
    required(schema, &At::new(Some(object), ""), causes);
    let mut fields: Vec<_> = object.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(key, _)| *key);
    for (key, value) in fields {
        if matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if let Some(schema) = schema.property(key) {
            walk(&schema, &At::new(Some(value), key), causes);
        }
    }
}

fn required(schema: &Schema, at: &At<'_>, causes: &mut Causes) {
    let names = schema.json().get("required").and_then(Value::as_array);
    for name in names.into_iter().flatten().filter_map(Value::as_str) {
        let known = at.path.is_empty() && matches!(name, "apiVersion" | "kind" | "metadata");
        if !known && at.value.get(name).is_none() {
            causes.required(&at.child(name), "");
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn walk(schema: &Schema, at: &At<'_>, causes: &mut Causes) {
    if at.value.is_null() && schema.flag("nullable") {
        return;
    }
    let (wanted, found) = (schema.type_name(), type_of(at.value));
    let either = schema.flag("x-kubernetes-int-or-string");
    let wanted = if either { "integer,string" } else { wanted };
    let fits = wanted
        .split(',')
        .any(|wanted| wanted.is_empty() || wanted == found || (wanted == "number" && found == "integer"));
    if !fits {
        let why = format!("{} in body must be of type {wanted}: \"{found}\"", at.path);
        let mut cause = Cause::invalid(&at.path, &found.into(), &why);
        cause.reason = "FieldValueTypeInvalid";
        causes.0.push(cause);
        return;
    }
    bounds(schema, at, causes);
    match at.value {
        Value::Object(map) => {
            required(schema, at, causes);
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            for (key, value) in fields {
                if let Some(schema) = schema.field(key) {
                    let path = format!("{}.{key}", at.path);
                    walk(&schema, &At::new(Some(value), &path), causes);
                }
            }
        }
        Value::Array(_) => {
            if let Some(schema) = schema.items() {
                at.items().for_each(|item| walk(&schema, &item, causes));
            }
        }
        _ => {}
    }
}

fn bounds(schema: &Schema, at: &At<'_>, causes: &mut Causes) {
    let json = schema.json();
    let path = &at.path;
    let limit = |key: &str| json.get(key).filter(|limit| !limit.is_null());
    let count = |key: &str| {
        limit(key)
            .and_then(Value::as_u64)
            .and_then(|limit| usize::try_from(limit).ok())
    };
    if let Some(number) = at.value.as_f64() {
        let beyond = |key: &str| limit(key).and_then(Value::as_f64).map(|limit| number - limit);
        let shown = |key: &str| limit(key).map(ToString::to_string).unwrap_or_default();
        if beyond("maximum").is_some_and(|over| over > 0.0) {
            causes.invalid(
                at,
                &format!("{path} in body should be less than or equal to {}", shown("maximum")),
            );
        }
        if beyond("minimum").is_some_and(|over| over < 0.0) {
            causes.invalid(
                at,
                &format!("{path} in body should be greater than or equal to {}", shown("minimum")),
            );
        }
    }
    if let Some(text) = at.value.as_str() {
        let length = text.chars().count();
        if let Some(most) = count("maxLength").filter(|most| length > *most) {
            causes.0.push(Cause::too_long(path, most));
        }
        if let Some(least) = count("minLength").filter(|least| length < *least) {
            causes.invalid(at, &format!("{path} in body should be at least {least} chars long"));
        }
    }
    if let Some(list) = at.value.as_array() {
        if let Some(most) = count("maxItems").filter(|most| list.len() > *most) {
            causes.0.push(Cause {
                reason: "FieldValueTooMany",
                message: format!(
                    "Too many: {}: must have at most {most} item{}",
                    list.len(),
                    if most == 1 { "" } else { "s" }
                ),
                field: path.clone(),
            });
        }
        if let Some(least) = count("minItems").filter(|least| list.len() < *least) {
            let why = format!("{path} in body should have at least {least} items");
            causes.0.push(Cause::invalid(path, &list.len().into(), &why));
        }
    }
    if let Some(all) = limit("enum").and_then(Value::as_array)
        && !all.contains(at.value)
    {
        let known: Vec<String> = all
            .iter()
            .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        causes.0.push(Cause::not_supported(path, at.value, &known));
    }
}

/// What is wrong with a CRD: its name, its versions.
pub(super) fn definition(object: &Value, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    let name = At::new(object.pointer("/metadata/name"), "metadata.name");
    let wanted = format!(
        "{}.{}",
        spec.child("names").child("plural").text(),
        spec.child("group").text()
    );
    if name.text() != wanted {
        causes.invalid(&name, "must be spec.names.plural+\".\"+spec.group");
    }
    let versions = spec.child("versions");
    for version in versions.items() {
        let schema = version.child("schema").child("openAPIV3Schema");
        if !schema.is_set() && spec.value.get("preserveUnknownFields") != Some(&Value::Bool(true)) {
            causes.required(&schema, "");
        }
    }
    let stored = versions
        .items()
        .filter(|version| version.value.get("storage") == Some(&Value::Bool(true)));
    if stored.count() != 1 {
        causes.invalid(&versions, "must have exactly one version marked as storage version");
    }
}

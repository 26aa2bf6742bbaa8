//! What server-side apply refuses in an applied object before it merges it: fields that no schema names, values of
//! another type, and items that are there twice.

use serde_json::Value;

use super::fieldset::Element;
use super::typed::{Atom, Type, item_element};
use super::wording;

/// Everything that is wrong, in the server's words; None when nothing is.
pub(crate) fn faults(of: &Type, value: &Value) -> Option<String> {
    let mut found = Vec::new();
    check(of, value, "", &mut found);
    match found.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("errors:\n  {}", many.join("\n  "))),
    }
}

fn check(of: &Type, value: &Value, path: &str, found: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if let Type::Schema(schema) = of
        && let Some(wrong) = wrong_type(schema.type_name(), schema.text("format"), value)
    {
        found.push(format!("{path}: {wrong}"));
        return;
    }
    let atom = of.atom(value);
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            for (key, value) in fields {
                let below = of.field(key);
                let at = format!("{path}.{key}");
                if matches!(below, Type::Unknown) {
                    found.push(format!("{at}: field not declared in schema"));
                } else {
                    check(&below, value, &at, found);
                }
            }
        }
        Value::Array(list) if atom == Atom::Leaf => {
            let items = of.items();
            for (index, item) in list.iter().enumerate() {
                check(&items, item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Array(list) => {
            let items = of.items();
            let mut seen: Vec<Element> = Vec::new();
            for (index, item) in list.iter().enumerate() {
                let element = match item_element(of, &atom, item) {
                    Ok(element) => element,
                    Err(why) => {
                        found.push(format!("{path}: element {index}: {why}"));
                        return;
                    }
                };
                if seen.contains(&element) {
                    found.push(format!("{path}: duplicate entries for key {element}"));
                }
                check(&items, item, &format!("{path}{element}"), found);
                seen.push(element);
            }
        }
        _ => {}
    }
}

fn wrong_type(wanted: &str, format: &str, value: &Value) -> Option<String> {
    let scalar = !value.is_object() && !value.is_array();
    match wanted {
        "object" if !value.is_object() => Some(format!("expected map, got &{{{}}}", wording::plain(value))),
        "array" if !value.is_array() => Some(format!("expected list, got &{{{}}}", wording::plain(value))),
        "integer" | "number" if !value.is_number() => Some(format!(
            "expected numeric (int or float), got {}",
            wording::type_name(value)
        )),
        "boolean" if !value.is_boolean() => Some(format!("expected boolean, got &{{{}}}", wording::plain(value))),
        "string" if matches!(format, "int-or-string" | "date-time") => {
            (!scalar).then(|| format!("expected any scalar, got &{{{}}}", wording::plain(value)))
        }
        "string" if !value.is_string() => Some(format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            wording::exact(value)
        )),
        _ => None,
    }
}

//! Values of another type than their field has. The server names the struct and the type of its own code; the names of
//! the schemas are those of the structs.

use serde_json::{Map, Value};

use crate::kinds::Kind;
use crate::patch::typed::Type;
use crate::patch::wording::{json_name, type_name};
use crate::quantity::Quantity;
use crate::schema::Schema;
use crate::tables;

/// Which of the server's decoders speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// JSON bodies and patched JSON.
    Json,
    /// Objects that a strategic merge patch made.
    Converted,
}

const QUANTITY: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// The first value that its field cannot have; None when all fit. Of custom resources only metadata has types here.
pub(crate) fn mistyped(kind: &Kind, value: &Value, style: Style) -> Option<String> {
    let schema = kind.schema.as_ref()?;
    let mut walk = Walk {
        path: Vec::new(),
        style,
        root: &kind.facts.schema,
    };
    if kind.crd.is_some() {
        let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        walk.root = meta;
        let schema = Schema::named(&tables::newest().schemas, meta)?;
        return walk.value(&Type::Schema(schema), value.get("metadata")?, false);
    }
    walk.value(&Type::Schema(schema.clone()), value, false)
}

struct Walk<'a> {
    path: Vec<String>,
    style: Style,
    root: &'a str,
}

impl Walk<'_> {
    fn value(&mut self, of: &Type, value: &Value, item: bool) -> Option<String> {
        let Type::Schema(schema) = of else { return None };
        if value.is_null() {
            return None;
        }
        if let Some(fault) = self.own(schema, value, item) {
            return Some(fault);
        }
        match value {
            Value::Object(map) => map.iter().find_map(|(key, value)| {
                let named = of.names(key);
                if named {
                    self.path.push(key.clone());
                }
                let fault = self.value(&of.field(key), value, !named);
                if named {
                    self.path.pop();
                }
                fault
            }),
            Value::Array(list) => {
                let items = of.items();
                list.iter().find_map(|one| self.value(&items, one, true))
            }
            _ => None,
        }
    }

    fn own(&self, schema: &Schema, value: &Value, item: bool) -> Option<String> {
        let format = schema.text("format");
        if schema.json().get("oneOf").is_some() || format == "int-or-string" {
            return self.either(format, value, item);
        }
        let wrong = match schema.type_name() {
            "object" => !value.is_object(),
            "array" => !value.is_array(),
            "boolean" => !value.is_boolean(),
            "string" => match value.as_str() {
                None => true,
                Some(text) => return odd_text(format, text),
            },
            "number" => !value.is_number(),
            "integer" => match value {
                Value::Number(number) => match number.as_i64() {
                    Some(number) if format != "int32" || i32::try_from(number).is_ok() => false,
                    _ => return Some(self.fault(&format!("number {number}"), value, item)),
                },
                _ => true,
            },
            _ => false,
        };
        wrong.then(|| self.fault(json_name(value), value, item))
    }

    /// Quantities, and numbers that may be names.
    fn either(&self, format: &str, value: &Value, item: bool) -> Option<String> {
        if format != "int-or-string" {
            let good = Quantity::of(value).is_some();
            return (!good).then(|| QUANTITY.to_owned());
        }
        let good = value.is_string() || value.is_number();
        (!good).then(|| self.fault(json_name(value), value, item))
    }

    fn fault(&self, what: &str, value: &Value, item: bool) -> String {
        let (owner, wanted) = describe(&tables::newest().schemas.named, self.root, &self.path, item);
        if self.style == Style::Converted {
            return converted(value, &wanted);
        }
        format!(
            "json: cannot unmarshal {what} into Go struct field {owner}.{} of type {wanted}",
            self.path.join(".")
        )
    }
}

fn converted(value: &Value, wanted: &str) -> String {
    let have = match value {
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
        other => type_name(other),
    };
    let restored = match wanted {
        list if list.starts_with("[]") => "slice",
        map if map.starts_with("map[") => "map",
        "string" | "bool" | "int32" | "int64" | "float64" => {
            return format!("cannot convert {have} to {wanted}");
        }
        _ => "struct",
    };
    format!("cannot restore {restored} from {have}")
}

fn odd_text(format: &str, text: &str) -> Option<String> {
    match format {
        "byte" => {
            let standard =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\n' | b'\r');
            let odd = text.bytes().position(|byte| !standard(byte));
            let length = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).count();
            let at = odd.or_else(|| (length % 4 != 0).then_some(length - length % 4));
            at.map(|at| format!("illegal base64 data at input byte {at}"))
        }
        "date-time" => {
            let good = text.parse::<jiff::Timestamp>().is_ok();
            (!good).then(|| {
                format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"")
            })
        }
        _ => None,
    }
}

/// The struct that holds the last field of a path, and the type of that field, or of its items.
fn describe(schemas: &Map<String, Value>, root: &str, path: &[String], item: bool) -> (String, String) {
    let (mut owner, mut at) = (root, schemas.get(root));
    let mut wanted = short(root);
    for field in path {
        // Items of lists and mappings are of the struct that the list is of.
        while let Some(below) = at.and_then(inner) {
            at = Some(below);
        }
        if let Some(name) = at.and_then(reference) {
            (owner, at) = (name, schemas.get(name));
        }
        let property = at.and_then(|at| at.get("properties")?.get(field));
        wanted = property.map(code_type).unwrap_or_default();
        if item {
            let below = property.and_then(inner);
            wanted = below.map(code_type).unwrap_or(wanted);
        }
        at = property;
    }
    (owner.rsplit('.').next().unwrap_or_default().to_owned(), wanted)
}

fn inner(schema: &Value) -> Option<&Value> {
    schema.get("items").or_else(|| schema.get("additionalProperties"))
}

fn reference(schema: &Value) -> Option<&str> {
    let all = || schema.get("allOf")?.as_array()?.first()?.get("$ref");
    let reference = schema.get("$ref").or_else(all)?.as_str()?;
    reference.rsplit('/').next()
}

/// `v1.Container` of `io.k8s.api.core.v1.Container`.
fn short(name: &str) -> String {
    let mut parts = name.rsplit('.');
    let (last, package) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{package}.{last}")
}

fn code_type(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return if name.ends_with(".IntOrString") {
            "int32".to_owned()
        } else {
            short(name)
        };
    }
    let text = |key: &str| schema.get(key).and_then(Value::as_str).unwrap_or_default();
    let below = || inner(schema).map(code_type).unwrap_or_default();
    match (text("type"), text("format")) {
        ("array", _) => format!("[]{}", below()),
        ("object", _) => format!("map[string]{}", below()),
        ("boolean", _) => "bool".to_owned(),
        ("integer", "int64") => "int64".to_owned(),
        ("integer", _) => "int32".to_owned(),
        ("number", _) => "float64".to_owned(),
        ("string", "byte") => "[]uint8".to_owned(),
        ("string", _) => "string".to_owned(),
        _ => "int32".to_owned(),
    }
}

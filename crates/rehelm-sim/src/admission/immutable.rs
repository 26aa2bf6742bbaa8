//! Fields that never change: a table.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::refusal::Cause;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    field: String,
    named: Option<String>,
    forbidden: Option<String>,
    invalid: Option<String>,
    go: Option<Vec<String>>,
}

static TABLE: LazyLock<BTreeMap<String, Vec<Row>>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../tables/immutable.yaml")).expect("the table is well formed")
});

/// What an update changes that may not change.
pub(super) fn check(id: &str, object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    for row in TABLE.get(id).into_iter().flatten() {
        let pointer = format!("/{}", row.field.replace('.', "/"));
        let (new, before) = (object.pointer(&pointer), old.pointer(&pointer));
        if same(new, before) {
            continue;
        }
        let field = row.named.as_deref().unwrap_or(&row.field);
        if let Some(why) = &row.forbidden {
            causes.push(Cause::forbidden(field, why));
            continue;
        }
        let value = new.cloned().unwrap_or_default();
        let value = row
            .go
            .as_ref()
            .map_or_else(|| super::godump::sorted(&value), |names| capital(&value, names));
        let why = row.invalid.as_deref().unwrap_or("field is immutable");
        causes.push(Cause::invalid(field, &value, why));
    }
}

/// Absent, null and empty are the same.
fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    let empty = |value: Option<&Value>| match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        _ => false,
    };
    a == b || (empty(a) && empty(b))
}

/// A structure with the server's own names of fields.
fn capital(value: &Value, names: &[String]) -> Value {
    let mut map = Map::new();
    for name in names {
        let own = value
            .as_object()
            .into_iter()
            .flatten()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        map.insert(name.clone(), own.map_or_else(|| "".into(), |(_, value)| value.clone()));
    }
    Value::Object(map)
}

//! Strategic merge patches: like merge patches, but lists are joined by the merge keys of the schema, and directives
//! in the patch say what else is to be done.
//!
//! `$patch: replace | delete` on mappings and items, `$retainKeys`, `$setElementOrder/LIST`, `$deleteFromPrimitiveList/LIST`.

mod lists;

use serde_json::{Map, Value};

use super::wording;
use crate::refusal::Refusal;
use crate::schema::Schema;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const DELETE: &str = "$deleteFromPrimitiveList/";

/// Applies a patch to an object.
///
/// # Errors
/// Directives that make no sense, in the server's words.
pub(crate) fn patched(schema: Option<&Schema>, object: &Value, patch: &Value) -> Result<Value, Refusal> {
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err(Refusal::bad_request(format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            wording::json_name(patch)
        )));
    };
    merge_maps(schema, object.clone(), patch.clone()).map(Value::Object)
}

type Mapping = Map<String, Value>;

/// What the schema says of a field: its own schema, its items' merge key, whether lists are joined, mappings replaced.
struct Field {
    schema: Option<Schema>,
    key: Option<String>,
    joins: bool,
    replaces: bool,
}

impl Field {
    fn of(parent: Option<&Schema>, name: &str) -> Self {
        let schema = parent.and_then(|parent| parent.field(name));
        let says = |strategy: &str| {
            schema
                .as_ref()
                .is_some_and(|schema| schema.has_patch_strategy(strategy))
        };
        Self {
            key: schema.as_ref().and_then(|schema| schema.merge_key().map(str::to_owned)),
            joins: says("merge"),
            replaces: says("replace"),
            schema,
        }
    }

    fn items(&self) -> Option<Schema> {
        self.schema.as_ref().and_then(Schema::items)
    }
}

fn merge_maps(schema: Option<&Schema>, mut object: Mapping, mut patch: Mapping) -> Result<Mapping, Refusal> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.shift_remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(unknown_directive(directive, &patch)),
        };
    }
    retain_keys(&mut object, &mut patch)?;
    set_orders(schema, &mut object, &mut patch)?;
    for (key, value) in patch {
        let (name, deletes) = match key.strip_prefix(DELETE) {
            Some(name) => (name, true),
            None => (key.as_str(), false),
        };
        if value.is_null() {
            object.shift_remove(name);
            continue;
        }
        match (object.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let field = Field::of(schema, name);
                *old = if field.replaces {
                    new
                } else {
                    merge_maps(field.schema.as_ref(), std::mem::take(old), new)?
                };
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let field = Field::of(schema, name);
                *old = if field.joins || deletes {
                    lists::merged(&field, std::mem::take(old), new, deletes)?
                } else {
                    new
                };
            }
            (_, _) if deletes => {}
            (_, mut value) => {
                drop_nulls(&mut value);
                match undirected(value) {
                    Some(value) => object.insert(name.to_owned(), value),
                    None => object.shift_remove(name),
                };
            }
        }
    }
    Ok(object)
}

fn unknown_directive(directive: &Value, patch: &Mapping) -> Refusal {
    let (directive, map) = (wording::plain(directive), wording::plain(&Value::Object(patch.clone())));
    Refusal::unexplained(format!("unknown patch type: {directive} in map: {map}"))
}

/// `$retainKeys`: only these keys stay, and the patch may have no others.
fn retain_keys(object: &mut Mapping, patch: &mut Mapping) -> Result<(), Refusal> {
    let Some(keys) = patch.shift_remove(RETAIN) else {
        return Ok(());
    };
    let malformed = || Refusal::bad_request("invalid patch format of retainKeys");
    let keys = keys.as_array().ok_or_else(malformed)?;
    let retained = |key: &str| keys.iter().any(|kept| kept == key);
    for (key, value) in patch.iter() {
        let directive = key.starts_with(DELETE) || key.starts_with(ORDER);
        if !directive && !value.is_null() && !retained(key) {
            return Err(malformed());
        }
    }
    object.retain(|key, _| retained(key));
    Ok(())
}

/// `$setElementOrder/…`: joins the list that it names, and orders it.
fn set_orders(schema: Option<&Schema>, object: &mut Mapping, patch: &mut Mapping) -> Result<(), Refusal> {
    let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(ORDER)).cloned().collect();
    for directive in directives {
        let name = directive.trim_start_matches(ORDER).to_owned();
        let order = match patch.shift_remove(&directive) {
            Some(Value::Array(order)) => order,
            other => {
                let kind = other.as_ref().map_or("nil", wording::json_name);
                return Err(Refusal::unexplained(format!(
                    "expected a []interface {{}}, but received a {kind}"
                )));
            }
        };
        let field = Field::of(schema, &name);
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let (old, new) = (list(object.get(&name)), list(patch.get(&name)));
        if let Some(new) = &new {
            lists::check_order(new, &order, field.key.as_deref())?;
        }
        let joined = match (&old, new) {
            (None, None) => continue,
            (Some(old), None) => old.clone(),
            (None, Some(new)) => new.into_iter().filter_map(undirected).collect(),
            (Some(old), Some(new)) if field.joins => lists::merged(&field, old.clone(), new, false)?,
            (Some(_), Some(new)) => new,
        };
        let ordered = lists::ordered(joined, &order, &old.unwrap_or_default(), field.key.as_deref());
        object.insert(name.clone(), Value::Array(ordered));
        patch.shift_remove(&name);
    }
    Ok(())
}

/// A value of a patch that becomes part of the object: items and mappings with directives go.
fn undirected(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let left = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, undirected(value)?)));
            Some(Value::Object(left.collect()))
        }
        Value::Array(list) => Some(Value::Array(list.into_iter().filter_map(undirected).collect())),
        other => Some(other),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

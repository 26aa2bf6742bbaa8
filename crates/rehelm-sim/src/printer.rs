//! Tables: the columns that `kubectl get` shows, with the cells that the API server fills in.
//!
//! Which columns a kind has is data ([`columns`]); what cannot be said as a path has a function of its own.

mod age;
mod columns;
mod custom;
mod network;
mod others;
mod pods;
mod storage;
mod workloads;

use serde_json::{Value, json};

use crate::accept::Include;
use crate::kinds::Kind;
use crate::meta;
use crate::shape;
use crate::timeline::Time;

/// How a cell is read from an object; paths are JSON pointers.
#[derive(Clone, Copy)]
enum Cell {
    /// Text, and what stands for none.
    Text(&'static str, &'static str),
    /// A number; 0 when absent.
    Int(&'static str),
    /// A truth value; the second is what it is when absent.
    Bool(&'static str, bool),
    /// How many entries a list or mapping has.
    Count(&'static str),
    /// Labels as `a=b,c=d`.
    Labels(&'static str),
    /// A label selector.
    Selector(&'static str),
    /// This field of each container, with the path of the pod's spec.
    Containers(&'static str, &'static str),
    /// How long ago that was.
    Since(&'static str),
    Own(fn(&Value, Time) -> Value),
}

/// One column of a built-in kind.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    cell: Cell,
    /// Shown with `-o wide` only.
    wide: bool,
    /// The type that the server names, where it is not that of the cell.
    named: &'static str,
}

impl Column {
    const fn new(name: &'static str, cell: Cell) -> Self {
        Self {
            name,
            cell,
            wide: false,
            named: "",
        }
    }

    const fn named(self, named: &'static str) -> Self {
        Self { named, ..self }
    }

    const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    fn type_name(&self) -> &'static str {
        match self.cell {
            _ if !self.named.is_empty() => self.named,
            Cell::Int(_) | Cell::Count(_) => "integer",
            Cell::Bool(..) => "boolean",
            Cell::Text("/metadata/creationTimestamp", _) => "date",
            _ => "string",
        }
    }
}

/// A column's definition, as the API has it.
fn definition(name: &str, type_name: &str, format: &str, wide: bool) -> Value {
    json!({"name": name, "type": type_name, "format": format, "description": "", "priority": i32::from(wide)})
}

/// Definitions of a kind's columns.
pub(crate) fn definitions(kind: &Kind) -> Vec<Value> {
    if kind.crd.is_some() {
        return custom::definitions(kind);
    }
    let columns = columns::of(&kind.id).iter();
    let each = columns.map(|column| {
        let format = if matches!(column.name, "Name" | "Attacher") {
            "name"
        } else {
            ""
        };
        definition(column.name, column.type_name(), format, column.wide)
    });
    each.collect()
}

/// Cells of an object.
pub(crate) fn cells(kind: &Kind, object: &Value, now: Time) -> Vec<Value> {
    if kind.crd.is_some() {
        return custom::cells(kind, object, now);
    }
    let columns = columns::of(&kind.id).iter();
    columns.map(|column| cell(column.cell, object, now)).collect()
}

fn cell(cell: Cell, object: &Value, now: Time) -> Value {
    match cell {
        Cell::Text(path, none) => Some(text(object, path))
            .filter(|text| !text.is_empty())
            .unwrap_or(none)
            .into(),
        Cell::Int(path) => int(object, path).into(),
        Cell::Bool(path, none) => object.pointer(path).and_then(Value::as_bool).unwrap_or(none).into(),
        Cell::Count(path) => match object.pointer(path) {
            Some(Value::Array(list)) => list.len().into(),
            Some(Value::Object(map)) => map.len().into(),
            _ => 0.into(),
        },
        Cell::Labels(path) => or_none(labels(object.pointer(path))).into(),
        Cell::Selector(path) => or_none(selector(object.pointer(path))).into(),
        Cell::Containers(path, field) => {
            let each = list(object, &format!("{path}/containers")).iter();
            each.map(|container| text(container, field))
                .collect::<Vec<_>>()
                .join(",")
                .into()
        }
        Cell::Since(path) => age::since(text(object, path), now).into(),
        Cell::Own(make) => make(object, now),
    }
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn int(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let list = object.pointer(path).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// A scalar as text; empty for none.
fn plain(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

/// `a=b,c=d`, in the order of keys.
fn labels(map: Option<&Value>) -> String {
    let map = map.and_then(Value::as_object);
    let mut pairs: Vec<String> = map
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", plain(Some(value))))
        .collect();
    pairs.sort();
    pairs.join(",")
}

/// A label selector as people write it.
fn selector(of: Option<&Value>) -> String {
    let Some(of) = of else { return String::new() };
    let mut parts: Vec<(String, String)> = Vec::new();
    if let Some(map) = of.get("matchLabels").and_then(Value::as_object) {
        let pairs = map.iter();
        parts.extend(pairs.map(|(key, value)| (key.clone(), format!("{key}={}", plain(Some(value))))));
    }
    for expression in list(of, "/matchExpressions") {
        let key = text(expression, "/key");
        let mut values: Vec<&str> = list(expression, "/values").iter().filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let shown = match text(expression, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        parts.push((key.to_owned(), shown));
    }
    parts.sort();
    let shown: Vec<String> = parts.into_iter().map(|(_, shown)| shown).collect();
    shown.join(",")
}

/// A Table of objects; `version` is that of `meta.k8s.io`.
pub(crate) fn table(
    kind: &Kind,
    objects: &[Value],
    version: &str,
    include: Include,
    now: Time,
    list_meta: Value,
) -> Value {
    let row = |object: &Value| {
        let shown = match include {
            Include::Nothing => Value::Null,
            Include::Metadata => shape::partial(object, version),
            Include::Object => object.clone(),
        };
        let mut row = json!({"cells": cells(kind, object, now)});
        if let Some(condition) = pods::condition(kind, object) {
            row["conditions"] = json!([condition]);
        }
        row["object"] = shown;
        row
    };
    let mut list_meta = list_meta;
    if list_meta.is_null() {
        list_meta = json!({});
    }
    json!({
        "kind": "Table",
        "apiVersion": version,
        "metadata": list_meta,
        "columnDefinitions": definitions(kind),
        "rows": if objects.is_empty() { Value::Null } else { objects.iter().map(row).collect() },
    })
}

/// The name of an object, for cells that add something to it.
fn name(object: &Value) -> &str {
    meta::name(object)
}

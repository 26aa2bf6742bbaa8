//! Tables: the columns that `kubectl get` shows.

use serde_json::{Value, json};

use crate::accept::Include;
use crate::kinds::Kind;
use crate::meta;
use crate::shape;
use crate::timeline::Time;

/// Names of the columns of a kind.
pub(crate) fn columns(_kind: &Kind) -> Vec<&'static str> {
    vec!["Name", "Created At"]
}

/// A Table of objects.
pub(crate) fn table(
    kind: &Kind,
    objects: &[Value],
    version: &str,
    include: Include,
    _now: Time,
    list_meta: Value,
) -> Value {
    let columns: Vec<Value> = columns(kind)
        .iter()
        .map(|name| json!({"name": name, "type": "string", "format": if *name == "Name" { "name" } else { "" }, "description": "", "priority": 0}))
        .collect();
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let shown = match include {
                Include::Nothing => Value::Null,
                Include::Metadata => shape::partial(object, version),
                Include::Object => object.clone(),
            };
            json!({"cells": [meta::name(object), meta::text(object, "creationTimestamp")], "object": shown})
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": version,
        "metadata": list_meta,
        "columnDefinitions": columns,
        "rows": rows,
    })
}

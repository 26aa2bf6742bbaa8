//! Answers in the form that the client wants: objects, Tables, metadata only; JSON or YAML.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use crate::accept::{Shape, Wanted};
use crate::kinds::Kind;
use crate::meta;
use crate::printer;
use crate::service::{self, AnswerBody};
use crate::timeline::Time;

/// One object.
pub(crate) fn object(kind: &Kind, value: Value, wanted: &Wanted, now: Time) -> Value {
    match wanted.shape {
        Shape::Table(version) => {
            let list_meta = json!({"resourceVersion": meta::resource_version(&value)});
            printer::table(kind, &[value], version, wanted.include, now, list_meta)
        }
        Shape::Partial(version) => partial(&value, version),
        Shape::Own => value,
    }
}

/// A list: `items` in full, its metadata beside.
pub(crate) fn list(kind: &Kind, mut value: Value, wanted: &Wanted, now: Time) -> Value {
    let mut take = |key: &str| value.get_mut(key).map(Value::take).unwrap_or_default();
    match wanted.shape {
        Shape::Own => own(kind, value),
        Shape::Table(version) => {
            let (items, list_meta) = (take("items"), take("metadata"));
            let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
            printer::table(kind, items, version, wanted.include, now, list_meta)
        }
        Shape::Partial(version) => {
            let items = take("items");
            let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
            let items: Vec<Value> = items.iter().map(|item| partial(item, version)).collect();
            json!({
                "kind": "PartialObjectMetadataList",
                "apiVersion": version,
                "metadata": take("metadata"),
                "items": items,
            })
        }
    }
}

fn own(kind: &Kind, mut list: Value) -> Value {
    head(kind, &mut list);
    let items = list.get_mut("items").and_then(Value::as_array_mut);
    for each in items.into_iter().flatten() {
        item(kind, each);
    }
    list
}

/// Lists of custom resources always have a `continue`.
pub(crate) fn head(kind: &Kind, list: &mut Value) {
    if kind.crd.is_some() && list["metadata"].get("continue").is_none() {
        list["metadata"]["continue"] = "".into();
    }
}

/// Items of built-in kinds do not say again what the list says.
pub(crate) fn item(kind: &Kind, item: &mut Value) {
    if kind.crd.is_none()
        && let Some(item) = item.as_object_mut()
    {
        item.shift_remove("kind");
        item.shift_remove("apiVersion");
    }
}

/// Kind and metadata of an object.
pub(crate) fn partial(object: &Value, version: &str) -> Value {
    let meta = object.get("metadata").cloned().unwrap_or_else(|| json!({}));
    json!({"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": meta})
}

/// As bytes of an answer.
pub(crate) fn encoded(code: u16, value: &Value, yaml: bool, pretty: bool) -> Response<AnswerBody> {
    if yaml && let Ok(text) = serde_saphyr::to_string(value) {
        return service::whole(code, "application/yaml", text.into());
    }
    if pretty {
        let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
        bytes.push(b'\n');
        return service::whole(code, "application/json", Bytes::from(bytes));
    }
    service::json(code, value)
}

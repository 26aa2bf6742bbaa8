//! `scale`: replicas of any workload, in one form.

use serde_json::{Map, Value, json};

use super::text;
use crate::kinds::{Kind, ScalePaths};
use crate::meta;
use crate::refusal::{Cause, Refusal};
use crate::route::{Answer, Call};
use crate::verbs::existing;
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    let named = if verb == "update" {
        meta::name(&call.asked.object()?).to_owned()
    } else {
        String::new()
    };
    if !named.is_empty() && named != call.path.name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({named}) does not match the name on the URL ({})",
            call.path.name
        )));
    }
    let old = existing(world, call)?;
    let paths = paths(&call.kind);
    let before = scale_of(&old, &paths, call.kind.crd.is_some());
    let wanted = match verb {
        "get" => return Ok(Answer::Object(200, before)),
        "update" => {
            let body = call.asked.object()?;
            if text(&body, "/kind") != "Scale" {
                return Err(Refusal::bad_request(format!(
                    "expected input object type to be Scale, but {}",
                    text(&body, "/kind")
                )));
            }
            body
        }
        _ => patched(call, &before)?,
    };
    let replicas = match wanted.pointer("/spec/replicas") {
        None | Some(Value::Null) => 0,
        Some(value) => value
            .as_i64()
            .ok_or_else(|| Refusal::bad_request(format!("spec.replicas is no whole number: {value}")))?,
    };
    let name = &call.path.name;
    if replicas < 0 {
        let why = "must be greater than or equal to 0";
        let cause = Cause::invalid("spec.replicas", &replicas.into(), why);
        return Err(Refusal::invalid("Scale.autoscaling", name, &[cause]));
    }
    let uid = meta::uid(&wanted);
    if !uid.is_empty() && uid != meta::uid(&old) {
        let own = meta::uid(&old);
        let (plural, namespace) = (&call.kind.facts.plural, meta::namespace(&old));
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{plural}/{namespace}/{name}, ResourceVersion: 0, \
             AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {own}"
        );
        return Err(Refusal::conflict(&call.kind.id, name, &why));
    }
    let version = meta::resource_version(&wanted);
    if !version.is_empty() && version != meta::resource_version(&old) {
        return Err(Refusal::outdated(&call.kind.id, name));
    }
    let mut object = (*old).clone();
    set(&mut object, &paths.spec, replicas.into());
    let writer = Writer::new(&call.asked.manager(&call.query), "scale");
    let stored = world.replace(&call.kind, &old, object, &writer, call.query.dry_run())?;
    Ok(Answer::Object(200, scale_of(&stored, &paths, call.kind.crd.is_some())))
}

fn paths(kind: &Kind) -> ScalePaths {
    kind.scale.clone().unwrap_or_else(|| ScalePaths {
        spec: ".spec.replicas".to_owned(),
        status: ".status.replicas".to_owned(),
        selector: String::new(),
    })
}

fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn set(object: &mut Value, path: &str, value: Value) {
    let parts: Vec<&str> = path.split('.').filter(|part| !part.is_empty()).collect();
    let Some((last, parents)) = parts.split_last() else {
        return;
    };
    let mut at = object;
    for part in parents {
        if at.get(part).is_none_or(|child| !child.is_object())
            && let Some(map) = at.as_object_mut()
        {
            map.insert((*part).to_owned(), Value::Object(Map::new()));
        }
        let Some(child) = at.get_mut(part) else { return };
        at = child;
    }
    if let Some(map) = at.as_object_mut() {
        map.insert((*last).to_owned(), value);
    }
}

/// The object as `autoscaling/v1` Scale.
fn scale_of(object: &Value, paths: &ScalePaths, custom: bool) -> Value {
    let number = |path: &str| object.pointer(&pointer(path)).and_then(Value::as_i64).unwrap_or(0);
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = meta::get(object, field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut spec = Map::new();
    let replicas = number(&paths.spec);
    if replicas != 0 {
        spec.insert("replicas".to_owned(), replicas.into());
    }
    let mut status = Map::new();
    status.insert("replicas".to_owned(), number(&paths.status).into());
    let selector = if custom {
        text(object, &pointer(&paths.selector)).to_owned()
    } else {
        selector_text(object.pointer("/spec/selector").unwrap_or(&Value::Null))
    };
    if !selector.is_empty() {
        status.insert("selector".to_owned(), selector.into());
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status})
}

/// A selector as text: requirements in the order of their keys.
fn selector_text(selector: &Value) -> String {
    let structured = selector.get("matchLabels").is_some() || selector.get("matchExpressions").is_some();
    let labels = if structured {
        selector.get("matchLabels")
    } else {
        Some(selector)
    };
    let mut parts: Vec<(String, String)> = Vec::new();
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        parts.push((key.clone(), format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for one in expressions.into_iter().flatten() {
        let key = text(one, "/key");
        let values = one.get("values").and_then(Value::as_array).into_iter().flatten();
        let mut values: Vec<&str> = values.filter_map(Value::as_str).collect();
        values.sort_unstable();
        let values = values.join(",");
        let part = match text(one, "/operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        };
        parts.push((key.to_owned(), part));
    }
    parts.sort();
    let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
    parts.join(",")
}

/// Scale has no lists: strategic merge and apply are the same as merge.
fn patched(call: &Call<'_>, scale: &Value) -> Result<Value, Refusal> {
    let body = call.asked.object()?;
    let mut result = scale.clone();
    if call.asked.media() == "application/json-patch+json" {
        let patch: json_patch::Patch = serde_json::from_value(body).map_err(|e| Refusal::bad_request(e.to_string()))?;
        json_patch::patch(&mut result, &patch).map_err(|error| {
            let message = format!("the server rejected our request due to an error in our request: {error}");
            let mut refusal = Refusal::bad_request(message);
            (refusal.code, refusal.reason) = (422, "Invalid");
            refusal
        })?;
    } else {
        json_patch::merge(&mut result, &body);
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_written_in_the_order_of_their_keys() {
        let selector = json!({
            "matchLabels": {"b": "2", "a": "1"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["y", "x"]},
                {"key": "0", "operator": "DoesNotExist"},
            ],
        });
        assert_eq!(selector_text(&selector), "!0,a=1,b=2,c in (x,y)");
        assert_eq!(selector_text(&json!({"app": "web"})), "app=web");
    }
}

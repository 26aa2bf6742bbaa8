//! `delete` and `deletecollection`.

use serde_json::{Value, json};

use super::select::Selector;
use super::{existing, shown};
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{DeleteOptions, World};

pub(super) fn one(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let options = options(call)?;
    let old = existing(world, call)?;
    let (object, gone) = world.delete(&call.kind, &old, &options)?;
    if gone && !answers_with_object(&call.kind.id) {
        let mut details = json!({"name": call.path.name, "kind": call.kind.facts.plural, "uid": meta::uid(&object)});
        if !call.path.group.is_empty() {
            details["group"] = call.path.group.clone().into();
        }
        return Ok(Answer::Object(200, success(&details)));
    }
    Ok(Answer::Object(200, shown(call, &object)))
}

pub(super) fn all(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let options = options(call)?;
    let selector = Selector::of(call)?;
    let namespace = Some(call.path.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let found: Vec<_> = world.list(&call.kind.id, namespace);
    let found: Vec<_> = found.into_iter().filter(|object| selector.matches(object)).collect();
    for object in &found {
        world.delete(&call.kind, object, &options)?;
    }
    let items: Vec<Value> = found.iter().map(|object| shown(call, object)).collect();
    Ok(Answer::List(json!({
        "kind": format!("{}List", call.kind.facts.kind),
        "apiVersion": call.kind.api_version(),
        "metadata": {"resourceVersion": world.store.version().to_string()},
        "items": items,
    })))
}

/// Kinds whose deletion is answered with the object rather than with a Status.
fn answers_with_object(id: &str) -> bool {
    matches!(
        id,
        "pods"
            | "services"
            | "persistentvolumes"
            | "persistentvolumeclaims"
            | "serviceaccounts"
            | "podtemplates"
            | "resourcequotas"
    )
}

fn success(details: &Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn options(call: &Call<'_>) -> Result<DeleteOptions, Refusal> {
    let body = call.asked.object()?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let dry = body.get("dryRun").and_then(Value::as_array);
    let dry_run = call.query.dry_run() || dry.is_some_and(|all| all.iter().any(|v| v == "All"));
    let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
    let orphan =
        body.get("orphanDependents").and_then(Value::as_bool).unwrap_or(false) || call.query.flag("orphanDependents");
    Ok(DeleteOptions {
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        propagation: text("/propagationPolicy")
            .or_else(|| call.query.get("propagationPolicy").map(str::to_owned))
            .or_else(|| orphan.then(|| "Orphan".to_owned())),
        grace_seconds: grace.or_else(|| {
            call.query
                .get("gracePeriodSeconds")
                .and_then(|grace| grace.parse().ok())
        }),
        dry_run,
    })
}

//! `delete` and `deletecollection`.

use serde_json::{Value, json};

use super::select::Selector;
use super::{existing, shown};
use crate::meta;
use crate::refusal::{Cause, Refusal};
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
        "kind": call.kind.list_kind(),
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
            | "namespaces"
            | "persistentvolumes"
            | "persistentvolumeclaims"
            | "serviceaccounts"
            | "podtemplates"
            | "resourcequotas"
            | "storageclasses.storage.k8s.io"
            | "csidrivers.storage.k8s.io"
            | "csinodes.storage.k8s.io"
            | "volumeattachments.storage.k8s.io"
            | "volumeattributesclasses.storage.k8s.io"
            | "deviceclasses.resource.k8s.io"
            | "resourceclaims.resource.k8s.io"
            | "resourceclaimtemplates.resource.k8s.io"
            | "resourceslices.resource.k8s.io"
    )
}

fn success(details: &Value) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// `metav1.DeleteOptions` from the body and the query.
fn options(call: &Call<'_>) -> Result<DeleteOptions, Refusal> {
    read(call, &call.asked.object()?)
}

/// `metav1.DeleteOptions` from an object that holds them, and from the query.
pub(super) fn read(call: &Call<'_>, body: &Value) -> Result<DeleteOptions, Refusal> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let dry = body.get("dryRun").and_then(Value::as_array);
    let dry_run = call.query.dry_run() || dry.is_some_and(|all| all.iter().any(|v| v == "All"));
    let grace = body.get("gracePeriodSeconds").and_then(Value::as_i64);
    let orphans = body.get("orphanDependents").and_then(Value::as_bool).or_else(|| {
        let given = call.query.get("orphanDependents").is_some();
        given.then(|| call.query.flag("orphanDependents"))
    });
    let propagation = text("/propagationPolicy").or_else(|| call.query.get("propagationPolicy").map(str::to_owned));
    valid_propagation(propagation.as_deref(), orphans)?;
    let by_orphans = orphans.map(|orphans| if orphans { "Orphan" } else { "Background" });
    Ok(DeleteOptions {
        uid: text("/preconditions/uid"),
        resource_version: text("/preconditions/resourceVersion"),
        propagation: propagation.or_else(|| by_orphans.map(str::to_owned)),
        grace_seconds: grace.or_else(|| {
            call.query
                .get("gracePeriodSeconds")
                .and_then(|grace| grace.parse().ok())
        }),
        dry_run,
    })
}

fn valid_propagation(propagation: Option<&str>, orphans: Option<bool>) -> Result<(), Refusal> {
    let Some(policy) = propagation else { return Ok(()) };
    let mut causes = Vec::new();
    if orphans.is_some() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid("propagationPolicy", &policy.into(), why));
    }
    let known = ["Foreground", "Background", "Orphan", "nil"];
    if !known[..3].contains(&policy) {
        causes.push(Cause::not_supported("propagationPolicy", &policy.into(), &known));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid("DeleteOptions.meta.k8s.io", "", &causes))
}

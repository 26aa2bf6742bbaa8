//! What the API server does to an object between the request and the store.
//!
//! The order is the server's: what decoding adds (defaults, quantities in their canonical form), what admission plugins
//! change, what the kind's own strategy changes, then validation, then quota. One file per topic; facts that are mere
//! lists (which kinds have a generation, which fields never change) are tables.

mod claims;
mod config;
mod custom;
mod generation;
mod godump;
mod immutable;
mod ingress;
mod limits;
mod look;
mod metadata;
mod names;
mod namespace;
mod network;
mod pods;
pub(crate) mod quota;
mod rbac;
mod scaling;
mod secrets;
mod service;
mod status;
mod storage;
mod template;
mod workload;

pub(crate) mod defaults;

use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;
use crate::world::{World, Writer};

use look::Causes;
pub(crate) use service::Ledger;

/// What decoding does: drops unknown fields, fills in defaults. Whoever wrote the object owns these fields.
pub(crate) fn decode(world: &World, kind: &Kind, object: &mut Value) {
    let id: &str = &kind.id;
    defaults::prune(kind, object);
    secrets::join_string_data(id, object);
    defaults::apply(world, kind, object);
}

/// Fills in what nobody owns: generation, finalizers of protection, storage class, addresses of Services.
pub(crate) fn mutate(
    world: &mut World,
    kind: &Kind,
    object: &mut Value,
    old: Option<&Arc<Value>>,
    writer: &Writer,
    dry_run: bool,
) -> Result<(), Refusal> {
    let id: &str = &kind.id;
    let old = old.map(|old| &**old);
    namespace::must_take(world, kind, object, old)?;
    match id {
        "pods" => pods::mutate(world, object, old)?,
        "persistentvolumeclaims" | "persistentvolumes" => storage::mutate(world, id, object, old),
        "ingresses.networking.k8s.io" if old.is_none() => ingress::set_default_class(world, object),
        "namespaces" => namespace::mutate(object, old, writer),
        "jobs.batch" if old.is_none() => defaults::own_pods(object),
        "services" => service::mutate(world, object, old, dry_run)?,
        _ => {}
    }
    if old.is_none() {
        status::begin(world.now(), kind, object);
    }
    generation::mutate(world.options.minor, kind, object, old, &writer.subresource);
    Ok(())
}

/// Refuses what the server refuses: invalid fields, changes of immutable ones. `subresource` is empty for the object itself.
pub(crate) fn validate(
    world: &World,
    kind: &Kind,
    object: &Value,
    old: Option<&Arc<Value>>,
    subresource: &str,
) -> Result<(), Refusal> {
    let old = old.map(|old| &**old);
    let mut causes = Causes::default();
    match old {
        None => metadata::check(kind, object, &mut causes.0),
        Some(old) => metadata::check_update(kind, object, old, &mut causes.0),
    }
    // Of a status only its own fields count, and those are the controllers' affair.
    if subresource != "status" {
        check(kind, object, old, &mut causes);
    } else if &*kind.id == "services" {
        network::service_status(object, &mut causes);
    }
    if !causes.0.is_empty() {
        return Err(Refusal::invalid(&kind.qualified(), meta::name(object), &causes.0));
    }
    match (&*kind.id, old) {
        ("pods" | "persistentvolumeclaims", None) => limits::check(world, &kind.id, object),
        ("persistentvolumeclaims", Some(old)) => storage::may_grow(world, object, old),
        _ => Ok(()),
    }
}

fn check(kind: &Kind, object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let id: &str = &kind.id;
    if let Some(old) = old {
        immutable::check(id, object, old, &mut causes.0);
    }
    match id {
        "pods" => pods::check(object, old, causes),
        "persistentvolumeclaims" => claims::claim(object, old, causes),
        "persistentvolumes" => claims::volume(object, old, causes),
        "storageclasses.storage.k8s.io" => claims::class(object, causes),
        "secrets" => config::secret(object, old, causes),
        "configmaps" => config::config_map(object, old, causes),
        "services" => network::service(object, old, causes),
        "ingresses.networking.k8s.io" => network::ingress(object, old, causes),
        "networkpolicies.networking.k8s.io" => network::policy(object, causes),
        "roles.rbac.authorization.k8s.io" => rbac::role(object, true, causes),
        "clusterroles.rbac.authorization.k8s.io" => rbac::role(object, false, causes),
        "rolebindings.rbac.authorization.k8s.io" => rbac::binding(object, true, causes),
        "clusterrolebindings.rbac.authorization.k8s.io" => rbac::binding(object, false, causes),
        "horizontalpodautoscalers.autoscaling" => scaling::autoscaler(object, causes),
        "poddisruptionbudgets.policy" => scaling::budget(object, causes),
        "customresourcedefinitions.apiextensions.k8s.io" => custom::definition(object, causes),
        _ if kind.crd.is_some() => custom::check(kind, object, causes),
        _ => {
            workload::check(id, object, old, causes);
        }
    }
}

/// Takes what an object needs of the cluster and that others cannot have then: quota.
pub(crate) fn reserve(
    world: &mut World,
    kind: &Kind,
    object: &mut Value,
    old: Option<&Arc<Value>>,
    dry_run: bool,
) -> Result<(), Refusal> {
    if !kind.facts.namespaced {
        return Ok(());
    }
    quota::charge(world, kind, object, old.map(|old| &**old), dry_run)
}

/// True when a `metav1.LabelSelector` selects these labels; one without requirements selects everything.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let value = |key: &str| labels.get(key).and_then(Value::as_str);
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    let same = wanted
        .into_iter()
        .flatten()
        .all(|(key, wanted)| value(key) == wanted.as_str());
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    same && expressions.into_iter().flatten().all(|one| {
        let text = |field: &str| one.get(field).and_then(Value::as_str).unwrap_or_default();
        let own = value(text("key"));
        let values = one.get("values").and_then(Value::as_array);
        let listed = own.is_some_and(|own| values.is_some_and(|all| all.iter().any(|one| one == own)));
        match text("operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => false,
        }
    })
}

//! What the API server does to an object between the request and the store.
//!
//! The order is the server's: what decoding adds (defaults, quantities in their canonical form), what admission plugins
//! change, what the kind's own strategy changes, then validation, then quota. One file per topic; facts that are mere
//! lists (which kinds have a generation, which fields never change) are tables.

mod batch;
mod generation;
mod ingress;
mod limits;
mod namespace;
mod pods;
mod quantities;
mod secrets;
mod service;
mod status;
mod storage;

pub(crate) mod defaults;

use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::refusal::Refusal;
use crate::world::{World, Writer};

pub(crate) use service::Ledger;

/// What decoding does: drops unknown fields, fills in defaults. Whoever wrote the object owns these fields.
pub(crate) fn decode(world: &World, kind: &Kind, object: &mut Value) {
    let id: &str = &kind.id;
    defaults::prune(kind, object);
    secrets::join_string_data(id, object);
    defaults::apply(world, kind, object);
    quantities::canonical(id, object);
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
        "jobs.batch" if old.is_none() => batch::select_own_pods(object),
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
    _world: &World,
    _kind: &Kind,
    _object: &Value,
    _old: Option<&Arc<Value>>,
    _subresource: &str,
) -> Result<(), Refusal> {
    Ok(())
}

/// Takes what an object needs of the cluster and that others cannot have then: quota.
pub(crate) fn reserve(
    _world: &mut World,
    _kind: &Kind,
    _object: &mut Value,
    _old: Option<&Arc<Value>>,
    _dry_run: bool,
) -> Result<(), Refusal> {
    Ok(())
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

//! What the API server does to an object between the request and the store.

pub(crate) mod defaults;

use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::refusal::Refusal;
use crate::world::World;

/// Fills in what the server fills in: defaults, generation, finalizers of protection, storage class.
pub(crate) fn mutate(
    _world: &mut World,
    _kind: &Kind,
    _object: &mut Value,
    _old: Option<&Arc<Value>>,
    _dry_run: bool,
) -> Result<(), Refusal> {
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

/// Takes what an object needs of the cluster and that others cannot have then: quota, cluster IPs, node ports.
pub(crate) fn reserve(
    _world: &mut World,
    _kind: &Kind,
    _object: &mut Value,
    _old: Option<&Arc<Value>>,
    _dry_run: bool,
) -> Result<(), Refusal> {
    Ok(())
}

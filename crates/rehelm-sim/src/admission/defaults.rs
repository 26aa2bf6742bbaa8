//! Fields that the API server adds by itself, and those that it drops.
//!
//! A built-in object goes through the server's own types: what they do not know is gone, empty fields are left out or
//! written as the type says, defaults are filled in. Most of that is tables (`tables/shapes.json`, `tables/defaults.json`,
//! the schemas' own defaults); what depends on other fields is code, in `by_type` and `by_kind`. Custom resources follow
//! the structural schema of their CRD.

mod by_kind;
mod by_type;
mod custom;
mod pod;
mod shape;

pub(crate) use by_kind::own_pods;

use serde_json::Value;

use crate::kinds::Kind;
use crate::world::World;

/// Adds what the server adds to an object of its own accord, and writes it as the server would. Safe to repeat.
pub(crate) fn apply(_world: &World, kind: &Kind, object: &mut Value) {
    let Some(schema) = &kind.schema else { return };
    if kind.crd.is_some() {
        custom::add_defaults(schema, object);
        return;
    }
    by_kind::before(kind, object);
    shape::write(schema, object);
    by_kind::after(kind, object);
}

/// Drops the fields that the kind does not know.
pub(crate) fn prune(kind: &Kind, object: &mut Value) {
    let Some(schema) = &kind.schema else { return };
    custom::prune(schema, object);
}

#[cfg(test)]
mod tests;

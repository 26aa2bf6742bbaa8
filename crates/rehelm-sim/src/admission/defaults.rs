//! Fields that the API server adds by itself, and those that it drops.

use serde_json::Value;

use crate::kinds::Kind;
use crate::world::World;

/// Adds what the server adds to an object of its own accord.
pub(crate) fn apply(_world: &World, _kind: &Kind, _object: &mut Value) {}

/// Drops the fields that the kind does not know.
pub(crate) fn prune(_kind: &Kind, _object: &mut Value) {}

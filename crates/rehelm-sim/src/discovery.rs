//! `/api`, `/apis`, `/version`: what is served, in the old form and the aggregated one.

use serde_json::{Value, json};

use crate::world::World;

/// `/version`.
pub(crate) fn version(world: &World) -> Value {
    let minor = world.options.minor;
    let git = world
        .options
        .git_version
        .clone()
        .unwrap_or_else(|| format!("v1.{minor}.0"));
    json!({"major": "1", "minor": minor.to_string(), "gitVersion": git, "platform": "linux/amd64"})
}

/// The answer of a discovery path; None when it is none. `aggregated` is what the client accepts.
pub(crate) fn answer(_world: &World, _path: &str, _aggregated: bool) -> Option<Value> {
    None
}

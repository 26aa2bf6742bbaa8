//! The verbs of the API, one file each.

mod body;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod review;
mod select;
mod subresource;
mod update;
pub(crate) mod warnings;
pub(crate) mod watch;

use serde_json::Value;

use crate::convert;
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

/// Carries out a verb on a resource.
pub(crate) fn carry_out(world: &mut World, verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    if verb == "create" && review::is_review(&call.kind) {
        return review::run(world, call);
    }
    if verb == "create" && &*call.kind.id == "bindings" {
        return subresource::bind(world, call);
    }
    if !matches!(call.path.subresource.as_str(), "" | "status") {
        return subresource::run(world, verb, call);
    }
    if call.path.subresource.is_empty() && !call.kind.facts.verbs.iter().any(|known| known == verb) {
        return Err(Refusal::method_not_allowed());
    }
    let on_collection = call.path.name.is_empty();
    if on_collection && matches!(verb, "update" | "patch") || !on_collection && verb == "create" {
        return Err(Refusal::method_not_allowed());
    }
    match verb {
        "get" => get::run(world, call),
        "list" => list::run(world, call),
        "watch" => watch::begin(world, call),
        "create" => create::run(world, call),
        "update" => update::run(world, call),
        "patch" => patch::run(world, call),
        "delete" => delete::one(world, call),
        "deletecollection" => delete::all(world, call),
        _ => Err(Refusal::method_not_allowed()),
    }
}

/// An object as the call's version of its kind shows it.
fn shown(call: &Call<'_>, object: &Value) -> Value {
    convert::to_version(&call.kind, object.clone())
}

/// The object that the path names.
fn existing(world: &World, call: &Call<'_>) -> Result<std::sync::Arc<Value>, Refusal> {
    let found = world.get(&call.kind.id, &call.path.namespace, &call.path.name);
    found.ok_or_else(|| Refusal::not_found(&call.kind.id, &call.path.name))
}

/// Checks that an object belongs into the path's namespace, puts it there, and into the store's version.
fn placed(call: &Call<'_>, mut object: Value) -> Result<Value, Refusal> {
    let namespace = meta::namespace(&object);
    if call.path.namespace.is_empty() {
        meta::unset(&mut object, "namespace");
        return Ok(convert::to_stored(&call.kind, object));
    }
    if !namespace.is_empty() && namespace != call.path.namespace {
        return Err(Refusal::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    meta::set(&mut object, "namespace", call.path.namespace.clone().into());
    Ok(convert::to_stored(&call.kind, object))
}

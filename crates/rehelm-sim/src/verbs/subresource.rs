//! Subresources other than `status`, one file each.

mod binding;
mod ephemeral;
mod eviction;
mod finalize;
mod log;
mod scale;
mod stream;
mod token;

use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(world: &mut World, verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id: &str = &call.kind.id;
    match (id, call.path.subresource.as_str(), verb) {
        ("pods", "eviction", "create") => eviction::run(world, call),
        ("pods", "binding", "create") => binding::run(world, call, &call.path.name),
        ("pods", "ephemeralcontainers", "get" | "update" | "patch") => ephemeral::run(world, verb, call),
        ("pods", "log", "get") => log::run(world, call),
        ("pods", "exec" | "portforward", "get" | "create") => stream::run(world, verb, call),
        ("pods", "exec" | "attach" | "portforward" | "proxy", _) => Err(log::no_containers(call)),
        ("namespaces", "finalize", "update") => finalize::run(world, call),
        ("serviceaccounts", "token", "create") => token::run(world, call),
        (_, "scale", "get" | "update" | "patch") if call.kind.has_subresource("scale") => scale::run(world, verb, call),
        (_, sub, _) if call.kind.has_subresource(sub) => Err(Refusal::method_not_allowed()),
        _ => Err(Refusal::no_route()),
    }
}

/// `POST …/bindings`: the pod is named by the body.
pub(super) fn bind(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let body = call.asked.object()?;
    let name = crate::meta::name(&body).to_owned();
    binding::run(world, call, &name)
}

/// The answer of subresources that only do something.
fn done() -> Answer {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Answer::Object(201, status)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

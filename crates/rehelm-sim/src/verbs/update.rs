//! `update`: the whole object, or its status.

use std::sync::Arc;

use serde_json::Value;

use super::{existing, placed, shown};
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let object = placed(call, call.asked.object()?)?;
    if meta::name(&object) != call.path.name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            meta::name(&object),
            call.path.name
        )));
    }
    let old = existing(world, call)?;
    let stored = write(world, call, &old, object, true)?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

/// Writes a changed version of an object; uid and resourceVersion in it are preconditions.
pub(super) fn write(
    world: &mut World,
    call: &Call<'_>,
    old: &Arc<Value>,
    object: Value,
    tracks: bool,
) -> Result<Arc<Value>, Refusal> {
    let (id, name) = (&call.kind.id, &call.path.name);
    let uid = meta::uid(&object);
    if !uid.is_empty() && uid != meta::uid(old) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            meta::uid(old)
        );
        return Err(Refusal::conflict(id, name, &why));
    }
    let version = meta::resource_version(&object);
    if !version.is_empty() && version != meta::resource_version(old) {
        return Err(Refusal::outdated(id, name));
    }
    let object = merged_status(call, old, object);
    let writer = Writer {
        manager: call.asked.manager(&call.query),
        subresource: call.path.subresource.clone(),
        tracks,
    };
    world.replace(&call.kind, old, object, &writer, call.query.dry_run())
}

/// The status subresource writes status only; the object itself keeps the status that it had.
fn merged_status(call: &Call<'_>, old: &Value, object: Value) -> Value {
    if !call.kind.has_subresource("status") {
        return object;
    }
    let (mut base, from) = if call.path.subresource == "status" {
        (old.clone(), &object)
    } else {
        (object.clone(), old)
    };
    let Some(map) = base.as_object_mut() else { return base };
    match from.get("status") {
        Some(status) => map.insert("status".to_owned(), status.clone()),
        None => map.shift_remove("status"),
    };
    base
}

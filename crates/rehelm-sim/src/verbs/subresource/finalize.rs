//! `namespaces/finalize`: the only way to change the finalizers of a namespace's spec.

use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::verbs::{existing, placed, shown};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut object = placed(call, call.asked.object()?)?;
    let old = existing(world, call)?;
    let version = meta::resource_version(&object);
    if !version.is_empty() && version != meta::resource_version(&old) {
        return Err(Refusal::outdated("namespaces", &call.path.name));
    }
    if let Some(map) = object.as_object_mut() {
        match old.get("status") {
            Some(status) => map.insert("status".to_owned(), status.clone()),
            None => map.shift_remove("status"),
        };
    }
    let writer = Writer::new(&call.asked.manager(&call.query), "finalize");
    let stored = world.replace(&call.kind, &old, object, &writer, call.query.dry_run())?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

//! `create`.

use super::{body, placed, shown};
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let strictness = body::strictness(call, "CreateOptions")?;
    let object = placed(call, body::object(world, call, strictness)?)?;
    let writer = Writer::new(&call.asked.manager(&call.query), "");
    if !meta::resource_version(&object).is_empty() && !call.query.dry_run() {
        // Found out last, when the object would be stored.
        world.insert(&call.kind, object, &writer, true)?;
        return Err(Refusal::unexplained(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    let created = world.insert(&call.kind, object, &writer, call.query.dry_run())?;
    super::warnings::of_new(call, &created);
    Ok(Answer::Object(201, shown(call, &created)))
}

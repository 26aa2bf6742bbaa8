//! `create`.

use super::{placed, shown};
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let object = placed(call, call.asked.object()?)?;
    let writer = Writer::new(&call.asked.manager(&call.query), "");
    let created = world.insert(&call.kind, object, &writer, call.query.dry_run())?;
    Ok(Answer::Object(201, shown(call, &created)))
}

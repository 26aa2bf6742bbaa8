//! `get`.

use super::{existing, shown};
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    super::list::known_version(world, &call.query)?;
    let object = existing(world, call)?;
    Ok(Answer::Object(200, shown(call, &object)))
}

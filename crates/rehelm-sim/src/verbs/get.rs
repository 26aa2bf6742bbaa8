//! `get`.

use super::existing;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    super::list::known_version(world, &call.query)?;
    existing(world, call).map(Answer::Stored)
}

//! Reviews: created, answered, never stored.

use crate::kinds::Kind;
use crate::rbac;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn is_review(kind: &Kind) -> bool {
    matches!(
        kind.facts.group.as_str(),
        "authorization.k8s.io" | "authentication.k8s.io"
    )
}

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let review = call.asked.object()?;
    Ok(Answer::Object(201, rbac::review(world, &call.asked.identity, review)))
}

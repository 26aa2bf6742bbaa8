//! Subresources other than `status`: `scale`, `eviction`, `binding`, `log`, `finalize`.

use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(_world: &mut World, _verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    if call.kind.has_subresource(&call.path.subresource) {
        return Err(Refusal::method_not_allowed());
    }
    Err(Refusal::no_route())
}

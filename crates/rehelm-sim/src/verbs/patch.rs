//! `patch`: all four kinds.

use super::{existing, shown, update};
use crate::patch::{self, PatchType};
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let patch_type = match call.asked.media() {
        "application/json-patch+json" => PatchType::Json,
        "application/merge-patch+json" => PatchType::Merge,
        "application/strategic-merge-patch+json" => PatchType::Strategic,
        "application/apply-patch+yaml" => PatchType::Apply,
        _ => {
            return Err(Refusal::unsupported_media(&[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ]));
        }
    };
    let old = existing(world, call)?;
    let object = patch::patched(&call.kind, patch_type, &old, &call.asked.object()?)?;
    let stored = update::write(world, call, &old, object, patch_type != PatchType::Apply)?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

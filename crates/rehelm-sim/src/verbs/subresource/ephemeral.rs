//! `pods/ephemeralcontainers`: containers for debugging are added to a pod that runs.

use crate::meta;
use crate::patch::{self, PatchType};
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::verbs::{existing, placed, shown};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, verb: &str, call: &Call<'_>) -> Result<Answer, Refusal> {
    let old = existing(world, call)?;
    if verb == "get" {
        return Ok(Answer::Object(200, shown(call, &old)));
    }
    let given = if verb == "patch" {
        let kind = match call.asked.media() {
            "application/json-patch+json" => PatchType::Json,
            "application/merge-patch+json" => PatchType::Merge,
            _ => PatchType::Strategic,
        };
        patch::patched(&call.kind, kind, &old, &call.asked.object()?)?
    } else {
        placed(call, call.asked.object()?)?
    };
    let version = meta::resource_version(&given);
    if !version.is_empty() && version != meta::resource_version(&old) {
        return Err(Refusal::outdated("pods", &call.path.name));
    }
    // Nothing else of the pod changes this way.
    let mut pod = (*old).clone();
    if let Some(containers) = given.pointer("/spec/ephemeralContainers") {
        meta::child_map(&mut pod, "spec").insert("ephemeralContainers".to_owned(), containers.clone());
    }
    let writer = Writer::new(&call.asked.manager(&call.query), "ephemeralcontainers");
    let stored = world.replace(&call.kind, &old, pod, &writer, call.query.dry_run())?;
    Ok(Answer::Object(200, shown(call, &stored)))
}

//! Reviews: created, answered, never stored.

use crate::kinds::Kind;
use crate::meta;
use crate::patch::managed;
use crate::rbac;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

pub(super) fn is_review(kind: &Kind) -> bool {
    matches!(
        kind.facts.group.as_str(),
        "authorization.k8s.io" | "authentication.k8s.io"
    )
}

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let mut review = call.asked.object()?;
    if !review.is_object() {
        review = serde_json::json!({"metadata": {}});
    }
    review["apiVersion"] = call.kind.api_version().into();
    review["kind"] = call.kind.facts.kind.clone().into();
    if !call.path.namespace.is_empty() {
        meta::set(&mut review, "namespace", call.path.namespace.clone().into());
    }
    if review.get("metadata").is_none_or(|given| !given.is_object()) {
        review["metadata"] = serde_json::json!({});
    }
    let mut answered = rbac::review(world, &call.asked.identity, &call.kind, review)?;
    match call.kind.facts.kind.as_str() {
        "SelfSubjectReview" => meta::set(&mut answered, "creationTimestamp", world.now().rfc3339().into()),
        "SelfSubjectRulesReview" => {}
        _ => {
            let status = answered["status"].take();
            let manager = call.asked.manager(&call.query);
            let writer = Writer::new(&manager, "");
            if let Some(map) = answered.as_object_mut() {
                map.shift_remove("status");
            }
            managed::track(&call.kind, None, &mut answered, None, &writer, world.now());
            answered["status"] = status;
        }
    }
    Ok(Answer::Object(201, answered))
}

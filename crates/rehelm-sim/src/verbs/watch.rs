//! `watch`: changes as they come.

use std::sync::Arc;

use http::Response;

use super::select::Selector;
use crate::kinds::Kind;
use crate::refusal::Refusal;
use crate::route::{Answer, Asked, Call};
use crate::service::{self, AnswerBody};
use crate::sim::Shared;
use crate::world::World;

/// A watch that was asked for.
pub(crate) struct Watch {
    pub selector: Selector,
    /// Changes after this resourceVersion.
    pub after: u64,
}

pub(super) fn begin(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let after = call
        .query
        .get("resourceVersion")
        .and_then(|version| version.parse().ok());
    Ok(Answer::Watch(Watch {
        selector: Selector::of(call)?,
        after: after.unwrap_or_else(|| world.store.version()),
    }))
}

pub(crate) fn respond(
    _shared: &Arc<Shared>,
    watch: Watch,
    _kind: Option<Arc<Kind>>,
    _asked: Asked,
) -> Response<AnswerBody> {
    let _ = (watch.selector, watch.after);
    service::json(500, &serde_json::json!({}))
}

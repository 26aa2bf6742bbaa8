//! Reads that lag behind: an answer as it was some changes ago.
//!
//! The tap keeps nothing of the past itself. The simulator's watch from an older version gives the changes since, and
//! taking them back from a fresh answer gives the old one.

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use rehelm_sim::{AnswerBody, Sim};

use crate::call::Call;
use crate::tap::BoxError;

/// The answer to a get or list as it was `versions` changes of the cluster ago, where the server still knows.
pub async fn answer(
    sim: &Sim,
    call: &Call,
    fresh: Response<AnswerBody>,
    versions: usize,
) -> Result<Response<AnswerBody>, BoxError> {
    let Some(old) = sim.stale(&call.resource, &call.namespace, versions) else {
        return Ok(fresh);
    };
    let (head, body) = fresh.into_parts();
    let bytes = body.collect().await?.to_bytes();
    let mut value: serde_json::Value = serde_json::from_slice(&bytes)?;
    if call.verb == "get" {
        let then = old
            .iter()
            .find(|object| object["metadata"]["name"] == call.name.as_str());
        match then {
            Some(object) => value = (**object).clone(),
            None => return Ok(crate::answer::refusal(404, "NotFound", "not found", call)),
        }
    } else if let Some(items) = value.get_mut("items") {
        let fresh: std::collections::BTreeSet<String> = items
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item["metadata"]["uid"].as_str().map(str::to_owned))
            .collect();
        // Selectors were applied by the server: what was there then and is not any more is left out.
        let kept = old.iter().filter(|object| {
            object["metadata"]["uid"]
                .as_str()
                .is_some_and(|uid| fresh.contains(uid))
        });
        *items = kept.map(|object| (**object).clone()).collect();
    }
    Ok(Response::from_parts(
        head,
        Full::new(Bytes::from(value.to_string())).boxed_unsync(),
    ))
}

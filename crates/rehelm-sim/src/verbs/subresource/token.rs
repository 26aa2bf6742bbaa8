//! `serviceaccounts/token`: a token that no one else will accept.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::verbs::existing;
use crate::world::World;

/// Seconds that a token lasts when the request does not say.
const HOUR: i64 = 3600;

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let account = existing(world, call)?;
    let mut review = call.asked.object()?;
    let (namespace, name) = (meta::namespace(&account), meta::name(&account));
    let seconds = review
        .pointer("/spec/expirationSeconds")
        .and_then(Value::as_i64)
        .unwrap_or(HOUR);
    let end = world
        .now()
        .after(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)));
    let part = |value: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"sub": format!("system:serviceaccount:{namespace}:{name}"), "exp": end.0 / 1_000_000_000});
    let token = format!("{}.{}.simulated", part(&json!({"alg": "none"})), part(&claims));
    meta::set(&mut review, "name", name.into());
    meta::set(&mut review, "namespace", namespace.into());
    meta::set(&mut review, "creationTimestamp", world.now().rfc3339().into());
    meta::child_map(&mut review, "spec")
        .entry("expirationSeconds")
        .or_insert_with(|| seconds.into());
    if let Some(map) = review.as_object_mut() {
        map.insert(
            "status".to_owned(),
            json!({"token": token, "expirationTimestamp": end.rfc3339()}),
        );
    }
    Ok(Answer::Object(201, review))
}

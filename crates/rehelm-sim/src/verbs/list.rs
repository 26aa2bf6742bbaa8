//! `list`: selectors, pages.

use serde_json::{Value, json};

use super::select::Selector;
use super::shown;
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let selector = Selector::of(call)?;
    let namespace = Some(call.path.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let objects = world.list(&call.kind.id, namespace);
    let mut found = objects.iter().filter(|object| selector.matches(object));
    let limit = call
        .query
        .get("limit")
        .and_then(|limit| limit.parse::<usize>().ok())
        .unwrap_or(0);
    let mut meta = json!({"resourceVersion": world.store.version().to_string()});
    let items: Vec<Value> = if limit == 0 && call.query.get("continue").is_none() {
        found.map(|object| shown(call, object)).collect()
    } else {
        let after = call.query.get("continue").map(decode).transpose()?;
        let rest: Vec<_> = found
            .by_ref()
            .filter(|object| after.as_deref().is_none_or(|after| place(object).as_str() > after))
            .collect();
        let limit = if limit == 0 { rest.len() } else { limit };
        if rest.len() > limit
            && let Some(last) = rest.get(limit - 1)
        {
            meta["continue"] = encode(&place(last)).into();
            meta["remainingItemCount"] = (rest.len() - limit).into();
        }
        rest.into_iter().take(limit).map(|object| shown(call, object)).collect()
    };
    Ok(Answer::List(json!({
        "kind": format!("{}List", call.kind.facts.kind),
        "apiVersion": call.kind.api_version(),
        "metadata": meta,
        "items": items,
    })))
}

fn place(object: &Value) -> String {
    format!("{}\u{0}{}", meta::namespace(object), meta::name(object))
}

fn encode(place: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(place)
}

fn decode(token: &str) -> Result<String, Refusal> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refusal::bad_request("continue key is not valid"))
}

//! `list`: selectors, pages, versions of the past.

mod page;
mod version;

use std::sync::Arc;

use serde_json::{Value, json};

use super::select::Selector;
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::World;

use page::Page;
pub(super) use version::not_newer as known_version;

pub(super) fn run(world: &World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let selector = Selector::of(call)?;
    let page = Page::of(call)?;
    let at = version::wanted(world, call, &page)?;
    let namespace = Some(call.path.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let objects = match world.store.list_at(&call.kind.id, namespace, at) {
        Some(objects) => objects,
        None => return Err(page.expired()),
    };
    let start = page.start.as_deref();
    let found: Vec<&Arc<Value>> = objects
        .iter()
        .filter(|object| start.is_none_or(|start| place(call, object).as_str() >= start))
        .filter(|object| selector.matches(object))
        .collect();
    let mut meta = json!({"resourceVersion": at.to_string()});
    let shown_now = page.limit.map_or(found.len(), |limit| limit.min(found.len()));
    if let Some(last) = shown_now.checked_sub(1).filter(|_| shown_now < found.len()) {
        meta["continue"] = page::token(at, &format!("{}\u{0}", place(call, found[last]))).into();
        // How many of those that are left a selector takes is not known without looking at them all.
        if selector.is_empty() {
            meta["remainingItemCount"] = (found.len() - shown_now).into();
        }
    }
    let items: Vec<Arc<Value>> = found[..shown_now].iter().map(|object| (*object).clone()).collect();
    let head = json!({
        "kind": call.kind.list_kind(),
        "apiVersion": call.kind.api_version(),
        "metadata": meta,
    });
    Ok(Answer::StoredList(head, items))
}

/// Where an object is in a list: `namespace/name`, or `name` within one namespace.
fn place(call: &Call<'_>, object: &Value) -> String {
    match meta::namespace(object) {
        namespace if !namespace.is_empty() && call.path.namespace.is_empty() => {
            format!("{namespace}/{}", meta::name(object))
        }
        _ => meta::name(object).to_owned(),
    }
}

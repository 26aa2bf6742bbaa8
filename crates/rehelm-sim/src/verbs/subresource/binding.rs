//! `pods/binding`: a scheduler gives a pod its node.

use serde_json::{Map, Value, json};

use super::{done, text};
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::world::{World, Writer};

pub(super) fn run(world: &mut World, call: &Call<'_>, name: &str) -> Result<Answer, Refusal> {
    let binding = call.asked.object()?;
    if !meta::name(&binding).is_empty() && meta::name(&binding) != name {
        return Err(Refusal::bad_request(
            "name in URL does not match name in Binding object",
        ));
    }
    let node = text(&binding, "/target/name");
    if node.is_empty() {
        return Err(Refusal::internal("target.name: Required value"));
    }
    let old = world
        .get("pods", &call.path.namespace, name)
        .ok_or_else(|| Refusal::not_found("pods", name))?;
    let refused = |why: String| Err(Refusal::conflict("pods/binding", name, &why));
    let uid = meta::uid(&binding);
    if !uid.is_empty() && uid != meta::uid(&old) {
        let own = meta::uid(&old);
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {own}");
        return Err(Refusal::conflict("pods", name, &why));
    }
    if meta::is_terminating(&old) {
        return refused(format!("pod {name} is being deleted, cannot be assigned to a host"));
    }
    let bound = text(&old, "/spec/nodeName");
    if !bound.is_empty() {
        return refused(format!("pod {name} is already assigned to node \"{bound}\""));
    }
    let mut pod = (*old).clone();
    meta::child_map(&mut pod, "spec").insert("nodeName".to_owned(), node.into());
    for (key, value) in meta::get(&binding, "annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        meta::set_annotation(&mut pod, key, value.as_str().unwrap_or_default());
    }
    scheduled(&mut pod, &world.now().rfc3339());
    let kind = world.kind("pods")?;
    let writer = Writer::new(&call.asked.manager(&call.query), "binding");
    world.replace(&kind, &old, pod, &writer, call.query.dry_run())?;
    Ok(done())
}

/// Sets the condition `PodScheduled` to true.
fn scheduled(pod: &mut Value, now: &str) {
    let status = meta::child_map(pod, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = conditions.as_array_mut() else { return };
    let found = list.iter_mut().find(|one| text(one, "/type") == "PodScheduled");
    if let Some(found) = found {
        if text(found, "/status") != "True"
            && let Some(map) = found.as_object_mut()
        {
            *map = Map::new();
            fill(map, now);
        }
    } else {
        let mut map = Map::new();
        fill(&mut map, now);
        list.push(Value::Object(map));
    }
}

fn fill(map: &mut Map<String, Value>, now: &str) {
    for (key, value) in [
        ("type", Value::from("PodScheduled")),
        ("status", "True".into()),
        ("lastProbeTime", Value::Null),
        ("lastTransitionTime", now.into()),
    ] {
        map.insert(key.to_owned(), value);
    }
}

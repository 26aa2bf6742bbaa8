//! `pods/binding`: a scheduler gives a pod its node.

use serde_json::Value;

use super::{done, text};
use crate::controllers::scheduler;
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
    for (key, value) in meta::get(&binding, "annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        meta::set_annotation(&mut pod, key, value.as_str().unwrap_or_default());
    }
    scheduler::assign(world, &mut pod, node);
    let kind = world.kind("pods")?;
    let writer = Writer::new(&call.asked.manager(&call.query), "binding");
    world.replace(&kind, &old, pod, &writer, call.query.dry_run())?;
    Ok(done())
}

//! `pods/eviction`: a deletion that a PodDisruptionBudget may refuse.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{done, text};
use crate::meta;
use crate::refusal::Refusal;
use crate::route::{Answer, Call};
use crate::verbs::{delete, existing};
use crate::world::{CONTROLLERS, DeleteOptions, World, Writer};

const BUDGETS: &str = "poddisruptionbudgets.policy";

pub(super) fn run(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let eviction = call.asked.object()?;
    if !meta::name(&eviction).is_empty() && meta::name(&eviction) != call.path.name {
        return Err(Refusal::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let options = delete::read(call, eviction.get("deleteOptions").unwrap_or(&Value::Null))?;
    let pod = existing(world, call)?;
    let phase = text(&pod, "/status/phase");
    let counts = !matches!(phase, "Succeeded" | "Failed" | "Pending") && !meta::is_terminating(&pod);
    if counts && let Some(budget) = budget(world, &pod)? {
        let healthy = number(&budget, "currentHealthy") >= number(&budget, "desiredHealthy");
        let always = text(&budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow";
        let free = !is_ready(&pod) && (always || (healthy && number(&budget, "desiredHealthy") > 0));
        if !free {
            take_from(world, &budget, meta::name(&pod), options.dry_run)?;
        }
    }
    end(world, call, &pod, &options)?;
    Ok(done())
}

fn number(budget: &Value, field: &str) -> i64 {
    let status = budget.get("status").and_then(|status| status.get(field));
    status.and_then(Value::as_i64).unwrap_or(0)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let mut all = conditions.into_iter().flatten();
    all.any(|one| text(one, "/type") == "Ready" && text(one, "/status") == "True")
}

/// The budget that covers a pod; more than one is refused.
fn budget(world: &World, pod: &Value) -> Result<Option<Arc<Value>>, Refusal> {
    let labels = meta::get(pod, "labels").cloned().unwrap_or_else(|| json!({}));
    let budgets = world.list(BUDGETS, Some(meta::namespace(pod)));
    let mut found = budgets.into_iter().filter(|budget| {
        let selector = budget.pointer("/spec/selector").filter(|selector| !selector.is_null());
        selector.is_some_and(|selector| crate::admission::selects(selector, &labels))
    });
    let first = found.next();
    if found.next().is_some() {
        let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
        let mut refusal = Refusal::internal(why);
        (refusal.reason, refusal.details) = ("", None);
        return Err(refusal);
    }
    Ok(first)
}

fn refused(message: String, seconds: i64) -> Refusal {
    let mut refusal = Refusal::too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.");
    let mut details = json!({"causes": [{"reason": "DisruptionBudget", "message": message}]});
    if seconds > 0 {
        details["retryAfterSeconds"] = seconds.into();
    }
    refusal.details = Some(details);
    refusal
}

/// Takes one disruption from a budget that allows any, and notes for its controller which pod it is.
fn take_from(world: &mut World, budget: &Value, pod: &str, dry_run: bool) -> Result<(), Refusal> {
    let name = meta::name(budget);
    let generation = meta::get(budget, "generation").and_then(Value::as_i64).unwrap_or(0);
    if number(budget, "observedGeneration") < generation {
        let message = format!("The disruption budget {name} is still being processed by the server.");
        return Err(refused(message, 10));
    }
    if number(budget, "disruptionsAllowed") == 0 {
        let (wanted, there) = (number(budget, "desiredHealthy"), number(budget, "currentHealthy"));
        let message = if there <= wanted {
            format!("The disruption budget {name} needs {wanted} healthy pods and has {there} currently")
        } else {
            format!("The disruption budget {name} does not allow evicting pods currently")
        };
        return Err(refused(message, 0));
    }
    if dry_run {
        return Ok(());
    }
    let now = world.now().rfc3339();
    world.modify(BUDGETS, meta::namespace(budget), name, |budget| {
        let left = number(budget, "disruptionsAllowed") - 1;
        let status = meta::child_map(budget, "status");
        status.insert("disruptionsAllowed".to_owned(), left.into());
        let noted = status.entry("disruptedPods").or_insert_with(|| json!({}));
        if let Some(noted) = noted.as_object_mut() {
            noted.insert(pod.to_owned(), now.into());
        }
    })?;
    Ok(())
}

/// Says on the pod why it goes, and deletes it.
fn end(world: &mut World, call: &Call<'_>, pod: &Arc<Value>, options: &DeleteOptions) -> Result<(), Refusal> {
    if options.dry_run {
        return world.delete(&call.kind, pod, options).map(|_| ());
    }
    let mut noted = (**pod).clone();
    let now = world.now().rfc3339();
    let conditions = meta::child_map(&mut noted, "status")
        .entry("conditions")
        .or_insert_with(|| json!([]));
    if let Some(list) = conditions.as_array_mut() {
        list.retain(|one| text(one, "/type") != "DisruptionTarget");
        list.push(json!({
            "type": "DisruptionTarget",
            "status": "True",
            "lastProbeTime": null,
            "lastTransitionTime": now,
            "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting",
        }));
    }
    let writer = Writer::new(CONTROLLERS, "status");
    let stored = world.replace(&call.kind, pod, noted, &writer, false)?;
    world.delete(&call.kind, &stored, options).map(|_| ())
}

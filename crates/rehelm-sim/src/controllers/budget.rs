//! PodDisruptionBudgets: how many of their pods may be evicted now. Rules: kubernetes `pkg/controller/disruption` of 1.35;
//! the scale of custom resources is not asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::read::{self, Condition};
use super::{Controller, pods, selector};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const BUDGETS: &str = "poddisruptionbudgets.policy";

/// The controller.
pub(crate) struct Budgets;

impl Controller for Budgets {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let object = &change.object;
        let keys: Vec<String> = match &*change.resource {
            BUDGETS if change.kind != ChangeKind::Deleted => vec![meta::key(object)],
            "pods" => {
                let all = world.list(BUDGETS, Some(meta::namespace(object)));
                let own = all
                    .iter()
                    .filter(|budget| selector::selects(budget.pointer("/spec/selector"), object));
                own.map(|budget| meta::key(budget)).collect()
            }
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let budget = world.get(BUDGETS, namespace, name)?;
        let wanted = budget.pointer("/spec/selector").cloned();
        let mut own = world.list("pods", Some(namespace));
        own.retain(|pod| selector::selects(wanted.as_ref(), pod) && !pods::has_ended(pod));
        let healthy = own
            .iter()
            .filter(|pod| pods::is_ready(pod) && !meta::is_terminating(pod))
            .count();
        let healthy = read::count(healthy);
        let (expected, desired) = demand(world, &budget, &own);
        let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
        let now = world.now();
        let writer = Writer::new(CONTROLLERS, "status");
        let written = world.modify_as(BUDGETS, namespace, name, &writer, |object| {
            let generation = read::int(object, "/metadata/generation");
            meta::child_map(object, "status");
            let status = &mut object["status"];
            for (field, count) in [
                ("currentHealthy", healthy),
                ("desiredHealthy", desired),
                ("disruptionsAllowed", allowed),
                ("expectedPods", expected),
            ] {
                status[field] = count.into();
            }
            read::set_count(status, "observedGeneration", generation);
            forget_evicted(status, &own);
            let (state, reason) = if allowed > 0 {
                ("True", "SufficientPods")
            } else {
                ("False", "InsufficientPods")
            };
            let condition = Condition {
                kind: "DisruptionAllowed",
                status: state,
                reason,
                message: "",
            };
            read::set_condition(status, condition, now);
            if let Some(condition) = status["conditions"].as_array_mut().and_then(|all| all.last_mut()) {
                condition["observedGeneration"] = json!(generation);
            }
        });
        if let Err(refusal) = written {
            tracing::debug!(
                name,
                message = refusal.message,
                "a budget's status could not be written"
            );
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let all = world.list(BUDGETS, None);
        all.iter().map(|budget| meta::key(budget)).collect()
    }
}

/// Pods that were evicted are noted until they are seen to go.
fn forget_evicted(status: &mut Value, own: &[Arc<Value>]) {
    let Some(noted) = status.get_mut("disruptedPods").and_then(Value::as_object_mut) else {
        return;
    };
    noted.retain(|name, _| {
        own.iter()
            .any(|pod| meta::name(pod) == name && !meta::is_terminating(pod))
    });
    if noted.is_empty()
        && let Some(status) = status.as_object_mut()
    {
        status.shift_remove("disruptedPods");
    }
}

/// How many pods there should be, and how many of them healthy.
fn demand(world: &World, budget: &Value, own: &[Arc<Value>]) -> (i64, i64) {
    let least = budget.pointer("/spec/minAvailable").filter(|v| !v.is_null());
    let most = budget.pointer("/spec/maxUnavailable").filter(|v| !v.is_null());
    if let Some(least) = least.and_then(Value::as_i64) {
        return (read::count(own.len()), least);
    }
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    for pod in own {
        if let Some((uid, scale)) = scale(world, pod) {
            scales.insert(uid, scale);
        }
    }
    let expected = scales.values().sum();
    let desired = match (least, most) {
        (Some(least), _) => read::scaled(Some(least), expected, true),
        (None, most) => (expected - read::scaled(most, expected, true)).max(0),
    };
    (expected, desired)
}

/// The workload at the top of a pod, and its size.
fn scale(world: &World, pod: &Value) -> Option<(String, i64)> {
    let mut object = pod;
    let mut owner;
    let mut found = None;
    // Pod, ReplicaSet, Deployment.
    for _ in 0..2 {
        let Some(reference) = meta::controller(object) else {
            break;
        };
        let here = world.store.index().of_uid(reference["uid"].as_str()?)?;
        owner = world.get(&here.resource, &here.place.namespace, &here.place.name)?;
        found = owner
            .pointer("/spec/replicas")
            .and_then(Value::as_i64)
            .map(|size| (meta::uid(&owner).to_owned(), size));
        object = &owner;
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;

    #[test]
    fn a_budget_counts_its_pods() {
        let lab = Lab::new();
        lab.workload("Deployment", "dep", json!({"replicas": 4}));
        let selector = json!({"matchLabels": {"app": "dep"}});
        for (name, rule) in [
            ("min", json!({"selector": selector, "minAvailable": 2})),
            ("max", json!({"selector": selector, "maxUnavailable": "25%"})),
        ] {
            lab.create(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": rule}));
        }
        lab.rest();
        let status = |name| lab.get("poddisruptionbudgets.policy", name)["status"].clone();
        let counts = |name| {
            let status = status(name);
            ["expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed"]
                .map(|field| status[field].as_i64())
        };
        assert_eq!(counts("min"), [Some(4), Some(4), Some(2), Some(2)]);
        assert_eq!(counts("max"), [Some(4), Some(4), Some(3), Some(1)]);
        assert_eq!(status("min")["conditions"][0]["reason"], "SufficientPods");
        lab.change("deployments.apps", "dep", |d| d["spec"]["replicas"] = 2.into());
        lab.rest();
        assert_eq!(counts("min"), [Some(2), Some(2), Some(2), Some(0)]);
        assert_eq!(status("min")["conditions"][0]["reason"], "InsufficientPods");
    }
}

//! Pods as the workload controllers see them.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::read;
use crate::meta;
use crate::refusal::Refusal;
use crate::timeline::Time;
use crate::world::World;

pub(crate) fn phase(pod: &Value) -> &str {
    read::text(pod, "/status/phase")
}

/// Has ended, for good or bad.
pub(crate) fn has_ended(pod: &Value) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Counts for its controller: neither ended nor being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !has_ended(pod) && !meta::is_terminating(pod)
}

pub(crate) fn is_ready(pod: &Value) -> bool {
    read::has_condition(pod, "Ready")
}

/// Ready since at least so long. The second value is how long it takes until then.
pub(crate) fn is_available(pod: &Value, min_ready_seconds: i64, now: Time) -> Result<(), Option<Duration>> {
    if !is_ready(pod) {
        return Err(None);
    }
    let span = Duration::from_secs(u64::try_from(min_ready_seconds).unwrap_or(0));
    if span.is_zero() {
        return Ok(());
    }
    let ready = read::condition(pod, "Ready").unwrap_or(&Value::Null);
    let left = read::left(read::text(ready, "/lastTransitionTime"), span, now);
    if left.is_zero() { Ok(()) } else { Err(Some(left)) }
}

/// How many are ready, how many of them long enough, and when the next one becomes that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub ready: i64,
    pub available: i64,
    pub again: Option<Duration>,
}

pub(crate) fn tally<'a>(pods: impl Iterator<Item = &'a Arc<Value>>, min_ready_seconds: i64, now: Time) -> Tally {
    let mut tally = Tally::default();
    for pod in pods {
        match is_available(pod, min_ready_seconds, now) {
            Ok(()) => {
                tally.ready += 1;
                tally.available += 1;
            }
            Err(Some(left)) => {
                tally.ready += 1;
                tally.again = Some(tally.again.map_or(left, |again| again.min(left)));
            }
            Err(None) => {}
        }
    }
    tally
}

/// An owner reference with `controller: true`.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta::name(owner),
        "uid": meta::uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// A pod from a template, owned by a workload; it has no name yet.
pub(crate) fn from_template(owner: &Value, template: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = meta::get(template, field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    metadata.insert("namespace".to_owned(), meta::namespace(owner).into());
    metadata.insert("ownerReferences".to_owned(), json!([controller_reference(owner)]));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
        "status": {"phase": "Pending"},
    })
}

/// Name prefix of the pods of a workload: what is too long for a name is cut by the server's generator.
pub(crate) fn generate_name(owner: &Value) -> String {
    format!("{}-", meta::name(owner))
}

/// Creates a pod under a generated name.
pub(crate) fn create(world: &mut World, mut pod: Value, prefix: &str) -> Result<Arc<Value>, Refusal> {
    meta::set(&mut pod, "generateName", prefix.into());
    world.create("pods", pod)
}

/// Puts pods that are to be deleted first in front (kubernetes `ActivePodsWithRanks`): those without a node, in earlier
/// phases, not ready, with a lower deletion cost, on fuller nodes, ready for a shorter time, restarted more often, newer.
pub(crate) fn sort_for_deletion(pods: &mut [Arc<Value>], related: &[Arc<Value>]) {
    let node = |pod: &Value| read::text(pod, "/spec/nodeName").to_owned();
    let rank = |pod: &Value| related.iter().filter(|other| node(other) == node(pod)).count();
    let cost = |pod: &Value| -> i64 {
        let cost = meta::annotation(pod, "controller.kubernetes.io/pod-deletion-cost");
        cost.and_then(|cost| cost.parse().ok()).unwrap_or(0)
    };
    let stage = |pod: &Value| match phase(pod) {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    };
    let since = |pod: &Value| {
        let ready = read::condition(pod, "Ready").filter(|c| c["status"] == "True");
        ready.map(|c| read::text(c, "/lastTransitionTime").to_owned())
    };
    let restarts = |pod: &Value| -> i64 {
        let all = read::list(pod, "/status/containerStatuses").iter();
        all.map(|c| read::int(c, "/restartCount")).max().unwrap_or(0)
    };
    pods.sort_by_cached_key(|pod| {
        (
            !node(pod).is_empty(),
            stage(pod),
            is_ready(pod),
            cost(pod),
            Reverse(rank(pod)),
            Reverse(since(pod)),
            Reverse(restarts(pod)),
            Reverse(meta::text(pod, "creationTimestamp").to_owned()),
            meta::uid(pod).to_owned(),
        )
    });
}

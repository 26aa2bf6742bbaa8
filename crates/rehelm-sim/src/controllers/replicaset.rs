//! ReplicaSets: as many pods as they say. Rules: kubernetes `pkg/controller/replicaset` of 1.35.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::{self, Reporter};
use super::read::{self, Condition};
use super::{Controller, claim, pods, selector};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const SETS: &str = "replicasets.apps";
const REPORTER: Reporter<'_> = Reporter::controller("replicaset-controller");

/// Pods that are made or deleted at one look.
const BURST: usize = 500;

/// The controller.
pub(crate) struct ReplicaSets;

impl Controller for ReplicaSets {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            SETS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            "pods" => {
                let mut keys = claim::controllers_of(change, "ReplicaSet");
                if change.kind != ChangeKind::Deleted {
                    keys.extend(claim::candidates(world, SETS, &change.object));
                }
                keys
            }
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let set = world.get(SETS, namespace, name)?;
        if selector::is_empty(set.pointer("/spec/selector")) {
            return None;
        }
        let all = claim::claim(world, &set, "pods");
        let active: Vec<Arc<Value>> = all.iter().filter(|pod| pods::is_active(pod)).cloned().collect();
        let terminating = all
            .iter()
            .filter(|pod| meta::is_terminating(pod) && !pods::has_ended(pod))
            .count();
        let failure = if meta::is_terminating(&set) {
            Ok(())
        } else {
            manage(world, &set, &active)
        };
        if failure.is_err() {
            world.look_later(Duration::from_secs(5));
        }
        write_status(world, &set, &active, terminating, failure)
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let sets = world.list(SETS, None);
        sets.iter().map(|set| meta::key(set)).collect()
    }
}

/// What went wrong, and the reason of the condition that tells it.
type Failure = (&'static str, String);

fn manage(world: &mut World, set: &Value, active: &[Arc<Value>]) -> Result<(), Failure> {
    let difference = read::count(active.len()) - read::replicas(set);
    if difference < 0 {
        return create(world, set, read::up_to(-difference).min(BURST));
    }
    if difference == 0 {
        return Ok(());
    }
    let mut doomed = active.to_vec();
    let related = related(world, set);
    pods::sort_for_deletion(&mut doomed, &related);
    for pod in doomed.iter().take(read::up_to(difference).min(BURST)) {
        let (namespace, name) = (meta::namespace(pod), meta::name(pod));
        if let Err(refusal) = world.remove("pods", namespace, name) {
            let message = format!("Error deleting: {}", refusal.message);
            events::warning(world, REPORTER, set, "FailedDelete", &message);
            return Err(("FailedDelete", refusal.message));
        }
        events::normal(
            world,
            REPORTER,
            set,
            "SuccessfulDelete",
            &format!("Deleted pod: {name}"),
        );
    }
    Ok(())
}

fn create(world: &mut World, set: &Value, how_many: usize) -> Result<(), Failure> {
    for _ in 0..how_many {
        let pod = pods::from_template(set, &set["spec"]["template"]);
        match pods::create(world, pod, &pods::generate_name(set)) {
            Ok(pod) => {
                let message = format!("Created pod: {}", meta::name(&pod));
                events::normal(world, REPORTER, set, "SuccessfulCreate", &message);
            }
            Err(refusal) => {
                if refusal.message.contains("because it is being terminated") {
                    return Ok(());
                }
                let message = format!("Error creating: {}", refusal.message);
                events::warning(world, REPORTER, set, "FailedCreate", &message);
                return Err(("FailedCreate", refusal.message));
            }
        }
    }
    Ok(())
}

/// Active pods of all ReplicaSets with the same owner: nodes that have many of them lose pods first.
fn related(world: &World, set: &Value) -> Vec<Arc<Value>> {
    let uid = |object: &Value| meta::controller(object).map(|owner| owner["uid"].clone());
    let owner = uid(set).and_then(|uid| uid.as_str().map(str::to_owned));
    let sets: Vec<String> = match owner {
        Some(owner) => claim::owned(world, &owner, SETS)
            .iter()
            .map(|set| meta::uid(set).to_owned())
            .collect(),
        None => vec![meta::uid(set).to_owned()],
    };
    let pods = sets.iter().flat_map(|uid| claim::owned(world, uid, "pods"));
    pods.filter(|pod| pods::is_active(pod)).collect()
}

fn write_status(
    world: &mut World,
    set: &Value,
    active: &[Arc<Value>],
    terminating: usize,
    failure: Result<(), Failure>,
) -> Option<Duration> {
    let now = world.now();
    let seconds = read::int(set, "/spec/minReadySeconds");
    let tally = pods::tally(active.iter(), seconds, now);
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let labelled = active.iter().filter(|pod| selector::has_all(labels, pod)).count();
    let mut status = set
        .get("status")
        .filter(|s| s.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    status["replicas"] = active.len().into();
    for (field, count) in [
        ("fullyLabeledReplicas", read::count(labelled)),
        ("readyReplicas", tally.ready),
        ("availableReplicas", tally.available),
        ("observedGeneration", read::int(set, "/metadata/generation")),
    ] {
        read::set_count(&mut status, field, count);
    }
    if world.options.minor >= 35 {
        status["terminatingReplicas"] = terminating.into();
    }
    match failure {
        Ok(()) => read::drop_condition(&mut status, "ReplicaFailure"),
        // The first failure stays told until there is none.
        Err(_) if read::condition(set, "ReplicaFailure").is_some() => {}
        Err((reason, message)) => {
            let condition = Condition {
                kind: "ReplicaFailure",
                status: "True",
                reason,
                message: &message,
            };
            read::set_condition(&mut status, condition, now);
        }
    }
    let writer = Writer::new(CONTROLLERS, "status");
    let (namespace, name) = (meta::namespace(set), meta::name(set));
    if let Err(refusal) = world.modify_as(SETS, namespace, name, &writer, |set| set["status"] = status) {
        tracing::debug!(
            name,
            message = refusal.message,
            "a ReplicaSet's status could not be written"
        );
    }
    tally.again
}

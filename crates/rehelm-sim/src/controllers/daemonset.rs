//! DaemonSets: a pod on every node that fits. Rules: kubernetes `pkg/controller/daemon` of 1.35. A rolling update with a
//! surge is done without one.

mod nodes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::{self, Reporter};
use super::{Controller, claim, history, pods, read, selector};
use crate::meta;
use crate::refusal::Refusal;
use crate::store::{Change, ChangeKind};
use crate::world::{CONTROLLERS, World, Writer};

const SETS: &str = "daemonsets.apps";
const GENERATION: &str = "deprecated.daemonset.template.generation";
const REPORTER: Reporter<'_> = Reporter::controller("daemonset-controller");

/// The controller.
pub(crate) struct DaemonSets;

impl Controller for DaemonSets {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            SETS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            "pods" => claim::controllers_of(change, "DaemonSet"),
            "nodes"
                if change
                    .old
                    .as_deref()
                    .is_none_or(|old| nodes::differ(old, &change.object)) =>
            {
                self.begin(world)
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
        let mut revisions = history::all(world, &set);
        let present = history::present(world, &set, &mut revisions, history::POD_HASH);
        let done = present.and_then(|present| {
            let hash = meta::label(&present, history::POD_HASH).unwrap_or_default().to_owned();
            if !meta::is_terminating(&set) {
                place(world, &set, &hash)?;
                update(world, &set, &hash)?;
            }
            let pods = claim::owned(world, meta::uid(&set), "pods");
            history::clean_up(world, &set, &revisions, |revision| {
                let own = meta::label(revision, history::POD_HASH);
                let used = pods.iter().any(|pod| meta::label(pod, history::POD_HASH) == own);
                used || meta::uid(revision) == meta::uid(&present)
            });
            Ok(hash)
        });
        match done {
            Ok(hash) => write_status(world, &set, &hash),
            Err(refusal) => {
                tracing::debug!(key, message = refusal.message, "a DaemonSet's step failed");
                world.look_later(Duration::from_secs(5));
                None
            }
        }
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let sets = world.list(SETS, None);
        sets.iter().map(|set| meta::key(set)).collect()
    }
}

/// Pods of the set by the node that they are on or made for.
fn by_node(world: &mut World, set: &Value) -> BTreeMap<String, Vec<Arc<Value>>> {
    let mut by_node: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
    for pod in claim::claim(world, set, "pods") {
        by_node.entry(nodes::target(&pod).to_owned()).or_default().push(pod);
    }
    by_node
}

/// Makes pods where they are missing and deletes those that are not wanted: on nodes that do not fit, ended, or doubled.
fn place(world: &mut World, set: &Value, hash: &str) -> Result<(), Refusal> {
    let mut have = by_node(world, set);
    for node in world.list("nodes", None) {
        let name = meta::name(&node);
        let own = have.remove(name).unwrap_or_default();
        let mut active: Vec<&Arc<Value>> = own.iter().filter(|pod| pods::is_active(pod)).collect();
        for ended in own
            .iter()
            .filter(|pod| pods::has_ended(pod) && !meta::is_terminating(pod))
        {
            delete(world, set, ended)?;
        }
        if !nodes::stays(set, &node) {
            for pod in active {
                delete(world, set, pod)?;
            }
            continue;
        }
        active.sort_by_key(|pod| meta::text(pod, "creationTimestamp").to_owned());
        for pod in active.iter().skip(1) {
            delete(world, set, pod)?;
        }
        if own.is_empty() && nodes::fits(set, &node) {
            create(world, set, name, hash)?;
        }
    }
    // What is left is on nodes that are gone.
    for pod in have.values().flatten().filter(|pod| pods::is_active(pod)) {
        delete(world, set, pod)?;
    }
    Ok(())
}

fn create(world: &mut World, set: &Value, node: &str, hash: &str) -> Result<(), Refusal> {
    let mut pod = pods::from_template(set, &set["spec"]["template"]);
    let generation = meta::annotation(set, GENERATION).unwrap_or("1").to_owned();
    let labels = meta::map_mut(&mut pod).entry("labels").or_insert_with(|| json!({}));
    labels[history::POD_HASH] = hash.into();
    labels["pod-template-generation"] = generation.into();
    nodes::aim(&mut pod, node);
    match pods::create(world, pod, &pods::generate_name(set)) {
        Ok(pod) => {
            let message = format!("Created pod: {}", meta::name(&pod));
            events::normal(world, REPORTER, set, "SuccessfulCreate", &message);
            Ok(())
        }
        Err(refusal) => {
            let message = format!("Error creating: {}", refusal.message);
            events::warning(world, REPORTER, set, "FailedCreate", &message);
            Err(refusal)
        }
    }
}

fn delete(world: &mut World, set: &Value, pod: &Value) -> Result<(), Refusal> {
    world.remove("pods", meta::namespace(pod), meta::name(pod))?;
    let message = format!("Deleted pod: {}", meta::name(pod));
    events::normal(world, REPORTER, set, "SuccessfulDelete", &message);
    Ok(())
}

fn is_present(pod: &Value, hash: &str) -> bool {
    meta::label(pod, history::POD_HASH) == Some(hash)
}

/// Deletes pods of an old template, as many as may be missing at a time.
fn update(world: &mut World, set: &Value, hash: &str) -> Result<(), Refusal> {
    if read::text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return Ok(());
    }
    let fitting = world
        .list("nodes", None)
        .iter()
        .filter(|node| nodes::fits(set, node))
        .count();
    let limit = set
        .pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable")
        .cloned();
    let limit = read::scaled(Some(&limit.unwrap_or_else(|| 1.into())), read::count(fitting), true).max(1);
    let seconds = read::int(set, "/spec/minReadySeconds");
    let now = world.now();
    let available = |pod: &Value| pods::is_available(pod, seconds, now).is_ok() && !meta::is_terminating(pod);
    let all: Vec<Arc<Value>> = by_node(world, set).into_values().flatten().collect();
    let missing = fitting.saturating_sub(all.iter().filter(|pod| available(pod)).count());
    let (useful, useless): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|pod| !is_present(pod, hash) && pods::is_active(pod))
        .partition(|pod| available(pod));
    let budget = read::up_to(limit - read::count(missing));
    for pod in useless.into_iter().chain(useful.into_iter().take(budget)) {
        delete(world, set, pod)?;
    }
    Ok(())
}

fn write_status(world: &mut World, set: &Value, hash: &str) -> Option<Duration> {
    let now = world.now();
    let have = by_node(world, set);
    let seconds = read::int(set, "/spec/minReadySeconds");
    let (mut current, mut desired, mut misplaced, mut ready, mut updated, mut available) = (0, 0, 0, 0, 0, 0);
    let mut again: Option<Duration> = None;
    for node in world.list("nodes", None) {
        let own = have.get(meta::name(&node));
        let mut own: Vec<&Arc<Value>> = own.into_iter().flatten().collect();
        if !nodes::fits(set, &node) {
            misplaced += i64::from(!own.is_empty());
            continue;
        }
        desired += 1;
        own.sort_by_key(|pod| meta::text(pod, "creationTimestamp").to_owned());
        let Some(pod) = own.first() else { continue };
        current += 1;
        ready += i64::from(pods::is_ready(pod));
        match pods::is_available(pod, seconds, now) {
            Ok(()) => available += 1,
            Err(Some(left)) => again = Some(again.map_or(left, |again| again.min(left))),
            Err(None) => {}
        }
        updated += i64::from(is_present(pod, hash));
    }
    let mut status = set
        .get("status")
        .filter(|s| s.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    for (field, count) in [
        ("currentNumberScheduled", current),
        ("numberMisscheduled", misplaced),
        ("desiredNumberScheduled", desired),
        ("numberReady", ready),
    ] {
        status[field] = count.into();
    }
    for (field, count) in [
        ("observedGeneration", read::int(set, "/metadata/generation")),
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ] {
        read::set_count(&mut status, field, count);
    }
    let writer = Writer::new(CONTROLLERS, "status");
    let (namespace, name) = (meta::namespace(set), meta::name(set));
    if let Err(refusal) = world.modify_as(SETS, namespace, name, &writer, |set| set["status"] = status) {
        tracing::debug!(
            name,
            message = refusal.message,
            "a DaemonSet's status could not be written"
        );
    }
    again
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;
    use crate::controllers::read;
    use crate::meta;

    #[test]
    fn every_node_that_fits_has_a_pod() {
        let lab = Lab::new();
        lab.workload("DaemonSet", "ds", json!({}));
        lab.rest();
        let status = lab.get("daemonsets.apps", "ds")["status"].clone();
        assert_eq!(
            status,
            json!({"currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberAvailable": 1, "numberMisscheduled": 0,
                "numberReady": 1, "observedGeneration": status["observedGeneration"], "updatedNumberScheduled": 1})
        );
        let pod = lab.list("pods")[0].clone();
        assert_eq!(meta::label(&pod, "pod-template-generation"), Some("1"));
        assert!(meta::label(&pod, "controller-revision-hash").is_some());
        assert_eq!(read::list(&pod, "/spec/tolerations").len(), 6);
        let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        assert_eq!(
            read::list(&pod, terms),
            [json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-a"]}]})]
        );
        lab.change("daemonsets.apps", "ds", |set| {
            set["spec"]["template"]["spec"]["containers"][0]["image"] = "new".into();
        });
        lab.rest();
        let pods = lab.list("pods");
        assert_eq!(
            (pods.len(), &pods[0]["spec"]["containers"][0]["image"]),
            (1, &json!("new"))
        );
        assert_eq!(lab.get("daemonsets.apps", "ds")["status"]["updatedNumberScheduled"], 1);
        lab.change("daemonsets.apps", "ds", |set| {
            set["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "fast"});
        });
        lab.rest();
        assert!(lab.list("pods").is_empty());
        assert_eq!(lab.get("daemonsets.apps", "ds")["status"]["desiredNumberScheduled"], 0);
    }
}

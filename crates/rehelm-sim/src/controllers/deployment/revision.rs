//! The ReplicaSet of the present template, those of earlier ones, and their revisions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{SETS, Sync, scale};
use crate::controllers::read::{self, Condition};
use crate::controllers::{events, pods, template};
use crate::meta;

pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// Annotations of a Deployment that are its own and not its ReplicaSets'.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    scale::DESIRED,
    scale::MAX,
    "deprecated.deployment.rollback.to",
];

fn age(set: &Value) -> (&str, &str) {
    (meta::text(set, "creationTimestamp"), meta::name(set))
}

/// The ReplicaSet of the present template (of several, the oldest), and all others from old to new.
pub(super) fn split(deployment: &Value, sets: &[Arc<Value>]) -> (Option<Arc<Value>>, Vec<Arc<Value>>) {
    let mut sets = sets.to_vec();
    sets.sort_by(|a, b| age(a).cmp(&age(b)));
    let wanted = &deployment["spec"]["template"];
    let new = sets
        .iter()
        .position(|set| template::alike(&set["spec"]["template"], wanted, template::HASH));
    let new = new.map(|at| sets.remove(at));
    (new, sets)
}

pub(super) fn revision(set: &Value) -> i64 {
    let revision = meta::annotation(set, REVISION).and_then(|text| text.parse().ok());
    revision.unwrap_or(0)
}

impl Sync<'_> {
    /// The ReplicaSet of the present template, its annotations brought up to date; made when asked for. None when it
    /// cannot be made (the inner one when there is none and none was asked for).
    pub(super) fn new_set(&mut self, create: bool) -> Option<Option<Arc<Value>>> {
        let (new, old) = split(&self.deployment, &self.sets);
        let next = old.iter().map(|set| revision(set)).max().unwrap_or(0) + 1;
        let Some(new) = new else {
            return if create {
                self.create_set(&old, next).map(Some)
            } else {
                Some(None)
            };
        };
        let mut wanted = (*new).clone();
        self.annotate(&mut wanted, next, true);
        let min_ready = self.deployment.pointer("/spec/minReadySeconds").cloned();
        let changed = wanted != *new
            || read::int(&new, "/spec/minReadySeconds") != read::int(&self.deployment, "/spec/minReadySeconds");
        if changed {
            let new = self.change_set(&new, |set| {
                *set = wanted;
                match min_ready {
                    Some(seconds) => set["spec"]["minReadySeconds"] = seconds,
                    None => drop(
                        set["spec"]
                            .as_object_mut()
                            .and_then(|spec| spec.shift_remove("minReadySeconds")),
                    ),
                }
            });
            return new.map(Some);
        }
        let told = meta::annotation(&new, REVISION).unwrap_or_default().to_owned();
        let message = format!("Found new replica set \"{}\"", meta::name(&new));
        let unknown = self.has_deadline() && read::condition(&self.deployment, "Progressing").is_none();
        self.note_revision(&told, unknown.then_some(("FoundNewReplicaSet", message)));
        Some(Some(new))
    }

    /// The Deployment's own revision annotation, and a first word about progress.
    fn note_revision(&mut self, revision: &str, progress: Option<(&str, String)>) {
        if progress.is_none() && meta::annotation(&self.deployment, REVISION) == Some(revision) {
            return;
        }
        let now = self.world.now();
        self.change_deployment(|deployment| {
            if meta::annotation(deployment, REVISION) != Some(revision) {
                meta::set_annotation(deployment, REVISION, revision);
            }
            if let Some((reason, message)) = &progress {
                let condition = Condition {
                    kind: "Progressing",
                    status: "True",
                    reason,
                    message,
                };
                super::status::set(super::status::of(deployment), condition, now);
            }
        });
    }

    /// Copies the Deployment's annotations to a ReplicaSet, and gives that its revision.
    fn annotate(&self, set: &mut Value, revision: i64, exists: bool) {
        let own = meta::get(&self.deployment, "annotations").and_then(Value::as_object);
        for (key, value) in own.into_iter().flatten() {
            if !OWN.contains(&key.as_str()) && meta::annotation(set, key) != value.as_str() {
                meta::set_annotation(set, key, value.as_str().unwrap_or_default());
            }
        }
        let before = meta::annotation(set, REVISION).map(str::to_owned);
        let old: i64 = before.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        if old < revision {
            meta::set_annotation(set, REVISION, &revision.to_string());
            if let Some(before) = before.filter(|before| exists && !before.is_empty()) {
                let history = match meta::annotation(set, HISTORY) {
                    Some(history) if !history.is_empty() => format!("{history},{before}"),
                    _ => before,
                };
                meta::set_annotation(set, HISTORY, &history);
            }
        }
        if !exists {
            let replicas = read::replicas(&self.deployment);
            meta::set_annotation(set, scale::DESIRED, &replicas.to_string());
            let max = replicas + scale::max_surge(&self.deployment);
            meta::set_annotation(set, scale::MAX, &max.to_string());
        }
    }

    fn create_set(&mut self, old: &[Arc<Value>], revision: i64) -> Option<Arc<Value>> {
        let deployment = self.deployment.clone();
        let mut pod = deployment["spec"]["template"].clone();
        let collisions = read::int(&deployment, "/status/collisionCount");
        let hash = template::hash(&template::core(&pod, template::HASH), collisions);
        meta::child_map(meta_of(&mut pod), "labels").insert(template::HASH.to_owned(), hash.clone().into());
        let mut selector = deployment["spec"]["selector"].clone();
        meta::child_map(&mut selector, "matchLabels").insert(template::HASH.to_owned(), hash.clone().into());
        let name = format!("{}-{hash}", meta::name(&deployment));
        let replicas = scale::replicas_of_new(&deployment, old, 0);
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": meta::namespace(&deployment),
                "labels": pod["metadata"]["labels"],
                "ownerReferences": [pods::controller_reference(&deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": pod},
            "status": {"replicas": 0},
        });
        read::set_count(
            &mut set["spec"],
            "minReadySeconds",
            read::int(&deployment, "/spec/minReadySeconds"),
        );
        self.annotate(&mut set, revision, false);
        match self.world.create(SETS, set) {
            Ok(created) => {
                self.sets.push(created.clone());
                if replicas > 0 {
                    self.report(
                        "ScalingReplicaSet",
                        &format!("Scaled up replica set {name} from 0 to {replicas}"),
                    );
                }
                let message = format!("Created new replica set \"{name}\"");
                let told = self.has_deadline().then_some(("NewReplicaSetCreated", message));
                self.note_revision(&revision.to_string(), told);
                Some(created)
            }
            Err(refusal) if refusal.reason == "AlreadyExists" => {
                self.change_deployment(|deployment| {
                    super::status::of(deployment)["collisionCount"] = (collisions + 1).into();
                });
                None
            }
            Err(refusal) => {
                self.not_created(&name, &refusal.message);
                None
            }
        }
    }

    fn not_created(&mut self, name: &str, why: &str) {
        let message = format!("Failed to create new replica set \"{name}\": {why}");
        let now = self.world.now();
        if self.has_deadline() {
            let condition = Condition {
                kind: "Progressing",
                status: "False",
                reason: "ReplicaSetCreateError",
                message: &message,
            };
            self.change_deployment(|deployment| super::status::set(super::status::of(deployment), condition, now));
        }
        let about = self.deployment.clone();
        events::warning(self.world, super::REPORTER, &about, "ReplicaSetCreateError", &message);
        self.world.look_later(Duration::from_secs(5));
    }

    /// Deletes ReplicaSets of old revisions that are more than the Deployment remembers.
    pub(super) fn clean_up(&mut self, new: Option<&Value>) {
        let limit = self
            .deployment
            .pointer("/spec/revisionHistoryLimit")
            .and_then(Value::as_i64);
        let Some(limit) = limit else { return };
        let mut old: Vec<Arc<Value>> = self.sets.clone();
        old.retain(|set| !meta::is_terminating(set) && new.is_none_or(|new| meta::uid(new) != meta::uid(set)));
        let surplus = read::up_to(read::count(old.len()) - limit);
        old.sort_by_key(|set| revision(set));
        for set in old.iter().take(surplus) {
            let at_rest = read::int(set, "/status/replicas") == 0
                && read::replicas(set) == 0
                && read::int(set, "/metadata/generation") <= read::int(set, "/status/observedGeneration");
            if at_rest && let Err(refusal) = self.world.remove(SETS, meta::namespace(set), meta::name(set)) {
                tracing::debug!(message = refusal.message, "an old ReplicaSet could not be deleted");
            }
        }
    }
}

/// The template's `metadata`, as the place to put labels into.
fn meta_of(template: &mut Value) -> &mut Value {
    meta::map_mut(template);
    &mut template["metadata"]
}

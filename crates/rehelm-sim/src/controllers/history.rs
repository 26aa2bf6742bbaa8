//! ControllerRevisions: the templates that a StatefulSet or DaemonSet had. Rules: kubernetes `pkg/controller/history`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{claim, pods, read, template};
use crate::meta;
use crate::refusal::Refusal;
use crate::world::World;

pub(super) const REVISIONS: &str = "controllerrevisions.apps";

/// Label of pods that names the revision they were made from.
pub(super) const POD_HASH: &str = "controller-revision-hash";

/// Revisions of a workload, oldest first.
pub(super) fn all(world: &mut World, owner: &Value) -> Vec<Arc<Value>> {
    let mut all = claim::claim(world, owner, REVISIONS);
    all.sort_by_key(|revision| number(revision));
    all
}

pub(super) fn number(revision: &Value) -> i64 {
    read::int(revision, "/revision")
}

/// The template that a revision holds.
pub(super) fn template(revision: &Value) -> Value {
    let mut template = revision["data"]["spec"]["template"].clone();
    if let Some(map) = template.as_object_mut() {
        map.shift_remove("$patch");
    }
    template
}

fn core(template: &Value) -> Value {
    // No label is to be left out here, and no label has this name.
    template::core(template, "")
}

/// The revision of the present template: a new one, or an old one that comes to the front again.
pub(super) fn present(
    world: &mut World,
    owner: &Value,
    all: &mut Vec<Arc<Value>>,
    hash_label: &str,
) -> Result<Arc<Value>, Refusal> {
    let own = &owner["spec"]["template"];
    let wanted = core(own);
    let next = all.last().map_or(1, |last| number(last) + 1);
    if let Some(at) = all.iter().rposition(|revision| core(&template(revision)) == wanted) {
        let found = all.remove(at);
        let newest = all.iter().all(|other| number(other) < number(&found));
        let found = if newest {
            found
        } else {
            let (namespace, name) = (meta::namespace(&found), meta::name(&found));
            let moved = world.modify(REVISIONS, namespace, name, |revision| {
                revision["revision"] = next.into()
            })?;
            moved.unwrap_or(found)
        };
        all.push(found.clone());
        return Ok(found);
    }
    let hash = template::hash(&wanted, read::int(owner, "/status/collisionCount"));
    let mut data = own.clone();
    data["$patch"] = "replace".into();
    let mut labels = own["metadata"]["labels"].clone();
    labels[hash_label] = hash.clone().into();
    let mut revision = json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": format!("{}-{hash}", meta::name(owner)),
            "namespace": meta::namespace(owner),
            "labels": labels,
            "ownerReferences": [pods::controller_reference(owner)],
        },
        "data": {"spec": {"template": data}},
        "revision": next,
    });
    if let Some(annotations) = meta::get(owner, "annotations") {
        meta::set(&mut revision, "annotations", annotations.clone());
    }
    let created = world.create(REVISIONS, revision)?;
    all.push(created.clone());
    Ok(created)
}

/// Deletes revisions that no pod has and that are more than the workload remembers.
pub(super) fn clean_up(world: &mut World, owner: &Value, all: &[Arc<Value>], live: impl Fn(&Value) -> bool) {
    let limit = owner
        .pointer("/spec/revisionHistoryLimit")
        .and_then(Value::as_i64)
        .unwrap_or(10);
    let old: Vec<&Arc<Value>> = all.iter().filter(|revision| !live(revision)).collect();
    let surplus = read::up_to(read::count(old.len()) - limit);
    for revision in old.iter().take(surplus) {
        if let Err(refusal) = world.remove(REVISIONS, meta::namespace(revision), meta::name(revision)) {
            tracing::debug!(message = refusal.message, "an old revision could not be deleted");
        }
    }
}

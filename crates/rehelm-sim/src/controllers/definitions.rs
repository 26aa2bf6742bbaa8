//! CustomResourceDefinitions: accepts their names, establishes them, and clears their objects away before they go.
//!
//! On a real cluster these are controllers of the API server itself; they act at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::Controller;
use crate::kinds::names_conflict;
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::world::World;

/// Id of the resource.
pub(crate) const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Names, establishment and cleanup of CRDs.
pub(super) struct Definitions;

impl Controller for Definitions {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        if &*change.resource == DEFINITIONS {
            return vec![(Duration::ZERO, meta::name(&change.object).to_owned())];
        }
        // The id of a custom resource is the name of its CRD.
        let custom = || {
            world
                .kinds
                .by_id(&change.resource)
                .is_some_and(|kind| kind.crd.is_some())
        };
        if change.kind == ChangeKind::Deleted && custom() {
            return vec![(Duration::ZERO, change.resource.to_string())];
        }
        Vec::new()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let crd = world.get(DEFINITIONS, "", key)?;
        let done = if meta::is_terminating(&crd) {
            clean_up(world, &crd)
        } else {
            establish(world, &crd)
        };
        if let Err(refusal) = done {
            tracing::warn!(
                name = key,
                message = refusal.message,
                "a CRD cannot be brought up to date"
            );
        }
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let all = world.list(DEFINITIONS, None);
        all.iter().map(|crd| meta::name(crd).to_owned()).collect()
    }
}

/// What the API server does to a CRD when its deletion is asked for: its objects go first.
pub(crate) fn before_deletion(crd: &mut Value, now: &str) {
    if meta::is_terminating(crd) {
        return;
    }
    meta::add_finalizer(crd, CLEANUP);
    let message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    set_condition(crd, "Terminating", "True", "InstanceDeletionPending", message, now);
}

fn establish(world: &mut World, crd: &Value) -> Result<(), crate::refusal::Refusal> {
    let now = world.now().rfc3339();
    let mut new = crd.clone();
    let others = world.list(DEFINITIONS, None);
    let conflict = names_conflict(crd, others.iter().map(AsRef::as_ref));
    let names = crd.pointer("/spec/names").cloned().unwrap_or_default();
    let status = meta::child_map(&mut new, "status");
    if conflict.is_none() {
        status.insert("acceptedNames".to_owned(), names);
    }
    keep_stored_versions(&mut new);
    match conflict {
        Some((reason, message)) => {
            set_condition(&mut new, "NamesAccepted", "False", reason, &message, &now);
            if condition(&new, "Established").is_none_or(|known| known["status"] != "True") {
                let why = "not all names are accepted";
                set_condition(&mut new, "Established", "False", "NotAccepted", why, &now);
            }
        }
        None => {
            set_condition(
                &mut new,
                "NamesAccepted",
                "True",
                "NoConflicts",
                "no conflicts found",
                &now,
            );
            if condition(&new, "Established").is_none_or(|known| known["status"] != "True") {
                let why = "the initial names have been accepted";
                set_condition(&mut new, "Established", "True", "InitialNamesAccepted", why, &now);
            }
        }
    }
    if new == *crd {
        return Ok(());
    }
    let status = new.get("status").cloned().unwrap_or_default();
    world.modify(DEFINITIONS, "", meta::name(crd), |crd| crd["status"] = status)?;
    Ok(())
}

/// The version that is stored now joins those that were ever stored.
fn keep_stored_versions(crd: &mut Value) {
    let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version.get("storage") == Some(&Value::Bool(true)))
        .and_then(|version| version.get("name"))
        .cloned();
    let status = meta::child_map(crd, "status");
    let list = status.entry("storedVersions").or_insert_with(|| json!([]));
    if list.is_null() {
        *list = json!([]);
    }
    if let (Some(list), Some(stored)) = (list.as_array_mut(), stored)
        && !list.contains(&stored)
    {
        list.push(stored);
    }
}

fn clean_up(world: &mut World, crd: &Value) -> Result<(), crate::refusal::Refusal> {
    let name = meta::name(crd);
    if !meta::finalizers(crd).contains(&CLEANUP) {
        return Ok(());
    }
    for object in world.list(name, None) {
        if !meta::is_terminating(&object) {
            world.remove(name, meta::namespace(&object), meta::name(&object))?;
        }
    }
    let now = world.now().rfc3339();
    let left = !world.list(name, None).is_empty();
    world.modify(DEFINITIONS, "", name, |crd| {
        if left {
            let message = "CustomResource deletion is in progress";
            set_condition(crd, "Terminating", "True", "InstanceDeletionInProgress", message, &now);
        } else {
            meta::drop_finalizer(crd, CLEANUP);
        }
    })?;
    Ok(())
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let list = object.pointer("/status/conditions")?.as_array()?;
    list.iter().find(|condition| condition["type"] == kind)
}

/// Sets a condition; its time changes only when its status does.
fn set_condition(object: &mut Value, kind: &str, status: &str, reason: &str, message: &str, now: &str) {
    let since = condition(object, kind)
        .filter(|known| known["status"] == status)
        .and_then(|known| known.get("lastTransitionTime"))
        .cloned();
    let new = json!({
        "type": kind,
        "status": status,
        "lastTransitionTime": since.unwrap_or_else(|| now.into()),
        "reason": reason,
        "message": message,
    });
    let conditions = meta::child_map(object, "status")
        .entry("conditions")
        .or_insert(Value::Null);
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else { return };
    match list.iter_mut().find(|condition| condition["type"] == kind) {
        Some(known) => *known = new,
        None => list.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Sim};

    fn crd(name: &str, kind: &str) -> Value {
        let plural = name.split('.').next().unwrap_or_default();
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
            "spec": {"group": "example.com", "scope": "Cluster", "names": {"plural": plural, "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
    }

    #[test]
    fn a_crd_is_established_and_takes_its_objects_with_it() {
        let sim = Sim::new(Options::default());
        sim.shared.with(|world| {
            world
                .create(DEFINITIONS, crd("widgets.example.com", "Widget"))
                .expect("made")
        });
        sim.shared.with(|world| {
            let made = world.get(DEFINITIONS, "", "widgets.example.com").expect("there");
            assert_eq!(condition(&made, "Established").expect("established")["status"], "True");
            assert_eq!(made["status"]["storedVersions"], json!(["v1"]));
            assert_eq!(made["status"]["acceptedNames"]["kind"], "Widget");
            let object = json!({"apiVersion": "example.com/v1", "kind": "Widget",
                "metadata": {"name": "a", "finalizers": ["example.com/hold"]}});
            world.create("widgets.example.com", object).expect("made");
            world.remove(DEFINITIONS, "", "widgets.example.com").expect("asked");
        });
        sim.shared.with(|world| {
            let held = world.get(DEFINITIONS, "", "widgets.example.com").expect("held");
            assert_eq!(
                condition(&held, "Terminating").expect("says so")["reason"],
                "InstanceDeletionInProgress"
            );
            let free = |object: &mut Value| meta::drop_finalizer(object, "example.com/hold");
            world.modify("widgets.example.com", "", "a", free).expect("freed");
        });
        sim.shared.with(|world| {
            assert!(world.get(DEFINITIONS, "", "widgets.example.com").is_none());
            assert!(world.kinds.of("example.com/v1", "Widget").is_none());
        });
    }

    #[test]
    fn a_name_that_is_taken_is_not_accepted() {
        let sim = Sim::new(Options::default());
        for (name, kind) in [("widgets.example.com", "Widget"), ("others.example.com", "Widget")] {
            sim.shared
                .with(|world| world.create(DEFINITIONS, crd(name, kind)).expect("made"));
        }
        sim.shared.with(|world| {
            let second = world.get(DEFINITIONS, "", "others.example.com").expect("there");
            let names = condition(&second, "NamesAccepted").expect("judged");
            assert_eq!(
                (&names["reason"], &names["message"]),
                (&json!("ListKindConflict"), &json!("\"WidgetList\" is already in use"))
            );
            assert_eq!(
                condition(&second, "Established").expect("judged")["reason"],
                "NotAccepted"
            );
        });
    }
}

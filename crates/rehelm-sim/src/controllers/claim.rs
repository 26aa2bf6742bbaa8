//! Which objects belong to a workload: it adopts orphans that its selector selects, and lets go those that it does not
//! select any more (kubernetes `ControllerRefManager`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{pods, selector};
use crate::meta;
use crate::world::World;

/// The objects of a resource that an owner controls after adoption and release, by name.
pub(crate) fn claim(world: &mut World, owner: &Value, resource: &str) -> Vec<Arc<Value>> {
    claim_if(world, owner, resource, |_| true)
}

/// As [`claim`], for owners that look further than at labels; `fits` is asked about orphans only.
pub(crate) fn claim_if(
    world: &mut World,
    owner: &Value,
    resource: &str,
    fits: impl Fn(&Value) -> bool,
) -> Vec<Arc<Value>> {
    let wanted = owner.pointer("/spec/selector").cloned();
    let (namespace, uid) = (meta::namespace(owner).to_owned(), meta::uid(owner).to_owned());
    let owned = owned(world, &uid, resource);
    let terminating = meta::is_terminating(owner);
    let mut claimed = Vec::new();
    for object in owned {
        if meta::controller(&object).is_none_or(|owner| owner["uid"] != uid.as_str()) {
            continue;
        }
        if selector::selects(wanted.as_ref(), &object) {
            claimed.push(object);
        } else if !terminating {
            release(world, resource, &object, &uid);
        }
    }
    if terminating || selector::is_empty(wanted.as_ref()) {
        return claimed;
    }
    let orphans = world.at(resource, world.store.index().orphans(resource, &namespace));
    for orphan in orphans {
        let free = !meta::is_terminating(&orphan) && selector::selects(wanted.as_ref(), &orphan);
        if free
            && fits(&orphan)
            && let Some(adopted) = adopt(world, resource, &orphan, owner)
        {
            claimed.push(adopted);
        }
    }
    claimed.sort_by(|a, b| meta::name(a).cmp(meta::name(b)));
    claimed
}

/// Objects of a resource that name this uid as an owner.
pub(crate) fn owned(world: &World, uid: &str, resource: &str) -> Vec<Arc<Value>> {
    let places = world.store.index().dependents(uid);
    let places = places
        .filter(|found| &*found.resource == resource)
        .map(|found| &found.place);
    world.at(resource, places)
}

fn adopt(world: &mut World, resource: &str, orphan: &Value, owner: &Value) -> Option<Arc<Value>> {
    let reference = pods::controller_reference(owner);
    let (namespace, name) = (meta::namespace(orphan), meta::name(orphan));
    let adopted = world.modify(resource, namespace, name, |object| {
        let list = meta::map_mut(object)
            .entry("ownerReferences")
            .or_insert_with(|| json!([]));
        match list.as_array_mut() {
            Some(list) => list.push(reference),
            None => *list = json!([reference]),
        }
    });
    adopted.ok().flatten()
}

fn release(world: &mut World, resource: &str, object: &Value, uid: &str) {
    let (namespace, name) = (meta::namespace(object), meta::name(object));
    let released = world.modify(resource, namespace, name, |object| drop_owner(object, uid));
    if let Err(refusal) = released {
        tracing::debug!(name, message = refusal.message, "an object could not be released");
    }
}

/// Takes an owner reference away; an empty list goes, too.
pub(crate) fn drop_owner(object: &mut Value, uid: &str) {
    let left: Vec<Value> = meta::owners(object)
        .iter()
        .filter(|o| o["uid"] != uid)
        .cloned()
        .collect();
    if left.is_empty() {
        meta::unset(object, "ownerReferences");
    } else {
        meta::set(object, "ownerReferences", Value::Array(left));
    }
}

/// Where a change to a dependent is of interest: its controller of this kind, before and after.
pub(crate) fn controllers_of(change: &crate::store::Change, kind: &str) -> Vec<String> {
    let versions = [Some(&change.object), change.old.as_ref()];
    let mut keys: Vec<String> = versions
        .into_iter()
        .flatten()
        .filter_map(|object| {
            let owner = meta::controller(object).filter(|owner| owner["kind"] == kind)?;
            Some(format!("{}/{}", meta::namespace(object), owner["name"].as_str()?))
        })
        .collect();
    keys.dedup();
    keys
}

/// Workloads of a resource that might adopt this object, which nobody controls.
pub(crate) fn candidates(world: &World, resource: &str, object: &Value) -> Vec<String> {
    if meta::controller(object).is_some() || meta::get(object, "labels").is_none() {
        return Vec::new();
    }
    let all = world.list(resource, Some(meta::namespace(object)));
    let wanted = all
        .iter()
        .filter(|owner| selector::selects(owner.pointer("/spec/selector"), object));
    wanted.map(|owner| meta::key(owner)).collect()
}

//! Claims, volumes and classes: what they must have, and what of them never changes.

use serde_json::Value;

use super::godump;
use super::look::{At, Causes};
use super::names;
use super::storage::BETA_CLASS;
use crate::meta;
use crate::quantity::Quantity;
use crate::refusal::Cause;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

fn modes(list: &At<'_>, causes: &mut Causes) {
    let (mut once, mut others) = (false, false);
    for mode in list.items() {
        causes.one_of(&mode.named(list.path.clone()), &MODES);
        once |= mode.text() == "ReadWriteOncePod";
        others |= mode.text() != "ReadWriteOncePod" && MODES.contains(&mode.text());
    }
    if once && others {
        causes.forbidden(list, "may not use ReadWriteOncePod with other access modes");
    }
}

fn positive(amount: &At<'_>, causes: &mut Causes) {
    if Quantity::of(amount.value).is_some_and(|amount| amount.is_zero() || amount.is_negative()) {
        causes.invalid(amount, "must be greater than zero");
    }
}

/// A claim's spec, of its own or in a template.
pub(super) fn claim_spec(spec: &At<'_>, causes: &mut Causes) {
    let list = spec.child("accessModes");
    if list.is_empty() {
        causes.required(&list, "at least 1 access mode is required");
    }
    modes(&list, causes);
    let resources = spec.child("resources");
    let storage = resources.child("requests").child("storage");
    let storage = storage.named(format!("{}[storage]", resources.path));
    if storage.is_set() {
        positive(&storage, causes);
    } else {
        causes.required(&storage, "");
    }
    let class = spec.child("storageClassName");
    if !class.is_empty() {
        causes.rule(&class, names::subdomain);
    }
    causes.one_of(&spec.child("volumeMode"), &["Block", "Filesystem"]);
}

pub(super) fn claim(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    claim_spec(&spec, causes);
    if let Some(old) = old {
        claim_update(object, old, causes);
    }
}

const CLAIM: &str =
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

fn claim_update(object: &Value, old: &Value, causes: &mut Causes) {
    let spec = |object: &Value| object.get("spec").cloned().unwrap_or_default();
    let (mut new, mut before) = (spec(object), spec(old));
    let get = |spec: &Value, key: &str| spec.get(key).cloned().filter(|value| !value.is_null());
    let text = |spec: &Value, key: &str| spec.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let put = |spec: &mut Value, key: &str, value: Option<Value>| {
        let Some(map) = spec.as_object_mut() else { return };
        match value {
            Some(value) => map.insert(key.to_owned(), value),
            None => map.shift_remove(key),
        };
    };
    if text(&before, "volumeName").is_empty() {
        let volume = get(&new, "volumeName");
        put(&mut before, "volumeName", volume);
    }
    let (beta, old_beta) = (meta::annotation(object, BETA_CLASS), meta::annotation(old, BETA_CLASS));
    let (class, old_class) = (get(&new, "storageClassName"), get(&before, "storageClassName"));
    let as_class = old_beta.map(Value::from);
    // From the annotation to the field: the same class, said in another way.
    if as_class.is_some() && old_class.is_none() && class == as_class && (beta.is_none() || beta == old_beta) {
        put(&mut new, "storageClassName", None);
    } else {
        if beta.unwrap_or_default() != old_beta.unwrap_or_default() {
            let field = format!("metadata.annotations.{BETA_CLASS}");
            let value = beta.unwrap_or_default().into();
            causes.0.push(Cause::invalid(&field, &value, "field is immutable"));
        }
        // A claim without any class may get one, once.
        if old_class.is_none() && old_beta.is_none() && class.is_some() {
            put(&mut new, "storageClassName", None);
        }
    }
    let phase = object.pointer("/status/phase").and_then(Value::as_str);
    if phase == Some("Bound") {
        let size = before.pointer("/resources/requests/storage").cloned();
        if let (Some(requests), Some(size)) = (new.pointer_mut("/resources/requests"), size) {
            put(requests, "storage", Some(size));
        }
        let attributes = get(&before, "volumeAttributesClassName");
        put(&mut new, "volumeAttributesClassName", attributes);
    }
    let (new_dump, old_dump) = (godump::claim_spec(&new), godump::claim_spec(&before));
    if new_dump != old_dump {
        let why = format!("{CLAIM}\n{}", godump::diff(&old_dump, &new_dump));
        causes.0.push(Cause::forbidden("spec", &why));
    }
    let size = |object: &Value, pointer: &str| object.pointer(pointer).and_then(Quantity::of);
    let request = "/spec/resources/requests/storage";
    let held = size(old, "/status/capacity/storage").unwrap_or(Quantity::ZERO);
    if let (Some(now), Some(then)) = (size(object, request), size(old, request))
        && now < then
        && now <= held
    {
        let why = "field can not be less than status.capacity";
        causes.0.push(Cause::forbidden("spec.resources.requests.storage", why));
    }
    let mode = At::new(object.pointer("/spec/volumeMode"), "volumeMode");
    if old.pointer("/spec/volumeMode").is_some_and(|old| old != mode.value) {
        causes.invalid(&mode, "field is immutable");
    }
}

pub(super) fn volume(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    let list = spec.child("accessModes");
    if list.is_empty() {
        causes.required(&list, "");
    }
    modes(&list, causes);
    let capacity = spec.child("capacity");
    if capacity.is_empty() {
        causes.required(&capacity, "");
    }
    let only = capacity
        .value
        .as_object()
        .is_some_and(|map| map.len() == 1 && map.contains_key("storage"));
    if !only {
        let value = godump::sorted(capacity.value);
        causes
            .0
            .push(Cause::not_supported(&capacity.path, &value, &["storage"]));
    }
    for (_, amount) in capacity.entries() {
        positive(&amount, causes);
    }
    causes.one_of(
        &spec.child("persistentVolumeReclaimPolicy"),
        &["Delete", "Recycle", "Retain"],
    );
    // Host paths are looked at first.
    let order = ["HostPath"]
        .into_iter()
        .chain(godump::SOURCES.into_iter().filter(|name| *name != "HostPath"));
    let named = |name: &str| {
        let mut set = spec.value.as_object()?.iter().filter(|(_, value)| !value.is_null());
        set.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(key, _)| key)
    };
    let sources: Vec<&String> = order.filter_map(named).collect();
    if sources.is_empty() {
        causes.required(&spec, "must specify a volume type");
    }
    for source in sources.iter().skip(1) {
        causes.forbidden(&spec.child(source), "may not specify more than 1 volume type");
    }
    let class = spec.child("storageClassName");
    if !class.is_empty() {
        causes.rule(&class, names::subdomain);
    }
    causes.one_of(&spec.child("volumeMode"), &["Block", "Filesystem"]);
    let Some(old) = old else { return };
    let source = |object: &Value| godump::volume_source(object.get("spec").unwrap_or(&Value::Null));
    let (new, before) = (source(object), source(old));
    if new != before {
        let why = format!(
            "spec.persistentvolumesource is immutable after creation\n{}",
            godump::diff(&before, &new)
        );
        causes.0.push(Cause::forbidden("spec.persistentvolumesource", &why));
    }
}

pub(super) fn class(object: &Value, causes: &mut Causes) {
    let at = At::new(Some(object), "");
    let provisioner = at.child("provisioner");
    if provisioner.is_empty() {
        causes.required(&provisioner, "");
    } else {
        let lower = provisioner.text().to_lowercase();
        for why in names::qualified(&lower) {
            causes
                .0
                .push(Cause::invalid("provisioner", &lower.as_str().into(), &why));
        }
    }
    causes.one_of(&at.child("reclaimPolicy"), &["Delete", "Retain"]);
    let mode = at.child("volumeBindingMode");
    causes.one_of(&mode, &["Immediate", "WaitForFirstConsumer"]);
}

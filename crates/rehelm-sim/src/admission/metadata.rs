//! Checks of `metadata`, the same for every kind but for the syntax of names.

use serde_json::Value;

use super::names::{self, Rule};
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Cause;

/// Bytes of all annotations of an object together, at most.
const ANNOTATIONS: usize = 256 * 1024;

fn rule(kind: &Kind) -> Rule {
    match &*kind.id {
        "namespaces" => names::label,
        "services" => names::label_1035,
        "roles.rbac.authorization.k8s.io"
        | "clusterroles.rbac.authorization.k8s.io"
        | "rolebindings.rbac.authorization.k8s.io"
        | "clusterrolebindings.rbac.authorization.k8s.io" => names::path_segment,
        "customresourcedefinitions.apiextensions.k8s.io" | "apiservices.apiregistration.k8s.io" => names::anything,
        _ => names::subdomain,
    }
}

/// Labels or annotations below `field`.
pub(super) fn labels(map: Option<&Value>, field: &str, causes: &mut Vec<Cause>) {
    let Some(map) = map.and_then(Value::as_object) else {
        return;
    };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    for key in keys {
        for why in names::label_key(key) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &why));
        }
        let value = map.get(key).and_then(Value::as_str).unwrap_or_default();
        for why in names::label_value(value) {
            causes.push(Cause::invalid(field, &value.into(), &why));
        }
    }
}

pub(super) fn annotations(map: Option<&Value>, field: &str, causes: &mut Vec<Cause>) {
    let Some(map) = map.and_then(Value::as_object) else {
        return;
    };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    let mut size = 0;
    for key in keys {
        size += key.len() + map.get(key).and_then(Value::as_str).map_or(0, str::len);
        for why in names::qualified(&key.to_lowercase()) {
            causes.push(Cause::invalid(field, &key.as_str().into(), &why));
        }
    }
    if size > ANNOTATIONS {
        causes.push(Cause::too_long(field, ANNOTATIONS));
    }
}

/// What is wrong with a new object's metadata.
pub(super) fn check(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    let name = meta::name(object);
    for why in rule(kind)(name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), &why));
    }
    labels(meta::get(object, "labels"), "metadata.labels", causes);
    annotations(meta::get(object, "annotations"), "metadata.annotations", causes);
    owners(object, causes);
    for (at, finalizer) in meta::finalizers(object).into_iter().enumerate() {
        for why in names::qualified(finalizer) {
            causes.push(Cause::invalid("metadata.finalizers", &finalizer.into(), &why));
        }
        let known = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
        if !known && !finalizer.contains('/') && kind.crd.is_none() {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            let field = format!("metadata.finalizers[{at}]");
            causes.push(Cause::invalid(&field, &finalizer.into(), why));
        }
    }
}

fn owners(object: &Value, causes: &mut Vec<Cause>) {
    let mut controllers = 0;
    for owner in meta::owners(object) {
        let field = "metadata.ownerReferences";
        let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("apiVersion").is_empty() {
            causes.push(Cause::invalid(
                &format!("{field}.apiVersion"),
                &"".into(),
                "version must not be empty",
            ));
        }
        for (key, why) in [
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if text(key).is_empty() {
                causes.push(Cause::invalid(&format!("{field}.{key}"), &"".into(), why));
            }
        }
        controllers += i32::from(owner.get("controller") == Some(&Value::Bool(true)));
    }
    if controllers > 1 {
        let why = "Only one reference can have Controller set to true";
        let value = Value::from(meta::owners(object).to_vec());
        causes.push(Cause::invalid("metadata.ownerReferences", &value, why));
    }
}

/// What is wrong with a change of metadata. The server looks twice, and says what it finds twice.
pub(super) fn check_update(kind: &Kind, object: &Value, old: &Value, causes: &mut Vec<Cause>) {
    if meta::is_terminating(old) {
        let before = meta::finalizers(old);
        let mut new: Vec<&str> = meta::finalizers(object);
        new.retain(|name| !before.contains(name));
        new.sort_unstable();
        if !new.is_empty() {
            let listed: Vec<String> = new.iter().map(|name| format!("{name:?}")).collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                listed.join(", ")
            );
            let times = if kind.crd.is_some() { 1 } else { 2 };
            causes.extend(std::iter::repeat_n(
                Cause::forbidden("metadata.finalizers", &why),
                times,
            ));
        }
    }
    if meta::get(object, "labels") != meta::get(old, "labels") {
        labels(meta::get(object, "labels"), "metadata.labels", causes);
    }
    if meta::get(object, "annotations") != meta::get(old, "annotations") {
        annotations(meta::get(object, "annotations"), "metadata.annotations", causes);
    }
}

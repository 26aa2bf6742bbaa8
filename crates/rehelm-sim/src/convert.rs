//! The same object in another version of its kind.
//!
//! The store keeps one version of each resource (the newest server's preferred one, or a CRD's storage version). Requests
//! in other versions are converted on the way in ([`to_stored`]) and out ([`to_version`]). Most versions differ by name
//! only; the others have a file each. CRDs convert by name only, as the strategy `None` does.

mod autoscaling;
mod definition;
mod endpoints;
mod events;
mod ingress;
mod metrics;

use serde_json::Value;

use crate::kinds::Kind;

/// An object of the store as a version of its kind shows it.
pub(crate) fn to_version(kind: &Kind, mut object: Value) -> Value {
    if !kind.is_stored() && !is_named(&object, &kind.api_version()) {
        match place(kind) {
            ("autoscaling", "v1", "HorizontalPodAutoscaler") => autoscaling::to_v1(&mut object),
            ("autoscaling", "v2beta1", "HorizontalPodAutoscaler") => metrics::to_v2beta1(&mut object),
            ("events.k8s.io", _, "Event") => events::to_new(&mut object),
            ("extensions" | "networking.k8s.io", "v1beta1", "Ingress") => ingress::to_beta(&mut object),
            ("discovery.k8s.io", "v1beta1", "EndpointSlice") => endpoints::to_beta(&mut object),
            ("apiextensions.k8s.io", "v1beta1", "CustomResourceDefinition") => definition::to_beta(&mut object),
            ("flowcontrol.apiserver.k8s.io", "v1beta1" | "v1beta2", "PriorityLevelConfiguration") => {
                shares(&mut object, "nominalConcurrencyShares", "assuredConcurrencyShares");
            }
            _ => {}
        }
    }
    name(&mut object, &kind.api_version(), &kind.facts.kind);
    object
}

/// An object of a request in the version that the store keeps.
pub(crate) fn to_stored(kind: &Kind, mut object: Value) -> Value {
    if kind.is_stored() || is_named(&object, &kind.stored_as) {
        return object;
    }
    match place(kind) {
        ("autoscaling", "v1", "HorizontalPodAutoscaler") => autoscaling::from_v1(&mut object),
        ("autoscaling", "v2beta1", "HorizontalPodAutoscaler") => metrics::from_v2beta1(&mut object),
        ("events.k8s.io", _, "Event") => events::from_new(&mut object),
        ("extensions" | "networking.k8s.io", "v1beta1", "Ingress") => ingress::from_beta(&mut object),
        ("discovery.k8s.io", "v1beta1", "EndpointSlice") => endpoints::from_beta(&mut object),
        ("apiextensions.k8s.io", "v1beta1", "CustomResourceDefinition") => definition::from_beta(&mut object),
        ("flowcontrol.apiserver.k8s.io", "v1beta1" | "v1beta2", "PriorityLevelConfiguration") => {
            shares(&mut object, "assuredConcurrencyShares", "nominalConcurrencyShares");
        }
        _ => {}
    }
    name(&mut object, &kind.stored_as, &kind.facts.kind);
    object
}

fn place(kind: &Kind) -> (&str, &str, &str) {
    let facts = &kind.facts;
    (&facts.group, &facts.version, &facts.kind)
}

fn is_named(object: &Value, api_version: &str) -> bool {
    object.get("apiVersion").and_then(Value::as_str) == Some(api_version)
}

fn name(object: &mut Value, api_version: &str, kind: &str) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".to_owned(), api_version.into());
        map.insert("kind".to_owned(), kind.into());
    }
}

fn shares(object: &mut Value, from: &str, to: &str) {
    if let Some(limited) = object.pointer_mut("/spec/limited") {
        rename(limited, &[(from, to)]);
    }
}

/// Gives fields other names.
fn rename(value: &mut Value, pairs: &[(&str, &str)]) {
    let Some(map) = value.as_object_mut() else { return };
    for (from, to) in pairs {
        if let Some(value) = map.shift_remove(*from) {
            map.insert((*to).to_owned(), value);
        }
    }
}

/// The items of a list below a pointer; none when it is no list.
fn each<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = value.pointer_mut(pointer).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

#[cfg(test)]
mod tests;

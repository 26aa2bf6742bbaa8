//! Namespaces: objects need one that exists and that is not about to go.

use serde_json::{Map, Value, json};

use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;
use crate::world::{CONTROLLERS, World, Writer};

/// Refuses an object whose namespace is not there, and a new one in a namespace that terminates.
pub(super) fn must_take(world: &World, kind: &Kind, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    if !kind.facts.namespaced {
        return Ok(());
    }
    let name = meta::namespace(object);
    let Some(namespace) = world.get("namespaces", "", name) else {
        return Err(Refusal::not_found("namespaces", name));
    };
    let terminating = namespace.pointer("/status/phase").and_then(Value::as_str) == Some("Terminating");
    if old.is_some() || !terminating {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let mut refusal = Refusal::forbidden(&kind.id, meta::name(object), &why);
    if let Some(details) = &mut refusal.details {
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {name} is being terminated"),
            "field": "metadata.namespace",
        }]);
    }
    Err(refusal)
}

/// What every namespace has: its name as a label, and a finalizer in its spec, which only `finalize` takes away.
pub(super) fn mutate(object: &mut Value, old: Option<&Value>, writer: &Writer) {
    if let Some(old) = old {
        // Controllers write everything in one go.
        if writer.subresource != "finalize" && writer.manager != CONTROLLERS {
            let kept = old.pointer("/spec/finalizers").cloned();
            let spec = meta::child_map(object, "spec");
            match kept {
                Some(kept) => spec.insert("finalizers".to_owned(), kept),
                None => spec.shift_remove("finalizers"),
            };
        }
    } else {
        let spec = meta::child_map(object, "spec");
        let list = spec.entry("finalizers").or_insert_with(|| json!([]));
        if !list.is_array() {
            *list = json!([]);
        }
        if let Some(list) = list.as_array_mut()
            && !list.iter().any(|name| name == "kubernetes")
        {
            list.push("kubernetes".into());
        }
    }
    let name = meta::name(object).to_owned();
    let labels = meta::map_mut(object)
        .entry("labels")
        .or_insert_with(|| Value::Object(Map::new()));
    if !labels.is_object() {
        *labels = Value::Object(Map::new());
    }
    if let Some(labels) = labels.as_object_mut() {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
}

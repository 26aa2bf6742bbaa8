//! Defaults that need the whole object.

use serde_json::{Map, Value, json};

use super::pod;
use crate::kinds::Kind;
use crate::meta;

/// Counts changes of a DaemonSet's template; no controller reads it any more.
const TEMPLATE: &str = "deprecated.daemonset.template.generation";

/// Before the object is written in its types.
pub(super) fn before(kind: &Kind, object: &mut Value) {
    match &*kind.id {
        "secrets" => secret(object),
        "namespaces" => {
            let name = meta::name(object).to_owned();
            if !name.is_empty() {
                let labels = meta::map_mut(object).entry("labels").or_insert_with(|| json!({}));
                if let Some(labels) = labels.as_object_mut() {
                    labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
                }
            }
        }
        "pods" => pod::complete(object),
        "daemonsets.apps" if meta::annotation(object, TEMPLATE).is_none() => {
            meta::set_annotation(object, TEMPLATE, "1")
        }
        "replicationcontrollers" => replication_controller(object),
        "jobs.batch" => job(object),
        "customresourcedefinitions.apiextensions.k8s.io" => definition(object),
        _ => {}
    }
}

/// When all else is there.
pub(super) fn after(kind: &Kind, object: &mut Value) {
    if &*kind.id == "statefulsets.apps" {
        let claims = object
            .pointer_mut("/spec/volumeClaimTemplates")
            .and_then(Value::as_array_mut);
        for claim in claims.into_iter().flatten() {
            claim["apiVersion"] = "v1".into();
            claim["kind"] = "PersistentVolumeClaim".into();
        }
    }
}

/// `stringData` is a way of writing `data`.
fn secret(object: &mut Value) {
    use base64::Engine as _;
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|map| map.shift_remove("stringData")) else {
        return;
    };
    let data = meta::child_map(object, "data");
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data.insert(key, base64::engine::general_purpose::STANDARD.encode(text).into());
    }
}

fn labels_of_template(object: &Value) -> Option<Map<String, Value>> {
    let labels = object.pointer("/spec/template/metadata/labels")?.as_object()?;
    (!labels.is_empty()).then(|| labels.clone())
}

fn replication_controller(object: &mut Value) {
    let Some(labels) = labels_of_template(object) else {
        return;
    };
    if object
        .pointer("/spec/selector")
        .is_none_or(|s| s.is_null() || *s == json!({}))
    {
        object["spec"]["selector"] = Value::Object(labels.clone());
    }
    if meta::get(object, "labels").is_none_or(|own| *own == json!({})) {
        meta::set(object, "labels", Value::Object(labels));
    }
}

fn job(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let absent = |spec: &Map<String, Value>, key: &str| spec.get(key).is_none_or(Value::is_null);
    // One completion by one pod, unless it says otherwise.
    if absent(spec, "completions") && absent(spec, "parallelism") {
        spec.insert("completions".to_owned(), 1.into());
    }
    let limit = if absent(spec, "backoffLimitPerIndex") {
        6
    } else {
        i32::MAX
    };
    for (key, value) in [
        ("parallelism", json!(1)),
        ("backoffLimit", json!(limit)),
        ("completionMode", json!("NonIndexed")),
        ("suspend", json!(false)),
    ] {
        if absent(spec, key) {
            spec.insert(key.to_owned(), value);
        }
    }
    if absent(spec, "podReplacementPolicy") {
        let policy = if spec.get("podFailurePolicy").is_some_and(|p| !p.is_null()) {
            "Failed"
        } else {
            "TerminatingOrFailed"
        };
        spec.insert("podReplacementPolicy".to_owned(), policy.into());
    }
    if absent(spec, "manualSelector") {
        spec.insert("manualSelector".to_owned(), false.into());
    }
}

/// What a Job gets when it is made, after the server accounted for its fields: the selector and labels of its own pods.
/// They are its uid, unless it says that it has its own.
pub(crate) fn own_pods(object: &mut Value) {
    let (name, uid) = (meta::name(object).to_owned(), meta::uid(object).to_owned());
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let manual = spec.get("manualSelector") == Some(&Value::Bool(true));
    let known = spec.get("selector").is_some_and(|selector| !selector.is_null());
    if manual || known || uid.is_empty() {
        return;
    }
    spec.insert(
        "selector".to_owned(),
        json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}),
    );
    if !spec.get("template").is_some_and(Value::is_object) {
        return;
    }
    let labels = meta::map_mut(&mut object["spec"]["template"])
        .entry("labels")
        .or_insert(Value::Null);
    if !labels.is_object() {
        *labels = json!({});
    }
    for (key, value) in [
        ("controller-uid", &uid),
        ("job-name", &name),
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
    ] {
        labels[key] = value.clone().into();
    }
    if meta::get(object, "labels").is_none_or(|own| *own == json!({}))
        && let Some(labels) = labels_of_template(object)
    {
        meta::set(object, "labels", Value::Object(labels));
    }
}

/// Versions that were ever stored begin with the first one.
fn definition(object: &mut Value) {
    let versions = object.pointer("/spec/versions").and_then(Value::as_array);
    let stored = versions
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true);
    let Some(name) = stored.map(|version| version["name"].clone()) else {
        return;
    };
    let status = meta::child_map(object, "status");
    if status
        .get("storedVersions")
        .is_none_or(|known| known.is_null() || *known == json!([]))
    {
        status.insert("storedVersions".to_owned(), json!([name]));
    }
}

//! Ingress of `networking.k8s.io/v1beta1` and `extensions/v1beta1`: backends are written in another way.

use serde_json::{Map, Value, json};

use super::{each, rename};

pub(super) fn from_beta(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    rename(spec, &[("backend", "defaultBackend")]);
    if let Some(backend) = spec.get_mut("defaultBackend") {
        backend_from_beta(backend);
    }
    for rule in each(spec, "/rules") {
        for path in each(rule, "/http/paths") {
            if let Some(backend) = path.get_mut("backend") {
                backend_from_beta(backend);
            }
            if let Some(path) = path.as_object_mut() {
                path.entry("pathType")
                    .or_insert_with(|| "ImplementationSpecific".into());
            }
        }
    }
}

pub(super) fn to_beta(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    rename(spec, &[("defaultBackend", "backend")]);
    if let Some(backend) = spec.get_mut("backend") {
        backend_to_beta(backend);
    }
    for rule in each(spec, "/rules") {
        for path in each(rule, "/http/paths") {
            if let Some(backend) = path.get_mut("backend") {
                backend_to_beta(backend);
            }
        }
    }
}

fn backend_from_beta(backend: &mut Value) {
    let Some(map) = backend.as_object_mut() else { return };
    let (name, port) = (map.shift_remove("serviceName"), map.shift_remove("servicePort"));
    if name.is_none() && port.is_none() {
        return;
    }
    let mut service = Map::new();
    if let Some(name) = name {
        service.insert("name".to_owned(), name);
    }
    match port {
        Some(Value::String(text)) if !text.is_empty() => {
            service.insert("port".to_owned(), json!({"name": text}));
        }
        Some(Value::Number(number)) => {
            service.insert("port".to_owned(), json!({"number": number}));
        }
        _ => {}
    }
    map.insert("service".to_owned(), Value::Object(service));
}

fn backend_to_beta(backend: &mut Value) {
    let Some(map) = backend.as_object_mut() else { return };
    let Some(service) = map.shift_remove("service") else {
        return;
    };
    map.insert("serviceName".to_owned(), service["name"].clone());
    let port = &service["port"];
    let port = port.get("number").or_else(|| port.get("name")).cloned();
    map.insert("servicePort".to_owned(), port.unwrap_or_else(|| 0.into()));
}

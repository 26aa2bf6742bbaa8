//! Writes that go past the tap: what somebody else does to the cluster, at once.

use bytes::Bytes;
use futures::FutureExt;
use http::Request;
use http_body_util::{BodyExt, Full};
use rehelm_sim::Sim;
use serde_json::{Value, json};
use tower::Service as _;

/// A request and its answer: status and body; None when the server would have to wait.
pub fn ask(sim: &Sim, method: &str, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
    let media = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let bytes = body.map(ToString::to_string).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", media)
        .body(Full::new(Bytes::from(bytes)))
        .ok()?;
    let answer = sim.service().call(request).now_or_never()?.ok()?;
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().now_or_never()?.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

/// Path of an object that lives, by the built-in kinds' plurals; None for a kind whose plural is not known here.
pub fn path(object: &Value) -> Option<String> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api, kind) = (text("/apiVersion"), text("/kind").to_lowercase());
    let plural = match kind.as_str() {
        "" => return None,
        k if k.ends_with("class") || k.ends_with("ingress") => format!("{k}es"),
        k if k.ends_with("policy") => format!("{}ies", &k[..k.len() - 1]),
        k => format!("{k}s"),
    };
    let root = if api.contains('/') { "apis" } else { "api" };
    let within = match text("/metadata/namespace") {
        "" => String::new(),
        namespace => format!("namespaces/{namespace}/"),
    };
    Some(format!("/{root}/{api}/{within}{plural}/{}", text("/metadata/name")))
}

/// The object without what the server wrote into it, to be created again.
pub fn anew(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(metadata) = copy["metadata"].as_object_mut() {
        metadata.retain(|key, _| ["name", "namespace", "labels", "annotations"].contains(&key.as_str()));
    }
    if let Some(all) = copy.as_object_mut() {
        all.shift_remove("status");
    }
    if copy["kind"] == "PersistentVolumeClaim"
        && let Some(annotations) = copy.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
    {
        annotations.retain(|key, _| !key.starts_with("pv.kubernetes.io/"));
    }
    copy
}

/// Takes away what says that an object is of a release or of a run of ours: a stranger's does not say so.
pub fn unclaimed(object: &mut Value) {
    let mut keep = |place: &str, strange: &dyn Fn(&str) -> bool| {
        if let Some(all) = object.pointer_mut(place).and_then(Value::as_object_mut) {
            all.retain(|key, _| strange(key));
        }
    };
    keep("/metadata/annotations", &|key| {
        let ours = ["rehelm.dev/", "meta.helm.sh/", "helm.sh/"];
        !ours.iter().any(|mark| key.starts_with(mark))
    });
    keep("/metadata/labels", &|key| key != "app.kubernetes.io/managed-by");
}

/// A mark that changes nothing but the version.
pub fn mark() -> Value {
    json!({"metadata": {"annotations": {"rival.example/was-here": "yes"}}})
}

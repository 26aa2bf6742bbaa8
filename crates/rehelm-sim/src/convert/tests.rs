//! Each way and back.

use serde_json::{Value, json};

use super::*;
use crate::kinds::Kinds;
use crate::tables;

/// Goes in as one version, and out again the same; gives what the store has.
fn stored(minor: u32, object: &Value) -> Value {
    let kinds = Kinds::new(&tables::of(minor));
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let kind = kinds.of(text("apiVersion"), text("kind")).expect("served");
    let stored = to_stored(&kind, object.clone());
    assert_eq!(stored["apiVersion"], kind.stored_as);
    assert_eq!(to_version(&kind, stored.clone()), *object, "there and back");
    stored
}

#[test]
fn autoscalers() {
    let spec = json!({"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "a"}, "targetCPUUtilizationPercentage": 70});
    let object = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": spec});
    let kept = stored(35, &object);
    assert_eq!(
        kept["spec"]["metrics"],
        json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}])
    );
    let old = json!([{"type": "Pods", "pods": {"metricName": "hits", "targetAverageValue": "10"}},
        {"type": "Object", "object": {"target": {"kind": "Service", "name": "a"}, "metricName": "x", "targetValue": "5"}},
        {"type": "External", "external": {"metricName": "q", "metricSelector": {"matchLabels": {"a": "b"}}, "targetValue": "30"}}]);
    let object = json!({"apiVersion": "autoscaling/v2beta1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "metrics": old}});
    let kept = stored(22, &object);
    assert_eq!(
        kept["spec"]["metrics"][0],
        json!({"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "10"}}})
    );
    assert_eq!(
        kept["spec"]["metrics"][1]["object"]["describedObject"]["kind"],
        "Service"
    );
    let text = old.to_string();
    let object = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": text}}, "spec": {"maxReplicas": 3}});
    let kinds = Kinds::new(&tables::of(35));
    let v1 = kinds.of("autoscaling/v1", "HorizontalPodAutoscaler").expect("v1");
    let inside = to_stored(&v1, object);
    assert!(inside["metadata"].get("annotations").is_none());
    assert_eq!(inside["spec"]["metrics"], kept["spec"]["metrics"]);
    stored(
        24,
        &json!({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": {}}),
    );
}

#[test]
fn ingresses() {
    for api_version in ["networking.k8s.io/v1beta1", "extensions/v1beta1"] {
        let object = json!({"apiVersion": api_version, "kind": "Ingress", "metadata": {"name": "a"}, "spec": {
            "backend": {"serviceName": "d", "servicePort": "http"},
            "rules": [{"host": "h", "http": {"paths": [
                {"path": "/", "pathType": "ImplementationSpecific", "backend": {"serviceName": "a", "servicePort": 80}}]}}]}});
        let kept = stored(21, &object);
        assert_eq!(kept["apiVersion"], "networking.k8s.io/v1");
        assert_eq!(
            kept["spec"]["defaultBackend"],
            json!({"service": {"name": "d", "port": {"name": "http"}}})
        );
        assert_eq!(
            kept["spec"]["rules"][0]["http"]["paths"][0]["backend"],
            json!({"service": {"name": "a", "port": {"number": 80}}})
        );
    }
}

#[test]
fn events_are_the_same_objects_in_both_groups() {
    let object = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "a"}, "note": "n",
        "regarding": {"kind": "Pod", "name": "p"}, "reportingController": "c", "deprecatedCount": 2});
    let kept = stored(35, &object);
    assert_eq!(kept["involvedObject"]["name"], "p");
    assert_eq!(
        (&kept["message"], &kept["count"], &kept["reportingComponent"]),
        (&json!("n"), &json!(2), &json!("c"))
    );
}

#[test]
fn slices_and_levels() {
    let kept = stored(
        24,
        &json!({"apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "metadata": {"name": "a"},
            "endpoints": [{"addresses": ["1.2.3.4"], "nodeName": "n", "topology": {"kubernetes.io/hostname": "n", "topology.kubernetes.io/zone": "z"}}]}),
    );
    assert_eq!(
        kept["endpoints"][0],
        json!({"addresses": ["1.2.3.4"], "nodeName": "n", "zone": "z"})
    );
    let kept = stored(
        24,
        &json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1beta2", "kind": "PriorityLevelConfiguration", "metadata": {"name": "a"},
            "spec": {"limited": {"assuredConcurrencyShares": 5}}}),
    );
    assert_eq!(kept["spec"]["limited"]["nominalConcurrencyShares"], 5);
}

#[test]
fn definitions() {
    let object = json!({"apiVersion": "apiextensions.k8s.io/v1beta1", "kind": "CustomResourceDefinition", "metadata": {"name": "w.e"},
        "spec": {"group": "e", "version": "v1", "names": {"plural": "w", "kind": "W"},
            "validation": {"openAPIV3Schema": {"type": "object"}}, "subresources": {"status": {}},
            "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let kept = stored(21, &object);
    assert_eq!(
        kept["spec"]["versions"][0]["schema"],
        json!({"openAPIV3Schema": {"type": "object"}})
    );
    assert!(kept["spec"].get("version").is_none());
}

#[tokio::test]
async fn one_object_is_served_in_all_versions() {
    use http_body_util::{BodyExt as _, Full};
    use tower::ServiceExt as _;

    let sim = crate::Sim::new(crate::Options {
        minor: 21,
        ..crate::Options::default()
    });
    let ask = |method: &str, path: &str, body: Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(body)))
            .expect("a request");
        let service = sim.service();
        async move {
            let answer = service.oneshot(request).await.expect("an answer");
            let code = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
            // A version that is not served is a page that is not found.
            (code, serde_json::from_slice::<Value>(&bytes).unwrap_or_default())
        }
    };
    let object = json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "a"},
        "spec": {"backend": {"serviceName": "d", "servicePort": 80}}});
    let (code, made) = ask("POST", "/apis/extensions/v1beta1/namespaces/default/ingresses", object).await;
    assert_eq!(
        (code, &made["apiVersion"]),
        (201, &json!("extensions/v1beta1")),
        "{made}"
    );
    let (_, new) = ask(
        "GET",
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses/a",
        Value::Null,
    )
    .await;
    assert_eq!(new["spec"]["defaultBackend"]["service"]["port"], json!({"number": 80}));
    let (_, list) = ask(
        "GET",
        "/apis/extensions/v1beta1/namespaces/default/ingresses",
        Value::Null,
    )
    .await;
    assert_eq!(list["items"][0]["spec"]["backend"]["serviceName"], "d");
    let v2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    assert_eq!(ask("GET", v2, Value::Null).await.0, 404);
}

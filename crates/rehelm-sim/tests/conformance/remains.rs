//! What a script leaves: the objects of its namespaces, and cluster-scoped ones that carry its prefix.

use serde_json::Value;

use crate::endpoint::Endpoint;
use crate::run::{get, request};

/// Resources in namespaces that are compared at the end. Events are left out: their number depends on timing.
const NAMESPACED: &[&str] = &[
    "/api/v1/configmaps",
    "/api/v1/endpoints",
    "/api/v1/limitranges",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/pods",
    "/api/v1/replicationcontrollers",
    "/api/v1/resourcequotas",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/services",
    "/apis/apps/v1/controllerrevisions",
    "/apis/apps/v1/daemonsets",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/apis/batch/v1/cronjobs",
    "/apis/batch/v1/jobs",
    "/apis/coordination.k8s.io/v1/leases",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/policy/v1/poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/roles",
];

/// Cluster-scoped resources, in the order in which they are removed.
const WHOLE: &[&str] = &[
    "/api/v1/persistentvolumes",
    "/apis/storage.k8s.io/v1/storageclasses",
    "/apis/storage.k8s.io/v1/volumeattachments",
    "/apis/networking.k8s.io/v1/ingressclasses",
    "/apis/scheduling.k8s.io/v1/priorityclasses",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
];

/// The objects now.
async fn now(endpoint: &dyn Endpoint, prefix: &str, namespaces: &[String], extra: &[String]) -> Vec<Value> {
    let mut all = Vec::new();
    for path in extra {
        all.extend(one(endpoint, path).await);
    }
    for namespace in namespaces {
        all.extend(one(endpoint, &format!("/api/v1/namespaces/{namespace}")).await);
        for path in NAMESPACED {
            let (root, resource) = path.rsplit_once('/').unwrap_or_default();
            all.extend(list(endpoint, &format!("{root}/namespaces/{namespace}/{resource}")).await);
        }
    }
    for path in WHOLE {
        let ours = |object: &Value| {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let claim = object["spec"]["claimRef"]["namespace"].as_str().unwrap_or_default();
            !extra.contains(&format!("{path}/{name}")) && name.contains(prefix)
                || namespaces.iter().any(|namespace| namespace == claim)
        };
        all.extend(list(endpoint, path).await.into_iter().filter(ours));
    }
    all
}

/// Paths of all cluster-scoped objects.
pub async fn whole(endpoint: &dyn Endpoint) -> Vec<String> {
    let mut paths = Vec::new();
    for resource in WHOLE {
        let objects = list(endpoint, resource).await;
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        // Volumes are found by the namespace of their claims.
        if !resource.ends_with("/persistentvolumes") {
            paths.extend(objects.iter().map(|object| format!("{resource}/{}", name(object))));
        }
    }
    paths
}

async fn one(endpoint: &dyn Endpoint, path: &str) -> Option<Value> {
    let answer = endpoint.ask(get(path)).await;
    (answer.code == 200).then_some(answer.body)
}

/// Items of a list, each with the kind that lists leave out.
async fn list(endpoint: &dyn Endpoint, path: &str) -> Vec<Value> {
    let Some(mut body) = one(endpoint, path).await else {
        return Vec::new();
    };
    let kind = body["kind"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches("List")
        .to_owned();
    let version = body["apiVersion"].clone();
    let items = body["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    items
        .into_iter()
        .map(|mut item| {
            item["apiVersion"] = version.clone();
            item["kind"] = kind.clone().into();
            item
        })
        .collect()
}

/// The objects once nothing changes any more.
pub async fn settled(endpoint: &dyn Endpoint, prefix: &str, namespaces: &[String], extra: &[String]) -> Vec<Value> {
    let mut before = Vec::new();
    for _ in 0..20 {
        let found = now(endpoint, prefix, namespaces, extra).await;
        if found == before {
            return found;
        }
        before = found;
        for _ in 0..5 {
            endpoint.moment().await;
        }
    }
    before
}

/// Removes everything of a script, from an earlier run too.
pub async fn clear(endpoint: &dyn Endpoint, prefix: &str, namespaces: &[String], extra: &[String]) {
    let mut paths: Vec<String> = namespaces
        .iter()
        .map(|name| format!("/api/v1/namespaces/{name}"))
        .collect();
    paths.extend(extra.iter().cloned());
    for resource in WHOLE {
        for object in list(endpoint, resource).await {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            let claim = object["spec"]["claimRef"]["namespace"].as_str().unwrap_or_default();
            if name.contains(prefix) || namespaces.iter().any(|namespace| namespace == claim) {
                paths.push(format!("{resource}/{name}"));
            }
        }
    }
    for path in &paths {
        endpoint.ask(request("DELETE", path, "application/json", None)).await;
    }
    // What is protected by a finalizer of the script's own is let go.
    let loose = serde_json::json!({"metadata": {"finalizers": null}});
    for round in 0..200 {
        let mut left = false;
        for path in &paths {
            let answer = endpoint.ask(get(path)).await;
            left |= answer.code == 200;
            if answer.code == 200 && round % 20 == 10 {
                if path.starts_with("/api/v1/namespaces/") {
                    release(endpoint, path, &loose).await;
                } else {
                    endpoint
                        .ask(request("PATCH", path, "application/merge-patch+json", Some(&loose)))
                        .await;
                }
            }
        }
        if !left {
            return;
        }
        endpoint.moment().await;
    }
}

/// Takes the finalizers off what holds a namespace.
async fn release(endpoint: &dyn Endpoint, namespace: &str, loose: &Value) {
    for path in NAMESPACED {
        let (root, resource) = path.rsplit_once('/').unwrap_or_default();
        let folder = namespace.trim_start_matches("/api/v1");
        for object in list(endpoint, &format!("{root}{folder}/{resource}")).await {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if object["metadata"]["finalizers"].is_array() {
                let path = format!("{root}{folder}/{resource}/{name}");
                endpoint
                    .ask(request("PATCH", &path, "application/merge-patch+json", Some(loose)))
                    .await;
            }
        }
    }
}

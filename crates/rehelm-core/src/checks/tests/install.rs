//! Versions, places, drift, owners, strangers.

use serde_json::json;

use crate::checks::fixture::{breaks, object};
use crate::finding::Severity::{Error, Info, Warning};

#[test]
fn versions() {
    breaks("kubernetes-documented", Warning, |c| {
        c.observed().facts.version = "v1.34.2-eks-1".into()
    });
    breaks("kubernetes-chart", Error, |c| {
        c.observed().facts.version = "v1.24.0".into()
    });
    breaks("kubernetes-chart", Error, |c| {
        c.observed().facts.version = "v1.34.2-eks-1".into()
    });
    breaks("helm-version", Error, |c| c.observed().helm_version = "v3.7.9".into());
    breaks("helm-render-without-lookup", Warning, |c| {
        c.observed().helm_version = "v3.12.3".into()
    });
    breaks("client-os", Warning, |c| c.input.client_os = "windows".into());
    breaks("kubectl-version", Info, |c| c.input.kubectl_version = None);
    breaks("kubectl-version", Info, |c| {
        c.input.kubectl_version = Some("v1.34.0".into())
    });
    breaks("chart-name", Error, |c| c.observed().chart.name = "other".into());
    breaks("chart-version", Error, |c| c.observed().chart.version = "1.9.0".into());
    breaks("api-not-served", Error, |c| c.observed().facts.api_versions.clear());
}

#[test]
fn helm_before_3_19_wants_a_prerelease_in_every_comparison() {
    let strict = |c: &mut crate::checks::fixture::Case, helm: &str| {
        c.observed().facts.version = "v1.23.4-eks-1".into();
        c.observed().chart.kube_version = Some(">=1.19.0-0 <1.24.0".into());
        c.observed().helm_version = helm.into();
    };
    breaks("kubernetes-chart", Error, |c| strict(c, "v3.18.6"));
    breaks("kubernetes-chart", crate::finding::Severity::Ok, |c| {
        strict(c, "v3.19.0")
    });
}

#[test]
fn another_product_version_shows_in_the_images() {
    breaks("image-version-differs", Error, |c| {
        c.container()["image"] = json!("r.example/api:1.1")
    });
    let one_of_many = breaks("image-version-differs", Warning, |c| {
        for i in 0..3 {
            let one = json!({"name": format!("side-{i}"), "image": "r.example/side:1"});
            let push = |pod: &mut serde_json::Value| {
                pod["spec"]["template"]["spec"]["containers"]
                    .as_array_mut()
                    .unwrap()
                    .push(one.clone())
            };
            push(c.declared("Deployment", "api-main"));
            push(c.live("Deployment", "api-main"));
            c.pod()["containers"].as_array_mut().unwrap().push(one);
        }
        c.container()["image"] = json!("r.example/api:1.1");
    });
    assert_eq!(one_of_many.args["images"], "r.example/api:1.0 → 1.1");
}

#[test]
fn places() {
    let open = breaks("not-confirmed", Error, |c| c.input.confirmed.clear());
    assert_eq!(open.subject, "snapshots");
    for name in ["Shop", "", "-a", &"x".repeat(54)] {
        breaks("release-name", Error, |c| c.observed().places.release = name.into());
    }
    breaks("same-namespace", Error, |c| c.observed().places.target = "old".into());
    let gone = breaks("namespace-state", Error, |c| c.input.around.source_namespace = None);
    assert_eq!(gone.args["state"], "missing");
    let namespace = |extra: serde_json::Value| {
        let mut ns = crate::gather::namespace("new");
        ns.0.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        Some(ns)
    };
    breaks("namespace-state", Error, |c| {
        c.input.around.target_namespace = namespace(json!({"status": {"phase": "Terminating"}}));
    });
    breaks("pod-security", Warning, |c| {
        let labels =
            json!({"metadata": {"name": "new", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        c.input.around.target_namespace = namespace(labels);
    });
}

#[test]
fn drift() {
    breaks("declared-missing", Error, |c| {
        c.observed().live.retain(|k, _| k.kind != "Deployment");
    });
    breaks("declared-missing", Warning, |c| {
        c.observed().live.retain(|k, _| k.kind != "ConfigMap");
    });
    let differs = breaks("declared-differs", Warning, |c| {
        c.live("ConfigMap", "settings")["data"]["host"] = json!("z")
    });
    assert_eq!(differs.args["fields"], "data.host");
    breaks("replicas-drifted", Info, |c| {
        c.live("Deployment", "api-main")["spec"]["replicas"] = json!(5)
    });
    breaks("replicas-drifted", Warning, |c| {
        c.live("Deployment", "api-main")["spec"]["replicas"] = json!(0)
    });
    breaks("object-terminating", Error, |c| {
        c.live("Service", "api-main")["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    });
    breaks("object-owned", Warning, |c| {
        c.live("Service", "api-main")["metadata"]["ownerReferences"] = json!([{"kind": "Operator", "name": "o"}]);
    });
    breaks("object-finalizer", Info, |c| {
        c.live("Service", "api-main")["metadata"]["finalizers"] = json!(["example.org/hold"]);
    });
}

#[test]
fn owners() {
    breaks("foreign-release", Error, |c| {
        c.live("Service", "api-main")["metadata"]["annotations"] =
            json!({"meta.helm.sh/release-name": "other", "meta.helm.sh/release-namespace": "old"});
    });
    for (field, value) in [
        ("annotations", json!({"argocd.argoproj.io/tracking-id": "x"})),
        ("labels", json!({"kustomize.toolkit.fluxcd.io/name": "x"})),
        ("managedFields", json!([{"manager": "argocd-controller"}])),
    ] {
        let found = breaks("gitops-owner", Error, |c| {
            c.live("Service", "api-main")["metadata"][field] = value;
        });
        assert_eq!(found.args["count"], "1");
    }
    let scaler = |api: &str, kind: &str| {
        object(
            json!({"apiVersion": api, "kind": kind, "metadata": {"name": "h", "namespace": "old"},
            "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api-main"}}}),
        )
    };
    breaks("autoscaler", Info, |c| {
        c.observed()
            .autoscalers
            .push(scaler("autoscaling/v2", "HorizontalPodAutoscaler"))
    });
    breaks("scaled-object", Error, |c| {
        c.input
            .around
            .scaled_objects
            .push(scaler("keda.sh/v1alpha1", "ScaledObject"))
    });
}

#[test]
fn immutable_fields_that_differ() {
    let class = |mode: &str| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "fast"}, "provisioner": "p", "volumeBindingMode": mode})
    };
    let found = breaks("immutable-conflict", Info, |c| {
        c.declare(class("Immediate"));
        c.render(class("WaitForFirstConsumer"));
    });
    assert_eq!(found.args["fields"], "/volumeBindingMode");
    let binding = |role: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": role}})
    };
    breaks("immutable-conflict", Warning, |c| {
        c.declare(binding("one"));
        c.render(binding("two"));
    });
}

#[test]
fn strangers() {
    let pod = object(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "backup-job", "namespace": "old", "labels": {"app": "backup"}},
        "spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}, "status": {"phase": "Running"}}));
    let found = breaks("claim-used-by-stranger", Error, |c| c.observed().pods.push(pod.clone()));
    assert_eq!(found.args["pods"], "backup-job");
    breaks("claim-used-by-stranger", crate::finding::Severity::Ok, |c| {
        let mut done = pod;
        done.0["status"]["phase"] = json!("Succeeded");
        c.observed().pods.push(done);
    });
    let found = breaks("stranger-uses", Warning, |c| {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "mine", "namespace": "old"},
            "spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "api-main"}}}]}}]}});
        c.observed().undeclared.push(object(ingress));
    });
    assert_eq!(found.args["objects"], "Service/api-main");
}

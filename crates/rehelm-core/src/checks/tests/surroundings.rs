//! Room, ingress classes, hygiene, rights.

use serde_json::{Value, json};

use crate::checks::fixture::{breaks, object};
use crate::finding::Severity::{Error, Info, Ok, Warning};

fn quota(hard: Value, used: Value) -> crate::object::Object {
    object(
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": "new"},
        "spec": {"hard": hard}, "status": {"used": used}}),
    )
}

#[test]
fn quotas_count_what_is_used_and_what_comes() {
    let found = breaks("quota", Error, |c| {
        c.observed()
            .quotas
            .push(quota(json!({"requests.cpu": "250m"}), json!({"requests.cpu": "100m"})));
    });
    assert_eq!(
        (found.args["needed"].as_str(), found.args["resource"].as_str()),
        ("200m", "requests.cpu")
    );
    breaks("quota", Ok, |c| {
        c.observed()
            .quotas
            .push(quota(json!({"cpu": "200m", "pods": "2"}), json!({})))
    });
    breaks("quota", Error, |c| {
        c.observed()
            .quotas
            .push(quota(json!({"count/deployments.apps": "0"}), json!({})))
    });
    breaks("quota", Error, |c| {
        c.observed()
            .quotas
            .push(quota(json!({"persistentvolumeclaims": 0}), json!({})))
    });
    let bare = |c: &mut crate::checks::fixture::Case| {
        c.container()["resources"] = json!({});
        c.observed()
            .quotas
            .push(quota(json!({"limits.memory": "1Ti"}), json!({})));
    };
    breaks("quota-needs-resources", Error, bare);
    let range = |limits: Value| {
        object(
            json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l", "namespace": "new"},
            "spec": {"limits": [limits]}}),
        )
    };
    breaks("quota-needs-resources", Ok, |c| {
        bare(c);
        c.observed()
            .quotas
            .push(range(json!({"type": "Container", "default": {"memory": "1Gi"}})));
    });
    let found = breaks("limit-range", Error, |c| {
        c.observed().quotas.push(range(
            json!({"type": "Container", "max": {"cpu": "500m"}, "min": {"cpu": "10m"}}),
        ));
    });
    assert_eq!(found.args["fields"], "limits.cpu");
}

#[test]
fn nodes() {
    breaks("nodes-ready", Error, |c| c.observed().nodes.clear());
    breaks("nodes-ready", Warning, |c| {
        let mut second = c.observed().nodes[0].clone();
        second.0["metadata"]["name"] = json!("n2");
        second.0["status"]["conditions"][0]["status"] = json!("False");
        c.observed().nodes.push(second);
    });
    let found = breaks("node-room", Error, |c| {
        c.container()["resources"]["requests"]["cpu"] = json!("5")
    });
    assert_eq!(
        (found.args["needed"].as_str(), found.args["there"].as_str()),
        ("10", "8")
    );
}

#[test]
fn ingress_classes() {
    let class = |name: &str, controller: &str, default: bool| {
        let mut class = object(json!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass",
            "metadata": {"name": name}, "spec": {"controller": controller}}));
        if default {
            class.set_annotation("ingressclass.kubernetes.io/is-default-class", "true");
        }
        class
    };
    breaks("ingress-class-missing", Error, |c| c.observed().ingress_classes.clear());
    breaks("ingress-class-default", Warning, |c| {
        c.observed()
            .ingress_classes
            .extend([class("a", "x", true), class("b", "y", true)]);
    });
    breaks("ingress-class-shared", Info, |c| {
        c.declare(class("edge", "example.org/edge", false).0);
        c.render(class("edge", "example.org/edge", false).0);
    });
    breaks("ingress-controller-other", Warning, |c| {
        c.render(class("edge", "example.org/edge", false).0);
        c.observed()
            .ingress_classes
            .push(class("second", "example.org/edge", false));
    });
}

#[test]
fn what_must_be_alone() {
    let options = |namespace: &str| {
        json!({"apiVersion": "example.org/v1", "kind": "Options",
        "metadata": {"name": "default", "namespace": namespace}})
    };
    breaks("singleton-twice", Ok, |c| c.render(options("new")));
    // The old install's own steps aside when the release brings one.
    breaks("singleton-twice", Ok, |c| {
        c.declare(options("old"));
        c.render(options("new"));
    });
    let found = breaks("singleton-twice", Warning, |c| {
        c.input.around.singletons.push(object(options("elsewhere")));
        c.render(options("new"));
    });
    assert_eq!(found.args["namespaces"], "elsewhere, new");
}

#[test]
fn hygiene() {
    breaks("cluster-admin-default", Info, |c| {
        c.declare(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "old"}]}),
        );
    });
    breaks("host-path", Info, |c| c.pod()["hostNetwork"] = json!(true));
}

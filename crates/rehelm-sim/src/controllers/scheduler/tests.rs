//! Where pods go. The words were seen on a real control plane (Kubernetes 1.35.4) with two nodes.

use serde_json::{Value, json};

use crate::controllers::lab::Lab;
use crate::controllers::read::{list, text};

fn two_nodes() -> Lab {
    let lab = Lab::new();
    lab.create(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-b", "labels": {"kubernetes.io/hostname": "node-b"}}}));
    lab.rest();
    lab
}

fn pod(lab: &Lab, name: &str, labels: Value, more: Value) {
    let mut spec = json!({"containers": [{"name": "c", "image": "x"}]});
    for (key, value) in more.as_object().expect("a mapping") {
        spec[key] = value.clone();
    }
    lab.create(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}));
    lab.wait(2);
}

/// The pod's node, or why it has none.
fn fate(lab: &Lab, name: &str) -> String {
    let pod = lab.get("pods", name);
    let scheduled = list(&pod, "/status/conditions")
        .iter()
        .find(|c| c["type"] == "PodScheduled")
        .cloned();
    let scheduled = scheduled.unwrap_or_default();
    if text(&scheduled, "/status") == "True" {
        text(&pod, "/spec/nodeName").to_owned()
    } else {
        text(&scheduled, "/message").to_owned()
    }
}

const HOPELESS: &str =
    "no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
const CROWDED: &str =
    "no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.";

#[test]
fn a_pod_that_suits_nowhere_is_told_why() {
    let required = |kind: &str, rule: Value| json!({kind: {"requiredDuringSchedulingIgnoredDuringExecution": rule}});
    let term = json!([{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"none": "y"}}}]);
    let nodes = json!({"nodeSelectorTerms": [{"matchExpressions": [{"key": "q", "operator": "Exists"}]}]});
    let cpu =
        |cpu: &str| json!([{"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu, "memory": "3Pi"}}}]);
    let claim = |name: &str| json!([{"name": "v", "persistentVolumeClaim": {"claimName": name}}]);
    for (spec, wanted) in [
        (
            json!({"nodeSelector": {"a": "b"}}),
            format!("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. {HOPELESS}"),
        ),
        (
            json!({"affinity": required("nodeAffinity", nodes)}),
            format!("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. {HOPELESS}"),
        ),
        (
            json!({"containers": cpu("6k")}),
            format!("0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. {HOPELESS}"),
        ),
        (
            json!({"affinity": required("podAffinity", term)}),
            format!("0/2 nodes are available: 2 node(s) didn't match pod affinity rules. {HOPELESS}"),
        ),
        (
            json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "nokey", "whenUnsatisfiable": "DoNotSchedule"}]}),
            format!(
                "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints (missing required \
                 label). {HOPELESS}"
            ),
        ),
        (
            json!({"volumes": claim("none")}),
            "0/2 nodes are available: persistentvolumeclaim \"none\" not found. not found".to_owned(),
        ),
        (
            json!({"volumes": claim("unbound")}),
            "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found".to_owned(),
        ),
        (
            json!({"volumes": claim("far")}),
            format!("0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity. {HOPELESS}"),
        ),
        (
            json!({"volumes": claim("later")}),
            format!("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind. {HOPELESS}"),
        ),
    ] {
        let lab = two_nodes();
        storage(&lab);
        pod(&lab, "p", json!({}), spec.clone());
        assert_eq!(fate(&lab, "p"), wanted, "{spec}");
        let told = lab.list("events");
        let told = told
            .iter()
            .find(|e| e["reason"] == "FailedScheduling")
            .expect("an event");
        assert_eq!(told["message"], wanted.as_str());
        assert_eq!(told["type"], "Warning");
        assert!(told["eventTime"].is_string());
    }
}

fn storage(lab: &Lab) {
    lab.create(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "later"},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    let affinity = json!({"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["x"]}]}]}});
    lab.create(json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "far"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "far",
            "nfs": {"server": "s", "path": "/"}, "nodeAffinity": affinity,
        },
    }));
    lab.wait(1);
    for (name, class) in [("unbound", "none"), ("far", "far"), ("later", "later")] {
        lab.create(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": class,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }));
    }
    lab.wait(1);
}

#[test]
fn pods_that_keep_apart_fill_the_nodes_and_the_next_waits_for_a_place() {
    let lab = two_nodes();
    let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"x": "y"}}}]}}});
    for name in ["a", "b", "c"] {
        pod(&lab, name, json!({"x": "y"}), apart.clone());
    }
    assert_eq!(
        (fate(&lab, "a"), fate(&lab, "b")),
        ("node-a".to_owned(), "node-b".to_owned())
    );
    let wanted = format!("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. {CROWDED}");
    assert_eq!(fate(&lab, "c"), wanted);
    lab.delete("pods", "a", "Background");
    lab.rest();
    assert_eq!(fate(&lab, "c"), "node-a");
}

#[test]
fn ports_of_the_node_are_taken_once() {
    let lab = two_nodes();
    let port = json!({"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80, "hostPort": 8080}]}]});
    for name in ["a", "b", "c"] {
        pod(&lab, name, json!({}), port.clone());
    }
    let why = "2 node(s) didn't have free ports for the requested pod ports.";
    assert_eq!(fate(&lab, "c"), format!("0/2 nodes are available: {why} {CROWDED}"));
}

#[test]
fn cordons_and_taints_keep_pods_away_until_they_are_lifted() {
    let to = |node: &str| json!({"nodeSelector": {"kubernetes.io/hostname": node}});
    let lab = two_nodes();
    lab.change("nodes", "node-a", |node| node["spec"]["unschedulable"] = true.into());
    pod(&lab, "p", json!({}), to("node-a"));
    let why = "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.";
    assert_eq!(fate(&lab, "p"), format!("0/2 nodes are available: {why} {HOPELESS}"));
    lab.change("nodes", "node-a", |node| node["spec"] = json!({}));
    lab.wait(2);
    assert_eq!(fate(&lab, "p"), "node-a");
    let taints = json!([{"key": "k", "value": "v", "effect": "NoSchedule"}]);
    lab.change("nodes", "node-b", |node| node["spec"]["taints"] = taints);
    pod(&lab, "q", json!({}), to("node-b"));
    let why = "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s).";
    assert_eq!(fate(&lab, "q"), format!("0/2 nodes are available: {why} {HOPELESS}"));
    let mut tolerant = to("node-b");
    tolerant["tolerations"] = json!([{"key": "k", "operator": "Exists"}]);
    pod(&lab, "r", json!({}), tolerant);
    assert_eq!(fate(&lab, "r"), "node-b");
}

#[test]
fn pods_go_where_the_fewest_are() {
    let lab = two_nodes();
    for name in ["a", "b", "c", "d"] {
        pod(&lab, name, json!({}), json!({}));
    }
    let nodes: Vec<String> = ["a", "b", "c", "d"].iter().map(|name| fate(&lab, name)).collect();
    assert_eq!(nodes, ["node-a", "node-b", "node-a", "node-b"]);
}

#[test]
fn a_pod_is_given_a_volume_that_can_be_reached() {
    let lab = two_nodes();
    storage(&lab);
    let affinity = json!({"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["node-b"]}]}]}});
    lab.create(json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "local"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "storageClassName": "later",
            "local": {"path": "/"}, "nodeAffinity": affinity,
        },
    }));
    lab.wait(1);
    pod(
        &lab,
        "p",
        json!({}),
        json!({"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "later"}}]}),
    );
    lab.rest();
    assert_eq!(fate(&lab, "p"), "node-b");
    assert_eq!(
        lab.get("persistentvolumeclaims", "later")["spec"]["volumeName"],
        "local"
    );
    assert_eq!(lab.get("persistentvolumes", "local")["status"]["phase"], "Bound");
}

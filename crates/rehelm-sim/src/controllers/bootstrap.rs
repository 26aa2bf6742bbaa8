//! What a new cluster has: namespaces, machines, the API's own Service, system roles and priority classes.
//!
//! Roles, bindings and classes are those of a real 1.35 server, taken from one that had nothing else, without what the
//! server fills in: `tables/bootstrap.json`, which `cargo xtask sim-tables` writes. Flow schemas, priority levels, the
//! service CIDR and its addresses, and the Lease of the server are left out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{World, Writer};

const TABLE: &str = include_str!("../../tables/bootstrap.json");

/// Where the API server can be found, as far as the cluster knows.
const SERVER: &str = "192.0.2.2";
const PORT: u16 = 6443;

/// A machine of a new cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// Name; the label `kubernetes.io/hostname` has the same value.
    pub name: String,
    /// More labels.
    pub labels: BTreeMap<String, String>,
    /// Capacity and allocatable; empty stands for more than any test needs.
    pub capacity: BTreeMap<String, String>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            name: "node-a".to_owned(),
            labels: BTreeMap::new(),
            capacity: BTreeMap::new(),
        }
    }
}

/// Creates an object; a kind that the posed minor does not serve is left out.
fn create(world: &mut World, object: Value) {
    let text = |field| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let Some(kind) = world.kinds.of(text("apiVersion"), text("kind")) else {
        return;
    };
    if let Err(refusal) = world.insert(&kind, object, &Writer::new("kube-apiserver", ""), false) {
        tracing::error!(message = refusal.message, "an object of every cluster was refused");
    }
}

/// Makes a new cluster.
pub(crate) fn bootstrap(world: &mut World) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        create(world, namespace);
    }
    let table: Vec<Value> = serde_json::from_str(TABLE).expect("the table is well formed: a test reads it");
    for object in table {
        create(world, object);
    }
    for object in own_service() {
        create(world, object);
    }
    super::attach::bootstrap(world);
    for node in world.options.nodes.clone() {
        create(world, machine(&node));
    }
}

/// The Service through which pods find the API, and what is behind it.
fn own_service() -> Vec<Value> {
    let port = json!({"name": "https", "port": PORT, "protocol": "TCP"});
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": PORT}],
        },
    });
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{"addresses": [{"ip": SERVER}], "ports": [port]}],
    });
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": "kubernetes", "namespace": "default", "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [SERVER], "conditions": {"ready": true}}],
        "ports": [port],
    });
    vec![service, endpoints, slice]
}

fn machine(options: &NodeOptions) -> Value {
    let mut labels = options.labels.clone();
    for (key, value) in [
        ("kubernetes.io/hostname", &*options.name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
    ] {
        labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    let mut node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": options.name,
            "labels": labels,
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {},
    });
    if !options.capacity.is_empty() {
        node["status"] = json!({"capacity": options.capacity, "allocatable": options.capacity});
    }
    node
}

#[cfg(test)]
mod tests {
    use crate::controllers::{lab::Lab, read};
    use crate::{Options, Sim};

    #[test]
    fn a_new_cluster_has_what_every_cluster_has() {
        let lab = Lab::new();
        let count = |resource| lab.with(|world| world.list(resource, None).len());
        assert_eq!(count("clusterroles.rbac.authorization.k8s.io"), 68);
        assert_eq!(count("clusterrolebindings.rbac.authorization.k8s.io"), 49);
        assert_eq!(count("priorityclasses.scheduling.k8s.io"), 2);
        assert_eq!(count("serviceaccounts"), 5);
        let role = |name| lab.get("clusterroles.rbac.authorization.k8s.io", name);
        for name in ["cluster-admin", "admin", "edit", "view"] {
            assert!(!read::list(&role(name), "/rules").is_empty(), "{name}");
        }
        assert!(
            lab.with(|world| world.get("services", "default", "kubernetes"))
                .is_some()
        );
        assert!(read::has_condition(&lab.get("nodes", "node-a"), "Ready"));
    }

    #[test]
    fn every_minor_can_begin() {
        for minor in 21..=35 {
            let sim = Sim::new(Options {
                minor,
                ..Options::default()
            });
            sim.quiesce(std::time::Duration::from_secs(60));
            assert!(sim.objects().len() > 100, "1.{minor}");
        }
    }

    #[test]
    fn roles_gather_the_rules_of_others() {
        let lab = Lab::new();
        let before = lab.get("clusterroles.rbac.authorization.k8s.io", "view");
        let rule = serde_json::json!({"apiGroups": ["example.com"], "resources": ["notes"], "verbs": ["get"]});
        lab.create(
            serde_json::json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "notes", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [rule]}),
        );
        lab.rest();
        for name in ["view", "edit", "admin"] {
            let role = lab.get("clusterroles.rbac.authorization.k8s.io", name);
            assert!(read::list(&role, "/rules").contains(&rule), "{name}");
        }
        lab.delete("clusterroles.rbac.authorization.k8s.io", "notes", "Background");
        lab.rest();
        let after = lab.get("clusterroles.rbac.authorization.k8s.io", "view");
        assert_eq!(before["rules"], after["rules"]);
    }
}

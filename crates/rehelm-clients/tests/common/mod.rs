//! The control plane that the tests of this crate stand on.
#![allow(dead_code)]

use camino::Utf8PathBuf;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::Cluster;
use serde_json::{Value, json};

/// A running control plane with Helm and kubectl.
pub struct Bed {
    pub kubeconfig: Utf8PathBuf,
    pub helm: Utf8PathBuf,
    pub kubectl: Utf8PathBuf,
}

/// None when this machine cannot run one; says so on stderr.
#[allow(clippy::print_stderr)]
pub async fn bed() -> Option<Bed> {
    let named = |name: &str| std::env::var(name).ok().map(Utf8PathBuf::from);
    match (named("REHELM_TEST_KUBECONFIG"), named("HELM_BIN"), named("KUBECTL_BIN")) {
        (Some(kubeconfig), Some(helm), Some(kubectl)) => Some(Bed {
            kubeconfig,
            helm,
            kubectl,
        }),
        _ => {
            eprintln!("skipped: no control plane");
            None
        }
    }
}

impl Bed {
    pub fn access(&self) -> KubeAccess {
        KubeAccess {
            kubeconfig: Some(self.kubeconfig.clone()),
            ..KubeAccess::default()
        }
    }

    pub async fn cluster(&self) -> KubeCluster {
        KubeCluster::open(&self.access()).await.unwrap()
    }
}

pub fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

pub async fn namespace(cluster: &KubeCluster, name: &str) {
    let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    cluster.create(&namespace, false).await.unwrap();
}

pub fn config_map(namespace: &str, name: &str) -> Object {
    object(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "a"}},
        "data": {"k": "v"},
    }))
}

pub fn config_map_ref(namespace: &str, name: &str) -> ObjRef {
    ObjRef::new("v1", "ConfigMap", Some(namespace), name)
}

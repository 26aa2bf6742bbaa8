//! The control plane that the tests of this crate stand on.
#![allow(dead_code)]

use camino::Utf8PathBuf;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::Cluster;
use rehelm_testbed::{HelmMajor, Options, Testbed};
use serde_json::{Value, json};

/// A running control plane with Helm and kubectl.
pub struct Bed(pub Testbed);

/// None when this machine cannot run one; says so on stderr.
#[allow(clippy::print_stderr)]
pub async fn bed(helm: HelmMajor) -> Option<Bed> {
    let options = Options {
        helm,
        ..Options::for_test()
    };
    match Testbed::up(options).await {
        Ok(testbed) => Some(Bed(testbed)),
        Err(e) if e.is_unavailable() => {
            eprintln!("SKIPPED, no testbed: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

impl Bed {
    pub fn access(&self) -> KubeAccess {
        KubeAccess {
            kubeconfig: Some(self.0.kubeconfig.clone()),
            ..KubeAccess::default()
        }
    }

    pub async fn cluster(&self) -> KubeCluster {
        KubeCluster::open(&self.access()).await.unwrap()
    }
}

pub fn fixture(path: &str) -> Utf8PathBuf {
    Utf8PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(path)
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

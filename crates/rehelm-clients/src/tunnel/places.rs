//! Which pod a name leads to at the moment.
//!
//! A Service leads to one of its ready pods, and to the same one until that fails: a driver's connections to one name must
//! not end at different servers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{Cluster, PortError, PortResult, Select};
use serde_json::Value;

use super::names::{Meaning, meanings};
use crate::kube::KubeCluster;

/// A port of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub namespace: String,
    pub pod: String,
    pub port: u16,
}

pub(super) struct Places {
    cluster: Arc<KubeCluster>,
    home: String,
    known: Mutex<HashMap<(String, u16), Place>>,
}

impl Places {
    pub fn new(cluster: Arc<KubeCluster>, home: String) -> Self {
        Self {
            cluster,
            home,
            known: Mutex::default(),
        }
    }

    /// Where a name leads.
    pub async fn find(&self, host: &str, port: u16) -> PortResult<Place> {
        let key = (host.to_owned(), port);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(known.clone());
        }
        for meaning in meanings(host, &self.home) {
            let found = match &meaning {
                Meaning::Service { namespace, name } => self.behind(namespace, name, port).await?,
                Meaning::Pod {
                    namespace,
                    name,
                    service,
                } => self.pod(namespace, name, service.as_deref(), port).await?,
                Meaning::Address(address) => self.at(address, port).await?,
            };
            if let Some(place) = found {
                self.known
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(key, place.clone());
                return Ok(place);
            }
        }
        Err(PortError::NotFound(format!(
            "a service or pod of the cluster that `{host}` names (short names are looked up in namespace {})",
            self.home
        )))
    }

    /// The next one who asks is told what is there then.
    pub fn forget(&self, host: &str, port: u16) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&(host.to_owned(), port));
    }

    async fn behind(&self, namespace: &str, name: &str, port: u16) -> PortResult<Option<Place>> {
        let service = ObjRef::new("v1", "Service", Some(namespace), name);
        let Some(found) = self.cluster.get(&service).await? else {
            return Ok(None);
        };
        let what = format!("service {namespace}/{name}");
        if let Some(other) = found.str("/spec/externalName") {
            return Err(PortError::Invalid(
                what,
                format!("it leads out of the cluster, to {other}"),
            ));
        }
        let Some(selector) = found.get("/spec/selector").and_then(Value::as_object) else {
            return Err(PortError::Invalid(what, "it selects no pods".to_owned()));
        };
        let pairs = selector
            .iter()
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
        let select = Select {
            namespace: Some(namespace.to_owned()),
            labels: Some(pairs.collect::<Vec<_>>().join(",")),
            fields: None,
        };
        let mut pods = self.cluster.list("v1", "Pod", &select).await?;
        pods.sort_by(|a, b| a.name().cmp(b.name()));
        let Some(pod) = pods.iter().find(|pod| ready(pod)) else {
            return Err(PortError::Unavailable(format!(
                "{what}: none of its {} pods is ready",
                pods.len()
            )));
        };
        let port =
            target_port(&found, pod, port).ok_or_else(|| PortError::Invalid(what, format!("it has no port {port}")))?;
        Ok(Some(Place {
            namespace: namespace.to_owned(),
            pod: pod.name().to_owned(),
            port,
        }))
    }

    async fn pod(&self, namespace: &str, name: &str, service: Option<&str>, port: u16) -> PortResult<Option<Place>> {
        let place = |pod: &Object| Place {
            namespace: namespace.to_owned(),
            pod: pod.name().to_owned(),
            port,
        };
        let below = |pod: &Object| service.is_none_or(|service| pod.str("/spec/subdomain") == Some(service));
        // Pods of a stateful set have the host name that they are named by.
        let reference = ObjRef::new("v1", "Pod", Some(namespace), name);
        if let Some(pod) = self.cluster.get(&reference).await?.filter(below) {
            return Ok(Some(place(&pod)));
        }
        let select = Select {
            namespace: Some(namespace.to_owned()),
            ..Select::default()
        };
        let pods = self.cluster.list("v1", "Pod", &select).await?;
        let named = |pod: &&Object| pod.str("/spec/hostname") == Some(name) && below(pod);
        Ok(pods.iter().find(named).map(place))
    }

    async fn at(&self, address: &str, port: u16) -> PortResult<Option<Place>> {
        let select = Select {
            namespace: Some(self.home.clone()),
            ..Select::default()
        };
        let pods = self.cluster.list("v1", "Pod", &select).await?;
        let found = pods.iter().find(|pod| pod.str("/status/podIP") == Some(address));
        Ok(found.map(|pod| Place {
            namespace: self.home.clone(),
            pod: pod.name().to_owned(),
            port,
        }))
    }
}

fn ready(pod: &Object) -> bool {
    let conditions = pod.get("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    pod.get("/metadata/deletionTimestamp").is_none() && conditions.is_some_and(|all| all.iter().any(ready))
}

/// The pod's port behind a Service's; a Service without an address has none of its own in between.
fn target_port(service: &Object, pod: &Object, port: u16) -> Option<u16> {
    if service.str("/spec/clusterIP") == Some("None") {
        return Some(port);
    }
    let list = |object: &Object, path: &str| -> Vec<Value> {
        object.get(path).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let own = list(service, "/spec/ports")
        .into_iter()
        .find(|own| own["port"] == port)?;
    match &own["targetPort"] {
        Value::Null => Some(port),
        Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        named => {
            let containers = list(pod, "/spec/containers");
            let ports = containers
                .iter()
                .filter_map(|container| container["ports"].as_array())
                .flatten();
            let found = ports.into_iter().find(|port| port["name"] == *named)?;
            found["containerPort"]
                .as_u64()
                .and_then(|number| u16::try_from(number).ok())
        }
    }
}

//! Events as kubectl and a migration's diagnosis read them.

use super::Cluster;
use crate::Result;
use k8s_openapi::api::core::v1::{Event as Record, ObjectReference};
use kube::api::{Api, PostParams};
use kube::{Resource, ResourceExt};
use serde_json::json;

/// One event about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) warning: bool,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Event {
    /// A warning.
    pub(crate) fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: true,
            reason,
            message: message.into(),
        }
    }

    /// A normal event.
    pub(crate) fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            warning: false,
            reason,
            message: message.into(),
        }
    }

    /// Writes it to the cluster, as said by `component`.
    pub(crate) async fn post<K>(&self, cluster: &Cluster, about: &K, component: &str) -> Result<()>
    where
        K: Resource<DynamicType = ()>,
    {
        let namespace = about.namespace().unwrap_or_else(|| "default".into());
        let now = jiff::Timestamp::now();
        let object: ObjectReference = about.object_ref(&());
        let seconds = format!("{now:.0}");
        let record: Record = serde_json::from_value(json!({
            "metadata": {"name": format!("{}.{:x}", about.name_any(), now.as_nanosecond()), "namespace": namespace},
            "involvedObject": object,
            "type": if self.warning { "Warning" } else { "Normal" },
            "reason": self.reason,
            "message": self.message,
            "source": {"component": component},
            "reportingComponent": component,
            "firstTimestamp": seconds,
            "lastTimestamp": seconds,
            "count": 1,
        }))
        .map_err(|e| crate::Error::Data(e.to_string()))?;
        Api::namespaced(cluster.client.clone(), &namespace)
            .create(&PostParams::default(), &record)
            .await?;
        Ok(())
    }
}

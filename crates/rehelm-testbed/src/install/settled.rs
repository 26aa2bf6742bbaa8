//! Waiting until what was asked for is there.

use crate::{Result, Testbed, wait};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::{Resource, ResourceExt};
use std::time::{Duration, Instant};

impl Testbed {
    /// Waits until every claim is bound and every Deployment and StatefulSet has all its pods ready.
    pub async fn settled(&self, namespace: Option<&str>, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let left = || deadline.saturating_duration_since(Instant::now());
        wait::until(self.api::<PersistentVolumeClaim>(namespace), "claims", left(), |all| {
            let bound = |c: &PersistentVolumeClaim| c.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Bound");
            all.iter().filter(|c| !bound(c)).map(|c| name(&**c)).collect()
        })
        .await?;
        wait::until(self.api::<Deployment>(namespace), "deployments", left(), |all| {
            all.iter().filter(|d| !deployed(d)).map(|d| name(&**d)).collect()
        })
        .await?;
        wait::until(self.api::<StatefulSet>(namespace), "stateful sets", left(), |all| {
            all.iter().filter(|s| !stateful(s)).map(|s| name(&**s)).collect()
        })
        .await
    }

    /// Waits until the server serves every custom kind.
    pub async fn kinds_established(&self, limit: Duration) -> Result<()> {
        let api = Api::<CustomResourceDefinition>::all(self.client());
        wait::until(api, "custom kinds", limit, |all| {
            all.iter().filter(|d| !established(d)).map(|d| d.name_any()).collect()
        })
        .await
    }

    fn api<K>(&self, namespace: Option<&str>) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        match namespace {
            Some(namespace) => Api::namespaced(self.client(), namespace),
            None => Api::all(self.client()),
        }
    }
}

fn name(object: &impl ResourceExt) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

fn deployed(d: &Deployment) -> bool {
    let wanted = d.spec.replicas.unwrap_or(1);
    d.status.as_ref().is_some_and(|s| {
        let counts = [s.replicas, s.updated_replicas, s.available_replicas];
        s.observed_generation >= d.metadata.generation && counts.iter().all(|n| n.unwrap_or(0) == wanted)
    })
}

fn stateful(set: &StatefulSet) -> bool {
    let wanted = set.spec.replicas.unwrap_or(1);
    set.status.as_ref().is_some_and(|s| {
        s.observed_generation >= set.metadata.generation
            && s.replicas == wanted
            && s.ready_replicas.unwrap_or(0) == wanted
    })
}

fn established(d: &CustomResourceDefinition) -> bool {
    let conditions = d.status.iter().flat_map(|s| s.conditions.iter().flatten());
    conditions
        .into_iter()
        .any(|c| c.type_ == "Established" && c.status == "True")
}

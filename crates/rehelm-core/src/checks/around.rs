//! What the checks read of the cluster beside what a plan is made from.

use crate::gather;
use crate::inventory::Places;
use crate::object::Object;
use crate::ports::{Cluster, PortError, PortResult, Select};
use crate::profile::Profile;

/// Objects around the two installs.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Namespace of the old install; None when it is not there.
    pub source_namespace: Option<Object>,
    /// Namespace of the release; None when it is not there yet.
    pub target_namespace: Option<Object>,
    /// Claims of the release's namespace.
    pub target_claims: Vec<Object>,
    /// Objects in all namespaces that the profile wants to be the only ones of their name.
    pub singletons: Vec<Object>,
    /// Autoscalers of KEDA in the old namespace, which start what was stopped.
    pub scaled_objects: Vec<Object>,
}

/// Reads it; only reads. What this identity may not see is taken for absent: `right-missing` speaks of what it needs.
///
/// # Errors
/// When the cluster does not answer.
pub async fn look(cluster: &dyn Cluster, places: &Places, profile: &Profile) -> PortResult<Around> {
    let (source, target) = (
        gather::namespace_ref(&places.source),
        gather::namespace_ref(&places.target),
    );
    let (source_namespace, target_namespace, target_claims, scaled_objects) = futures::try_join!(
        cluster.get(&source),
        cluster.get(&target),
        list(cluster, "v1", "PersistentVolumeClaim", Some(&places.target)),
        list(cluster, "keda.sh/v1alpha1", "ScaledObject", Some(&places.source)),
    )?;
    let mut singletons = Vec::new();
    for wanted in &profile.ingress.singletons {
        let all = list(cluster, &wanted.api_version, &wanted.kind, None).await?;
        singletons.extend(all.into_iter().filter(|o| o.name() == wanted.name));
    }
    Ok(Around {
        source_namespace,
        target_namespace,
        target_claims,
        singletons,
        scaled_objects,
    })
}

async fn list(cluster: &dyn Cluster, api: &str, kind: &str, namespace: Option<&str>) -> PortResult<Vec<Object>> {
    let select = Select {
        namespace: namespace.map(str::to_owned),
        ..Select::default()
    };
    match cluster.list(api, kind, &select).await {
        Err(PortError::Forbidden(_) | PortError::NotFound(_)) => Ok(Vec::new()),
        answer => answer,
    }
}

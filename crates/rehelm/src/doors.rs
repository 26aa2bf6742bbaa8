//! The one place that chooses what is behind the ports: the real cluster, Helm, databases and files.

use std::future::Future;

use rehelm_clients::kube::{KubeAccess, KubeCluster};

use crate::cli::global::Global;
use crate::errors::{Context, Error, Result};

/// Runs a verb's asynchronous part to its end.
///
/// # Errors
/// What the part says, or that no runtime could be made.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Runtime::new().context(|| "cannot start the runtime".to_owned())?;
    runtime.block_on(work)
}

/// The cluster that the flags and the configuration's context name.
///
/// # Errors
/// When kubectl would not find it either.
pub async fn cluster(global: &Global, context: Option<&str>) -> Result<KubeCluster> {
    let access = KubeAccess {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone().or_else(|| context.map(str::to_owned)),
        impersonate: global.impersonate.clone(),
        impersonate_groups: global.impersonate_group.clone(),
        request_timeout: global.request_timeout,
    };
    KubeCluster::open(&access).await.map_err(|error| {
        Error::failed("cannot reach the cluster")
            .because(error)
            .hint("`kubectl cluster-info` with the same flags shows more")
    })
}

//! A container of a pod as a place where scripts run.

use std::sync::Arc;

use async_trait::async_trait;
use rehelm_core::object::ObjRef;
use rehelm_core::ports::{PortError, PortResult};
use secrecy::SecretString;

use super::{Said, Shell};
use crate::kube::{KubeCluster, Spoken};

/// Runs scripts in a container.
pub struct PodShell {
    /// The cluster.
    pub cluster: Arc<KubeCluster>,
    /// The pod.
    pub pod: ObjRef,
    /// The container; the API server's choice when none is named.
    pub container: Option<String>,
}

#[async_trait]
impl Shell for PodShell {
    async fn run(
        &self,
        script: &str,
        args: &[String],
        input: &SecretString,
        heard: &(dyn for<'x> Fn(Said, &'x str) + Send + Sync),
    ) -> PortResult<i32> {
        let mut command = ["sh", "-c", script, "rehelm"].map(str::to_owned).to_vec();
        command.extend_from_slice(args);
        let spoken = Spoken {
            command: &command,
            input,
            heard,
        };
        let code = self
            .cluster
            .speak_inside(&self.pod, self.container.as_deref(), &spoken)
            .await?;
        code.ok_or_else(|| PortError::Other(format!("{}: nothing runs in its containers", self.pod)))
    }
}

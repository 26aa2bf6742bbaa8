//! Helm, played: a release that the real one installed once is installed again by the same writes in the same order, through
//! the same tap as everything else, so that it can be killed at each of them and takes milliseconds.
//!
//! What it must have in common with the real one is the cluster afterwards; `tests/stand_in.rs` compares both.

mod hooks;
mod play;
mod recording;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rehelm_clients::kube::KubeCluster;
use rehelm_core::object::Object;
use rehelm_core::ports::{
    ChartFacts, Clock, Cluster, Helm, PortError, PortResult, Precondition, ReleaseSpec, ReleaseState, Rendered, Select,
};

pub use play::Player;
pub use recording::{Recording, records};
pub use wire::{KILLED, Wire};

/// The install that may outlive its tool.
#[derive(Clone, Default)]
pub struct Leftover(Arc<Mutex<Option<tokio::task::AbortHandle>>>);

impl Leftover {
    fn set(&self, handle: Option<tokio::task::AbortHandle>) -> Option<tokio::task::AbortHandle> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), handle)
    }

    /// Ends it, as the next command does.
    pub fn end(&self) {
        if let Some(handle) = self.set(None) {
            handle.abort();
        }
    }
}

/// Helm's stand-in for one process of the tool.
pub struct StandIn {
    /// What it plays.
    pub recording: Arc<Recording>,
    /// How it asks the cluster.
    pub wire: Wire,
    /// For what the tool reads through the port.
    pub cluster: Arc<KubeCluster>,
    /// What an earlier process may have left at work; None when Helm dies with the tool.
    pub leftover: Option<Leftover>,
    /// The tool ends a Helm that takes too long.
    pub clock: Arc<dyn Clock>,
}

/// As the tool gives the real one: four hooks of ten minutes, and five more.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(2700);

impl StandIn {
    fn player(&self, spec: &ReleaseSpec) -> Player {
        Player {
            recording: self.recording.clone(),
            wire: self.wire.clone(),
            cluster: self.cluster.clone(),
            release: spec.release.clone(),
            namespace: spec.namespace.clone(),
        }
    }
}

#[async_trait]
impl Helm for StandIn {
    async fn version(&self) -> PortResult<String> {
        Ok(self.recording.version.clone())
    }

    async fn chart(&self, _: &ReleaseSpec) -> PortResult<ChartFacts> {
        Ok(self.recording.chart.clone())
    }

    async fn render(&self, spec: &ReleaseSpec, _: &[Object]) -> PortResult<Rendered> {
        let hooks = self.recording.hooks.iter().map(|hook| hook.object.clone());
        let mut objects: Vec<Object> = self.recording.objects.iter().cloned().chain(hooks).collect();
        recording::place(&self.cluster, &mut objects, &spec.namespace).await;
        Ok(Rendered {
            objects,
            crds: self.recording.crds.clone(),
            notes: Vec::new(),
        })
    }

    async fn install(&self, spec: &ReleaseSpec, dry_run: bool) -> PortResult<()> {
        if dry_run {
            return Ok(());
        }
        let player = self.player(spec);
        let Some(leftover) = &self.leftover else {
            return tokio::select! {
                outcome = player.upgrade_install() => outcome,
                () = self.clock.sleep(LONGEST) => Err(PortError::Other("helm takes too long and was ended".to_owned())),
            };
        };
        let task = tokio::spawn(async move { player.upgrade_install().await });
        leftover.set(Some(task.abort_handle()));
        let outcome = task.await;
        leftover.set(None);
        outcome.unwrap_or_else(|_| Err(PortError::Other("helm: signal: 9 (SIGKILL)".to_owned())))
    }

    async fn end_leftover(&self) -> PortResult<()> {
        if let Some(leftover) = &self.leftover {
            leftover.end();
        }
        Ok(())
    }

    async fn release(&self, namespace: &str, release: &str) -> PortResult<Option<ReleaseState>> {
        let records = records(&*self.cluster, namespace, release).await?;
        let Some(newest) = records.last() else { return Ok(None) };
        recording::state(&self.cluster, newest, namespace).await.map(Some)
    }

    async fn delete_release_record(&self, namespace: &str, release: &str) -> PortResult<()> {
        for record in records(&*self.cluster, namespace, release).await? {
            let this_one = Precondition {
                uid: Some(record.uid().to_owned()),
                resource_version: None,
            };
            self.cluster.delete(&record.reference(), &this_one, false).await?;
        }
        Ok(())
    }
}

/// Secrets of a release's revisions, as Helm selects them.
pub(crate) fn selection(namespace: &str, release: &str) -> Select {
    Select {
        namespace: Some(namespace.to_owned()),
        labels: Some(format!("owner=helm,name={release}")),
        fields: None,
    }
}

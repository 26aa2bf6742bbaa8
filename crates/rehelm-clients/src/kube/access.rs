//! Which cluster, as whom: kubectl's rules for kubeconfig files, contexts and in-cluster credentials.
//!
//! `--kubeconfig` names one file that must exist. Otherwise the files of `KUBECONFIG` are merged (the first to set a
//! thing wins, files that do not exist are passed over), otherwise `~/.kube/config` is read. A pod's own credentials
//! come last, only when no kubeconfig has any context.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use camino::Utf8PathBuf;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rehelm_core::ports::{PortError, PortResult};
use sha2::{Digest, Sha256};

use super::{error, proxy};

/// How long a request may take unless `--request-timeout` says otherwise: what an API server allows itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What kubectl's flags of the same names say about access to a cluster.
#[derive(Clone, Debug, Default)]
pub struct KubeAccess {
    /// `--kubeconfig`
    pub kubeconfig: Option<Utf8PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-group`
    pub impersonate_groups: Vec<String>,
    /// `--request-timeout`; None for the default of one minute. Watches and waits have their own limits.
    pub request_timeout: Option<Duration>,
}

/// What was chosen, for a person to see before anything happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFacts {
    /// Name of the context; None inside a cluster.
    pub context: Option<String>,
    /// User entry of the kubeconfig, or the impersonated user.
    pub user: Option<String>,
    /// Namespace of the context, `default` when it names none.
    pub namespace: String,
    /// URL of the API server.
    pub url: String,
    /// `sha256:…` over the DER form of the certificate authority; None when the system's authorities are used.
    pub ca: Option<String>,
    /// Kubeconfig files that were read, in order of precedence.
    pub files: Vec<PathBuf>,
}

/// The process environment that matters here; tests bring their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    pub kubeconfig: Option<OsString>,
    pub home: Option<PathBuf>,
    pub no_proxy: Option<String>,
}

impl Environment {
    pub fn of_process() -> Self {
        let no_proxy = ["NO_PROXY", "no_proxy"]
            .iter()
            .find_map(|name| std::env::var(name).ok());
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG"),
            home: std::env::home_dir(),
            no_proxy,
        }
    }
}

/// Settings for a client, with the facts and the time limit of one request.
pub(crate) async fn load(access: &KubeAccess, env: &Environment) -> PortResult<(Config, ContextFacts, Duration)> {
    let (merged, files) = merged(access, env)?;
    let (mut config, context) = if merged.contexts.is_empty() && access.context.is_none() {
        let config = Config::incluster().map_err(|_| no_cluster(&files))?;
        (config, None)
    } else {
        let name = chosen(access, &merged)?;
        (from_context(merged, &name).await?, Some(name))
    };
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Retries are made where it is known whether a request may be repeated: in `http.rs`.
    config.default_retry = false;
    if let Some(user) = &access.impersonate {
        config.auth_info.impersonate = Some(user.clone());
    }
    if !access.impersonate_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(access.impersonate_groups.clone());
    }
    let facts = ContextFacts {
        user: config
            .auth_info
            .impersonate
            .clone()
            .or(context.as_ref().and_then(|c| c.user.clone())),
        namespace: config.default_namespace.clone(),
        url: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
        ca: config.root_cert.as_ref().map(|certificates| fingerprint(certificates)),
        context: context.as_ref().map(|c| c.name.clone()),
        files,
    };
    if context.is_none_or(|c| !c.own_proxy) && !proxy::wanted(&config.cluster_url, env.no_proxy.as_deref()) {
        config.proxy_url = None;
    }
    Ok((config, facts, access.request_timeout.unwrap_or(REQUEST_TIMEOUT)))
}

struct Chosen {
    name: String,
    user: Option<String>,
    /// The cluster entry names a proxy itself, which then holds whatever the environment says.
    own_proxy: bool,
}

fn merged(access: &KubeAccess, env: &Environment) -> PortResult<(Kubeconfig, Vec<PathBuf>)> {
    let listed: Vec<PathBuf> = match (&access.kubeconfig, &env.kubeconfig) {
        (Some(file), _) => {
            if !file.exists() {
                return Err(PortError::NotFound(format!("kubeconfig {file}")));
            }
            vec![file.into()]
        }
        (None, Some(list)) if !list.is_empty() => std::env::split_paths(list).collect(),
        (None, _) => env.home.iter().map(|home| home.join(".kube").join("config")).collect(),
    };
    let files: Vec<PathBuf> = listed
        .into_iter()
        .filter(|file| !file.as_os_str().is_empty() && file.exists())
        .collect();
    let merged = files.iter().try_fold(Kubeconfig::default(), |merged, file| {
        let next = Kubeconfig::read_from(file).map_err(|e| unreadable(file, &e))?;
        merged.merge(next).map_err(|e| unreadable(file, &e))
    })?;
    Ok((merged, files))
}

fn chosen(access: &KubeAccess, merged: &Kubeconfig) -> PortResult<Chosen> {
    let current = merged.current_context.as_ref().filter(|name| !name.is_empty());
    let names = || {
        let names: Vec<&str> = merged.contexts.iter().map(|c| c.name.as_str()).collect();
        names.join(", ")
    };
    let Some(name) = access.context.as_ref().or(current) else {
        return Err(PortError::Other(format!(
            "no current context is set; name one with --context (there are: {})",
            names()
        )));
    };
    let named = merged.contexts.iter().find(|c| &c.name == name);
    let Some(context) = named.and_then(|c| c.context.as_ref()) else {
        return Err(PortError::NotFound(format!("context {name} (there are: {})", names())));
    };
    let cluster = merged.clusters.iter().find(|c| c.name == context.cluster);
    let proxy = cluster
        .and_then(|c| c.cluster.as_ref())
        .and_then(|c| c.proxy_url.as_ref());
    Ok(Chosen {
        name: name.clone(),
        user: context.user.clone(),
        own_proxy: proxy.is_some_and(|url| !url.is_empty()),
    })
}

async fn from_context(merged: Kubeconfig, chosen: &Chosen) -> PortResult<Config> {
    let options = KubeConfigOptions {
        context: Some(chosen.name.clone()),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(merged, &options)
        .await
        .map_err(|e| PortError::Other(format!("context {}: {}", chosen.name, error::chain(&e))))
}

fn unreadable(file: &Path, e: &dyn std::error::Error) -> PortError {
    PortError::Other(format!("kubeconfig {}: {}", file.display(), error::chain(e)))
}

fn no_cluster(files: &[PathBuf]) -> PortError {
    let read = if files.is_empty() {
        "no kubeconfig file was found"
    } else {
        "no kubeconfig has a context"
    };
    PortError::Other(format!(
        "{read} and this is not a pod; name a file with --kubeconfig or KUBECONFIG"
    ))
}

fn fingerprint(certificates: &[Vec<u8>]) -> String {
    let mut hash = Sha256::new();
    for certificate in certificates {
        hash.update(certificate);
    }
    let hex: Vec<String> = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;

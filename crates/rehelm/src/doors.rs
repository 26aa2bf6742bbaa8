//! The one place that chooses what is behind the ports: the real cluster, Helm, databases, files and clock.

mod reach;

use std::future::Future;
use std::sync::Arc;

use base64::Engine as _;
use camino::Utf8Path;
use rehelm_clients::files::backup;
use rehelm_clients::helm::HelmCli;
use rehelm_clients::kube::{KubeAccess, KubeCluster};
use rehelm_clients::kustomize::Kustomize;
use rehelm_clients::mongo::Login;
use rehelm_core::duplicate::Duplicate;
use rehelm_core::finding::Finding;
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{Cluster, PortResult};
use rehelm_core::profile::Profile;
use secrecy::SecretString;

use crate::cli::global::Global;
use crate::config::Settings;
use crate::config::file::SecretKey;
use crate::config::settings::{MongoAccess, Password};
use crate::errors::{Context, Error, Result};
use crate::run_folder;

pub use rehelm_clients::clock::SystemClock as WallClock;
pub use rehelm_clients::files::RunFiles;

pub use reach::{Reached, connect, hint};

/// Encrypts what only the backup's recipients may read.
pub type Seal = Box<dyn Fn(&[u8]) -> PortResult<Vec<u8>> + Send + Sync>;

/// Runs a verb's asynchronous part to its end.
///
/// # Errors
/// What the part says, or that no runtime could be made.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Runtime::new().context(|| "cannot start the runtime".to_owned())?;
    runtime.block_on(work)
}

/// The same on this thread alone: what happens side by side happens in the same order each time.
///
/// # Errors
/// What the part says, or that no runtime could be made.
pub fn block_on_here<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .context(|| "cannot start the runtime".to_owned())?
        .block_on(work)
}

/// How the flags and a context reach a cluster.
pub fn access(global: &Global, context: Option<&str>) -> KubeAccess {
    KubeAccess {
        kubeconfig: global.kubeconfig.clone(),
        context: global.context.clone().or_else(|| context.map(str::to_owned)),
        impersonate: global.impersonate.clone(),
        impersonate_groups: global.impersonate_group.clone(),
        request_timeout: global.request_timeout,
    }
}

/// The cluster that the flags and the configuration's context name.
///
/// # Errors
/// When kubectl would not find it either.
pub async fn cluster(global: &Global, context: Option<&str>) -> Result<KubeCluster> {
    if let Some(stage) = &global.stage {
        return Ok(stage.0.client());
    }
    KubeCluster::open(&access(global, context)).await.map_err(|error| {
        Error::failed("cannot reach the cluster")
            .because(error)
            .hint("`kubectl cluster-info` with the same flags shows more")
    })
}

/// Helm, logged in to the chart's registry when the settings say how.
///
/// # Errors
/// When there is no Helm, its version is too old, or the registry refuses the login.
pub async fn helm(global: &Global, settings: &Settings, cluster: Arc<KubeCluster>) -> Result<HelmCli> {
    helm_for(&access(global, settings.context.as_deref()), settings, cluster).await
}

/// Helm for a cluster that is reached in a way of its own, such as a simulated one.
///
/// # Errors
/// As [`helm`].
pub async fn helm_for(access: &KubeAccess, settings: &Settings, cluster: Arc<KubeCluster>) -> Result<HelmCli> {
    let folder = run_folder::ensure(&settings.folder)?;
    let helm = HelmCli::new(cluster.clone(), access, &folder).map_err(|error| {
        Error::failed("cannot use Helm")
            .because(error)
            .hint("Helm 3.8 or newer is needed on PATH, or named by HELM_BIN")
            .hint("install it: https://helm.sh/docs/intro/install/")
    })?;
    if let Some(login) = &settings.registry {
        let password = password(&login.password, Some(&*cluster)).await?;
        helm.login(&settings.chart, &login.username, &password, &settings.helm_flags)
            .await
            .context(|| format!("cannot log in to the registry of {}", settings.chart))?;
    }
    Ok(helm)
}

/// The database server that the settings name; None when they name none.
///
/// # Errors
/// When it does not answer, or refuses every login.
pub async fn databases(settings: &Settings, profile: &Profile, cluster: &Arc<KubeCluster>) -> Result<Option<Reached>> {
    match &settings.mongodb {
        None => Ok(None),
        Some(access) => {
            let login = login(access, profile, Some(&**cluster)).await?;
            server(&login, settings, async || Ok(cluster.clone())).await.map(Some)
        }
    }
}

/// As [`databases`]; the cluster is asked only when the settings, or the server's names, need it.
///
/// # Errors
/// As [`databases`], or when the cluster cannot be reached.
pub async fn databases_alone(global: &Global, settings: &Settings, profile: &Profile) -> Result<Option<Reached>> {
    let open = async || Ok(Arc::new(cluster(global, settings.context.as_deref()).await?));
    match &settings.mongodb {
        None => Ok(None),
        Some(access) if access.needs_cluster() => databases(settings, profile, &open().await?).await,
        Some(access) => {
            let login = login(access, profile, None).await?;
            server(&login, settings, open).await.map(Some)
        }
    }
}

/// How to get into the server that the settings name, without connecting; None when they name none.
///
/// # Errors
/// When the password cannot be read.
pub async fn databases_login(global: &Global, settings: &Settings, profile: &Profile) -> Result<Option<Login>> {
    match &settings.mongodb {
        None => Ok(None),
        Some(access) if access.needs_cluster() => {
            let cluster = cluster(global, settings.context.as_deref()).await?;
            login(access, profile, Some(&cluster)).await.map(Some)
        }
        Some(access) => login(access, profile, None).await.map(Some),
    }
}

async fn login(access: &MongoAccess, profile: &Profile, cluster: Option<&dyn Cluster>) -> Result<Login> {
    let (host, users, place) = match access {
        MongoAccess::Uri(place) => return Ok(Login::uri(password(place, cluster).await?)),
        MongoAccess::Host { host, users, password } => (host.trim_start_matches("mongodb://"), users, password),
    };
    let slash = if host.contains('/') { "" } else { "/" };
    let users = if users.is_empty() {
        &profile.databases.root_users
    } else {
        users
    };
    Ok(Login {
        uri: SecretString::from(format!("mongodb://{host}{slash}")),
        password: Some(password(place, cluster).await?),
        users: users.clone(),
    })
}

async fn server<C>(login: &Login, settings: &Settings, cluster: impl FnOnce() -> C) -> Result<Reached>
where
    C: Future<Output = Result<Arc<KubeCluster>>>,
{
    let reached = connect(login, settings.port_forward, Some(&settings.source_namespace), cluster).await?;
    reached.map_err(|error| {
        let hint = reach::hint(&error)
            .unwrap_or("check `mongodb:` in rehelm.yaml; its hosts must be reachable from this machine, or name services of the cluster");
        Error::failed("cannot reach MongoDB").because(error).hint(hint)
    })
}

/// Reads a password, or a URI with one, from where it is kept.
///
/// # Errors
/// When it is not there; the error names the place only.
pub async fn password(place: &Password, cluster: Option<&dyn Cluster>) -> Result<SecretString> {
    let text = match place {
        Password::File(path) => fs_err::read_to_string(path).context(|| format!("cannot read {path}"))?,
        Password::Env(name) => std::env::var(name)
            .map_err(|_| Error::usage(format!("the environment variable {name} is not set (or is no text)")))?,
        Password::Secret(key) => match cluster {
            Some(cluster) => from_secret(key, cluster).await?,
            None => return Err(Error::usage("no cluster is named that the secret could be read from")),
        },
    };
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// A passphrase from a file; a newline at its end does not count.
///
/// # Errors
/// When it cannot be read, or holds nothing.
pub fn passphrase(path: &camino::Utf8Path) -> Result<SecretString> {
    let text = fs_err::read_to_string(path).context(|| format!("cannot read {path}"))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Error::usage(format!("{path} holds no passphrase"))),
        text => Ok(text.to_owned().into()),
    }
}

async fn from_secret(key: &SecretKey, cluster: &dyn Cluster) -> Result<String> {
    let SecretKey { namespace, name, key } = key;
    let what = || format!("cannot read key {key} of secret {namespace}/{name}");
    let secret = cluster
        .get(&ObjRef::new("v1", "Secret", Some(namespace), name))
        .await
        .context(what)?;
    let secret = secret.ok_or_else(|| Error::failed(format!("there is no secret {namespace}/{name}")))?;
    let data = secret
        .get("/data")
        .and_then(|data| data.get(key))
        .and_then(|value| value.as_str());
    let data = data.ok_or_else(|| Error::failed(format!("the secret {namespace}/{name} has no key {key}")))?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(data);
    bytes
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::failed(what()))
}

/// Encryption for the backup's recipients; None without any.
///
/// # Errors
/// A usage error for a key that is none.
pub fn seal(recipients: &[String]) -> Result<Option<Seal>> {
    if recipients.is_empty() {
        return Ok(None);
    }
    let recipients = recipients.to_vec();
    // A key that is none is found now and not when there is something to encrypt.
    backup::encrypt(&recipients, b"")
        .map_err(|error| Error::usage("backup.recipients cannot be used").because(error))?;
    Ok(Some(Box::new(move |content| backup::encrypt(&recipients, content))))
}

/// Every object that a Kustomize folder, a file of built manifests or stdin (`-`) holds.
///
/// # Errors
/// When it does not build, or is no YAML.
pub async fn build(source: &str) -> Result<(Vec<Object>, Vec<Finding>)> {
    let built = Kustomize::new(None).build(source).await;
    built.context(|| format!("cannot build the Kustomize side from {source}"))
}

/// Version of kubectl; None when there is none.
pub async fn kubectl_version() -> Option<String> {
    Kustomize::new(None).version().await.ok().map(|(kubectl, _)| kubectl)
}

/// `.rehelm/` beside the configuration.
///
/// # Errors
/// When it cannot be made.
pub fn files(global: &Global) -> Result<RunFiles> {
    let folder = global.folder().join(run_folder::NAME);
    RunFiles::open(&folder).context(|| format!("cannot use {folder}"))
}

/// Who runs this, for the journal.
pub fn who() -> String {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("USERNAME"))
        .unwrap_or_else(|_| "unknown".to_owned());
    let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim())
}

/// The writer of the copy that a colleague finds in the cluster.
pub fn duplicate(folder: &Utf8Path) -> Duplicate {
    let by = who();
    let folder = folder.canonicalize_utf8().unwrap_or_else(|_| folder.to_owned());
    let place = format!("{by}:{}", folder.join(run_folder::NAME).join("backup"));
    Duplicate::new(by, place, env!("CARGO_PKG_VERSION").to_owned())
}

/// A name for a run that no other run of this folder has.
pub fn run_name(now: jiff::Timestamp) -> String {
    let now = now.strftime("%Y%m%dT%H%M%S");
    format!("{now}-{}", std::process::id())
}

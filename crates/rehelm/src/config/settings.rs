//! What holds for one run: `rehelm.yaml`, then variables and flags over it, names from the profile where nobody says anything.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::input;

use super::file::{File, Mongodb, PortForward, Registry, Scenario, SecretKey};
use super::names;
use crate::cli::global::{Global, duration};
use crate::cli::overrides::Overrides;
use crate::errors::{Error, Result};
use crate::profiles::ProfileFiles;

/// Default time between `verify` and `cleanup`.
pub const SOAK: Duration = Duration::from_secs(24 * 3600);

/// Everything a verb needs to know; paths are absolute or relative to the working folder.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of `rehelm.yaml`; `.rehelm/` is in it.
    pub folder: Utf8PathBuf,
    /// The product.
    pub profile: ProfileFiles,
    /// How the product moves.
    pub scenario: Scenario,
    /// Context of the kubeconfig; the current one when None.
    pub context: Option<String>,
    /// Namespace of the Kustomize install.
    pub source_namespace: String,
    /// Kustomize folders or files of built manifests, in order; `-` is stdin.
    pub kustomize: Vec<Utf8PathBuf>,
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// `oci://…`, or a path.
    pub chart: String,
    /// Version of the chart.
    pub version: Option<String>,
    /// Values files.
    pub values: Vec<Utf8PathBuf>,
    /// Flags that every Helm call gets.
    pub helm_flags: Vec<String>,
    /// Login for the chart's registry.
    pub registry: Option<RegistryLogin>,
    /// How to reach the databases.
    pub mongodb: Option<MongoAccess>,
    /// Whether the databases are reached through the API server.
    pub port_forward: PortForward,
    /// age public keys for the backup.
    pub recipients: Vec<String>,
    /// Time between `verify` and `cleanup`.
    pub soak: Duration,
}

/// Where a password is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// A key of a secret in the cluster.
    Secret(SecretKey),
    /// A file; a newline at its end does not count.
    File(Utf8PathBuf),
    /// An environment variable.
    Env(String),
}

/// Login for the chart's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryLogin {
    /// User name.
    pub username: String,
    /// Its password.
    pub password: Password,
}

/// How to reach the databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MongoAccess {
    /// A place that holds a whole URI.
    Uri(Password),
    /// A host, users to try, and a place that holds their password.
    Host {
        /// `HOST:PORT,…` with options after `/?`.
        host: String,
        /// Users in the order in which they are tried; the profile knows the usual ones when this is empty.
        users: Vec<String>,
        /// Their password.
        password: Password,
    },
}

impl MongoAccess {
    /// True when a secret of the cluster has to be read.
    pub fn needs_cluster(&self) -> bool {
        let (Self::Uri(place) | Self::Host { password: place, .. }) = self;
        matches!(place, Password::Secret(_))
    }
}

impl Settings {
    /// Reads the configuration and lays the flags over it.
    ///
    /// # Errors
    /// Usage errors, with file and line where the file is wrong.
    pub fn load(global: &Global, flags: &Overrides) -> Result<Self> {
        let path = &global.config;
        let text = match input::text(path, input::TEXT) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::usage(format!("there is no {path}"))
                    .hint("write one with `rehelm init`")
                    .hint("or name it with --config FILE"));
            }
            Err(error) => return Err(Error::usage(format!("cannot read {path}")).because(error)),
        };
        let file = File::parse(path, &text)?;
        Self::merge(global, flags, file)
    }

    /// Lays flags over a configuration.
    ///
    /// # Errors
    /// Usage errors: what contradicts itself or is missing.
    pub fn merge(global: &Global, flags: &Overrides, file: File) -> Result<Self> {
        let folder = global.folder();
        let path = &global.config;
        let wrong = |text: String| Error::usage(format!("{path}: {text}"));
        let profile = match &global.profile {
            Some(name) => ProfileFiles::find(name, Utf8Path::new("."))?,
            None => ProfileFiles::find(&file.profile, folder)?,
        };
        let head = profile.head()?;
        let File {
            scenario,
            source,
            target,
            mongodb,
            backup,
            soak,
            ..
        } = file;

        if let (Some(a), Some(b)) = (&source.context, &target.context)
            && a != b
            && global.context.is_none()
        {
            return Err(wrong(format!("source.context `{a}` and target.context `{b}` differ"))
                .hint("the scenario in-cluster moves inside one cluster"));
        }
        let named = |flag: &Option<String>, file: Option<String>, usual: Option<String>, field: &str| {
            flag.clone()
                .or(file)
                .or(usual)
                .ok_or_else(|| wrong(format!("`{field}` is missing and the profile has no usual one")))
        };
        let chart = flags
            .chart
            .clone()
            .unwrap_or_else(|| beside_chart(folder, &target.chart));
        let version = flags.version.clone().or(target.version);
        if chart.starts_with("oci://") && version.is_none() {
            return Err(wrong(
                "`target.version` is missing; a chart from a registry needs it".to_owned(),
            ));
        }
        let helm_flags = pick(&flags.helm_flag, target.helm_flags);
        refuse_helm_flags(&helm_flags)?;
        let helm_flags = match &target.post_renderer {
            Some(place) => with_post_renderer(helm_flags, &at(folder, place)).map_err(wrong)?,
            None => helm_flags,
        };
        if chart.starts_with('-') {
            return Err(wrong(format!("target.chart: `{chart}` is a flag and no chart")));
        }
        let soak = match (flags.soak, soak) {
            (Some(flag), _) => flag,
            (None, Some(text)) => duration(&text).map_err(|e| wrong(format!("soak: {e}")))?,
            (None, None) => SOAK,
        };
        let forward = mongodb.as_ref().and_then(|said| said.port_forward);
        let settings = Self {
            scenario,
            context: global.context.clone().or(source.context).or(target.context),
            source_namespace: named(
                &flags.source_namespace,
                source.namespace,
                head.source_namespace,
                "source.namespace",
            )?,
            kustomize: pick(&flags.kustomize, beside(folder, source.kustomize)),
            namespace: named(&global.namespace, target.namespace, head.namespace, "target.namespace")?,
            release: named(&flags.release, target.release, head.release, "target.release")?,
            chart,
            version,
            values: pick(&flags.values, beside(folder, target.values)),
            helm_flags,
            registry: registry(folder, flags, target.registry).map_err(wrong)?,
            port_forward: flags.mongodb_port_forward.or(forward).unwrap_or_default(),
            mongodb: mongo(folder, flags, mongodb).map_err(wrong)?,
            recipients: pick(&flags.backup_recipient, backup.recipients),
            soak,
            profile,
            folder: folder.to_owned(),
        };
        names::check(&settings.source_namespace, &settings.namespace, &settings.release).map_err(wrong)?;
        Ok(settings)
    }
}

fn pick<T: Clone>(flags: &[T], file: Vec<T>) -> Vec<T> {
    if flags.is_empty() { file } else { flags.to_vec() }
}

fn beside(folder: &Utf8Path, paths: Vec<String>) -> Vec<Utf8PathBuf> {
    paths.into_iter().map(|path| at(folder, &path)).collect()
}

/// A path of the file, as the working folder sees it.
fn at(folder: &Utf8Path, path: &str) -> Utf8PathBuf {
    if folder == "." { path.into() } else { folder.join(path) }
}

fn beside_chart(folder: &Utf8Path, chart: &str) -> String {
    let is_path = chart.starts_with('.') || chart.starts_with('/') || folder.join(chart).exists();
    if is_path && !chart.contains("://") {
        at(folder, chart).into_string()
    } else {
        chart.to_owned()
    }
}

/// Flags that would undo what rehelm promises, with the reason.
const REFUSED_HELM_FLAGS: [(&str, &str); 14] = [
    (
        "--password",
        "a password on a command line can be read by every process; use registry.password-file",
    ),
    ("--username", "use registry.username"),
    ("--set", "the plan binds values files; put it into one"),
    ("--set-string", "the plan binds values files; put it into one"),
    ("--set-file", "the plan binds values files; put it into one"),
    ("--set-json", "the plan binds values files; put it into one"),
    ("--namespace", "use target.namespace"),
    ("--kubeconfig", "use rehelm's own --kubeconfig"),
    ("--kube-context", "use source.context"),
    ("--version", "use target.version"),
    (
        "--atomic",
        "it uninstalls after a failure, and takes adopted objects along",
    ),
    (
        "--rollback-on-failure",
        "it uninstalls after a failure, and takes adopted objects along",
    ),
    ("--cleanup-on-fail", "it deletes what the old install still needs"),
    ("--force", "it deletes and recreates objects that cannot be patched"),
];

/// A post-renderer is a flag to Helm, so that the plan's render and the release both go through it.
fn with_post_renderer(mut flags: Vec<String>, place: &Utf8Path) -> Result<Vec<String>, String> {
    let program = if place.is_dir() {
        place.join(rehelm_core::values::post_renderer::PROGRAM)
    } else {
        place.to_owned()
    };
    let found = program.canonicalize_utf8();
    let program = found.map_err(|_| format!("target.post-renderer: there is no {program}"))?;
    if flags.iter().any(|flag| flag.starts_with("--post-renderer")) {
        return Err("give a post-renderer either as target.post-renderer or as a Helm flag".to_owned());
    }
    flags.push(format!("--post-renderer={program}"));
    Ok(flags)
}

fn refuse_helm_flags(flags: &[String]) -> Result<()> {
    for flag in flags {
        let name = flag.split_once('=').map_or(flag.as_str(), |(name, _)| name);
        if let Some((_, why)) = REFUSED_HELM_FLAGS.iter().find(|(refused, _)| *refused == name) {
            return Err(Error::usage(format!("the Helm flag {name} cannot be used here")).hint(*why));
        }
    }
    Ok(())
}

fn registry(folder: &Utf8Path, flags: &Overrides, file: Option<Registry>) -> Result<Option<RegistryLogin>, String> {
    let (username, in_file) = match file {
        Some(r) => (
            Some(r.username),
            one_password(folder, None, r.password_file, r.password_env),
        ),
        None => (None, Ok(None)),
    };
    let Some(username) = flags.registry_username.clone().or(username) else {
        return Ok(None);
    };
    let flag = match (&flags.registry_password_file, &flags.registry_password_env) {
        (Some(path), _) => Some(Password::File(path.clone())),
        (None, Some(name)) => Some(Password::Env(name.clone())),
        (None, None) => None,
    };
    let password = match flag {
        Some(password) => Some(password),
        None => in_file.map_err(|e| format!("target.registry: {e}"))?,
    };
    let password = password.ok_or("target.registry: give `password-file` or `password-env`")?;
    Ok(Some(RegistryLogin { username, password }))
}

fn mongo(folder: &Utf8Path, flags: &Overrides, file: Option<Mongodb>) -> Result<Option<MongoAccess>, String> {
    let by_flag = Mongodb {
        uri_secret: flags.mongodb_uri_secret.as_deref().map(secret_key).transpose()?,
        uri_env: flags.mongodb_uri_env.clone(),
        host: flags.mongodb_host.clone(),
        users: flags.mongodb_user.clone(),
        password_secret: flags.mongodb_password_secret.as_deref().map(secret_key).transpose()?,
        ..Mongodb::default()
    };
    if let Some(path) = &flags.mongodb_uri_file {
        return Ok(Some(MongoAccess::Uri(Password::File(path.clone()))));
    }
    let said_by_flags = by_flag != Mongodb::default();
    let Some(said) = (if said_by_flags { Some(by_flag) } else { file }) else {
        return Ok(None);
    };
    let Mongodb {
        uri_secret,
        uri_file,
        uri_env,
        host,
        users,
        password_secret,
        password_file,
        password_env,
        port_forward: _,
    } = said;
    let uri = [
        uri_secret.map(Password::Secret),
        uri_file.map(|path| Password::File(at(folder, &path))),
        uri_env.map(Password::Env),
    ];
    let mut uris = uri.into_iter().flatten();
    let password =
        one_password(folder, password_secret, password_file, password_env).map_err(|e| format!("mongodb: {e}"))?;
    match (uris.next(), uris.next(), host, password) {
        (Some(uri), None, None, None) if users.is_empty() => Ok(Some(MongoAccess::Uri(uri))),
        (None, None, Some(host), _) if host.contains('@') => {
            Err("mongodb.host takes hosts only: users and passwords have fields of their own".into())
        }
        (None, None, Some(host), Some(password)) => Ok(Some(MongoAccess::Host { host, users, password })),
        (None, None, Some(_), None) => {
            Err("mongodb.host needs `password-secret`, `password-file` or `password-env`".into())
        }
        (None, None, None, _) => Err("mongodb: give one of `uri-secret`, `uri-file`, `uri-env`, `host`".into()),
        _ => Err("mongodb: give either one `uri-…`, or `host` with `users` and one `password-…`".into()),
    }
}

fn one_password(
    folder: &Utf8Path,
    secret: Option<SecretKey>,
    file: Option<String>,
    env: Option<String>,
) -> Result<Option<Password>, String> {
    let all = [
        secret.map(Password::Secret),
        file.map(|path| Password::File(at(folder, &path))),
        env.map(Password::Env),
    ];
    let mut given = all.into_iter().flatten();
    let first = given.next();
    match given.next() {
        None => Ok(first),
        Some(_) => Err("more than one `password-…` is given".to_owned()),
    }
}

/// Reads `NAMESPACE/NAME/KEY`.
///
/// # Errors
/// When it is not three parts.
pub fn secret_key(text: &str) -> Result<SecretKey, String> {
    match text.split('/').collect::<Vec<_>>()[..] {
        [namespace, name, key] if ![namespace, name, key].contains(&"") => Ok(SecretKey {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            key: key.to_owned(),
        }),
        _ => Err(format!("`{text}` is no NAMESPACE/NAME/KEY")),
    }
}

//! The shape of `rehelm.yaml`, and what is said when a file does not have it.

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_saphyr::Error as YamlError;

use super::secrecy;
use crate::errors::{Error, Result, nearest};

/// What `rehelm.yaml` says. Relative paths are relative to its folder.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "rehelm.yaml")]
pub struct File {
    /// The product: name of a built-in profile, or a folder with one (with a `/` in it).
    pub profile: String,
    /// How the product moves.
    #[serde(default)]
    pub scenario: Scenario,
    /// The Kustomize install.
    pub source: Source,
    /// The Helm release.
    pub target: Target,
    /// How to reach the databases, when the product has some that are copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mongodb: Option<Mongodb>,
    /// How the backup is kept.
    #[serde(default)]
    pub backup: Backup,
    /// Time between a successful `verify` and `cleanup`, such as `24h` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<String>,
}

/// How the product moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// To another namespace of the same cluster; volumes are taken along.
    #[default]
    InCluster,
}

/// The Kustomize install.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// Context of the kubeconfig; the current one when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Namespace of the install; the profile knows the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Every Kustomize folder that was applied, or files of built manifests, in the order of `kubectl apply`.
    pub kustomize: Vec<String>,
}

/// The Helm release.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// Context of the kubeconfig; inside one cluster it is the source's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Namespace of the release; the profile knows the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the release; the profile knows the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// `oci://HOST/PATH`, a folder or a packed chart.
    pub chart: String,
    /// Version of the chart; needed for `oci://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Values files; later ones win.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Flags that every Helm call gets, such as `--plain-http`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helm_flags: Vec<String>,
    /// Folder of a post-renderer that Helm runs over its render, as `rehelm values derive --post-renderer` writes it, or a
    /// program that is one.
    #[serde(default, alias = "postRenderer", skip_serializing_if = "Option::is_none")]
    pub post_renderer: Option<String>,
    /// Login for the chart's registry, when it wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Registry>,
}

/// Login for the chart's registry: a user name and one place that holds the password.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Registry {
    /// User name.
    pub username: String,
    /// File that holds the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// Environment variable that holds the password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
}

/// How to reach the databases: exactly one of `uri-secret`, `uri-file`, `uri-env`, `host`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mongodb {
    /// Secret in the cluster that holds a whole `mongodb://` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_secret: Option<SecretKey>,
    /// File that holds a whole `mongodb://` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_file: Option<String>,
    /// Environment variable that holds a whole `mongodb://` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri_env: Option<String>,
    /// `HOST:PORT`, several with commas, with options after `/?` as in a URI; goes with `users` and a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Root users to try at `host`, in this order; `root` and `admin` when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// Secret in the cluster that holds the root user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretKey>,
    /// File that holds the root user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<String>,
    /// Environment variable that holds the root user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_env: Option<String>,
    /// Whether the server is reached through a port-forward: `auto` (the default), `always`, `never`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_forward: Option<PortForward>,
}

/// How servers inside the cluster are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PortForward {
    /// Through the API server when this machine does not know the server's names and the cluster does
    #[default]
    Auto,
    /// Always through the API server
    Always,
    /// Never: names mean what they mean on this machine
    Never,
}

/// One key of one secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretKey {
    /// Namespace of the secret.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The key in its data.
    pub key: String,
}

/// How the backup is kept.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Backup {
    /// age public keys; with one or more the backup is encrypted for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
}

impl File {
    /// Reads the text of a configuration file; `path` is what errors call it.
    ///
    /// # Errors
    /// Usage errors that start with `FILE:LINE:COLUMN` and say what was expected there.
    pub fn parse(path: &Utf8Path, text: &str) -> Result<Self> {
        secrecy::refuse_passwords(path, text)?;
        if text
            .lines()
            .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
        {
            return Err(Error::usage(format!("{path} says nothing")).hint("write it anew with `rehelm init --force`"));
        }
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| explain(path, &error))
    }
}

fn explain(path: &Utf8Path, error: &YamlError) -> Error {
    let error = error.without_snippet();
    let at = match error.location() {
        Some(at) if at.line() > 0 => format!("{path}:{}:{}", at.line(), at.column()),
        _ => path.to_string(),
    };
    match error {
        YamlError::SerdeUnknownField { field, expected, .. } => {
            let known: Vec<&str> = expected.clone();
            let refused = Error::usage(format!("{at}: there is no field `{field}` here"));
            match nearest(field, known.iter().copied()) {
                Some(word) => refused.hint(format!("did you mean `{word}`?")),
                None => refused,
            }
            .hint(format!("known here: {}", known.join(", ")))
        }
        YamlError::SerdeMissingField { field, .. } => Error::usage(format!("{at}: the field `{field}` is missing")),
        YamlError::SerdeUnknownVariant { variant, expected, .. } => {
            Error::usage(format!("{at}: `{variant}` is not known here"))
                .hint(format!("known here: {}", expected.join(", ")))
        }
        YamlError::SerdeInvalidType { expected, .. } => Error::usage(format!("{at}: expected {expected}")),
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            Error::usage(format!("{at}: the field `{key}` is there twice"))
        }
        YamlError::Unexpected { expected, .. } => Error::usage(format!("{at}: expected {}", plain(expected))),
        other => {
            let text = other.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.split_once(" at line ").map_or(first, |(what, _)| what);
            Error::usage(format!("{at}: {first}"))
        }
    }
}

/// The parser's words for shapes, as a person would say them.
fn plain(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "fields with values",
        "string scalar" => "a text",
        other => other,
    }
}

//! Flags that say for one run what `rehelm.yaml` says for all of them.

use camino::Utf8PathBuf;

use crate::config::file::PortForward;

/// Flags that replace what is in `rehelm.yaml`; `init` writes them there. Paths are relative to the working folder.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What is in rehelm.yaml")]
pub struct Overrides {
    /// Kustomize folder of the install, or its built manifests as a file or `-`; may be given again
    #[arg(
        long,
        value_name = "DIR|FILE",
        env = "REHELM_KUSTOMIZE",
        hide_env = true,
        value_delimiter = ','
    )]
    pub kustomize: Vec<Utf8PathBuf>,
    /// Namespace of the Kustomize install
    #[arg(long, value_name = "NAMESPACE", env = "REHELM_SOURCE_NAMESPACE", hide_env = true)]
    pub source_namespace: Option<String>,
    /// Chart: oci://HOST/PATH, a folder or a packed file
    #[arg(long, value_name = "CHART", env = "REHELM_CHART", hide_env = true)]
    pub chart: Option<String>,
    /// Version of the chart
    #[arg(long, value_name = "VERSION", env = "REHELM_CHART_VERSION", hide_env = true)]
    pub version: Option<String>,
    /// Values file of the release; may be given again, later ones win
    #[arg(
        long,
        value_name = "FILE",
        env = "REHELM_VALUES",
        hide_env = true,
        value_delimiter = ','
    )]
    pub values: Vec<Utf8PathBuf>,
    /// Name of the release
    #[arg(long, value_name = "NAME", env = "REHELM_RELEASE", hide_env = true)]
    pub release: Option<String>,
    /// Flag for Helm, such as --plain-http; may be given again
    #[arg(
        long,
        value_name = "FLAG",
        env = "REHELM_HELM_FLAGS",
        hide_env = true,
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub helm_flag: Vec<String>,
    /// User name for the chart's registry
    #[arg(long, value_name = "NAME", env = "REHELM_REGISTRY_USERNAME", hide_env = true)]
    pub registry_username: Option<String>,
    /// File with the password for the chart's registry
    #[arg(long, value_name = "FILE", env = "REHELM_REGISTRY_PASSWORD_FILE", hide_env = true)]
    pub registry_password_file: Option<Utf8PathBuf>,
    /// Environment variable with the password for the chart's registry
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_REGISTRY_PASSWORD_ENV",
        hide_env = true,
        conflicts_with = "registry_password_file"
    )]
    pub registry_password_env: Option<String>,
    /// Secret that holds the MongoDB URI
    #[arg(
        long,
        value_name = "NAMESPACE/NAME/KEY",
        env = "REHELM_MONGODB_URI_SECRET",
        hide_env = true,
        group = "mongodb"
    )]
    pub mongodb_uri_secret: Option<String>,
    /// File that holds the MongoDB URI
    #[arg(
        long,
        value_name = "FILE",
        env = "REHELM_MONGODB_URI_FILE",
        hide_env = true,
        group = "mongodb"
    )]
    pub mongodb_uri_file: Option<Utf8PathBuf>,
    /// Environment variable that holds the MongoDB URI
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_MONGODB_URI_ENV",
        hide_env = true,
        group = "mongodb"
    )]
    pub mongodb_uri_env: Option<String>,
    /// Host of MongoDB (HOST:PORT, several with commas), with a password from elsewhere
    #[arg(
        long,
        value_name = "HOST",
        env = "REHELM_MONGODB_HOST",
        hide_env = true,
        group = "mongodb"
    )]
    pub mongodb_host: Option<String>,
    /// Root user to try with --mongodb-host; may be given again
    #[arg(
        long,
        value_name = "NAME",
        env = "REHELM_MONGODB_USER",
        hide_env = true,
        value_delimiter = ','
    )]
    pub mongodb_user: Vec<String>,
    /// Secret that holds the root user's password
    #[arg(
        long,
        value_name = "NAMESPACE/NAME/KEY",
        env = "REHELM_MONGODB_PASSWORD_SECRET",
        hide_env = true
    )]
    pub mongodb_password_secret: Option<String>,
    /// Whether MongoDB is reached through the API server
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        env = "REHELM_MONGODB_PORT_FORWARD",
        hide_env = true
    )]
    pub mongodb_port_forward: Option<PortForward>,
    /// Public key that the backup is encrypted for; may be given again
    #[arg(
        long,
        value_name = "age1…",
        env = "REHELM_BACKUP_RECIPIENT",
        hide_env = true,
        value_delimiter = ','
    )]
    pub backup_recipient: Vec<String>,
    /// Time between a successful `verify` and `cleanup`
    #[arg(long, value_name = "TIME", value_parser = super::global::duration, env = "REHELM_SOAK", hide_env = true)]
    pub soak: Option<std::time::Duration>,
}

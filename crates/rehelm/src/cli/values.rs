//! `rehelm values`: which value of the chart makes which field of which object.

pub mod derive;
pub mod diff;
pub mod explain;
pub mod map;
pub mod today;
mod watch;

use camino::Utf8PathBuf;
use clap::Subcommand;
use rehelm_clients::helm::offline::{OfflineHelm, Task};
use rehelm_core::ports::PortError;
use rehelm_core::values::ValueMap;
use rehelm_core::values::learn::{LearnError, learn};

use crate::cli::global::Global;
use crate::cli::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use watch::Watch;

/// What to do about values.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Find the values that keep today's state, prove it, and write them; needs no cluster
    Derive(derive::Args),
    /// Compare today's state with what the chart makes of some values, field by field; needs no cluster
    Diff(diff::Args),
    /// Learn which value of the chart makes which field of which object; needs no cluster
    Map(map::Args),
    /// Say which value makes a field, what it is today and what the chart makes of it; needs no cluster
    Explain(explain::Args),
}

/// Runs one of them.
pub fn run(printer: &Printer, global: &Global, verb: &Verb) -> Result<Exit> {
    match verb {
        Verb::Derive(args) => derive::run(printer, global, args),
        Verb::Diff(args) => diff::run(printer, global, args),
        Verb::Map(args) => map::run(printer, global, args),
        Verb::Explain(args) => explain::run(printer, global, args),
    }
}

/// Where the two sides are; what is not said comes from rehelm.yaml when there is one.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "What is looked at (default: what rehelm.yaml says)")]
pub struct Sides {
    /// Kustomize folder of the install, or its built manifests as a file or `-`; may be given again
    #[arg(
        long,
        value_name = "DIR|FILE|-",
        env = "REHELM_KUSTOMIZE",
        hide_env = true,
        value_delimiter = ','
    )]
    pub kustomize: Vec<Utf8PathBuf>,
    /// Chart: oci://HOST/PATH, a folder or a packed file
    #[arg(long, value_name = "REF|DIR", env = "REHELM_CHART", hide_env = true)]
    pub chart: Option<String>,
    /// Version of the chart, for one from a registry
    #[arg(long, value_name = "VERSION", env = "REHELM_CHART_VERSION", hide_env = true)]
    pub chart_version: Option<String>,
    /// Name of the release
    #[arg(long, value_name = "NAME", env = "REHELM_RELEASE", hide_env = true)]
    pub release: Option<String>,
    /// Kubernetes version that the chart is rendered for, such as 1.29.0
    #[arg(long, value_name = "VERSION", env = "REHELM_KUBE_VERSION", hide_env = true)]
    pub kube_version: Option<String>,
    /// API that the target cluster has, as Helm's capabilities name it; may be given again
    #[arg(
        long,
        value_name = "API",
        env = "REHELM_API_VERSIONS",
        hide_env = true,
        value_delimiter = ','
    )]
    pub api_versions: Vec<String>,
    /// Values to start from, such as those that the chart requires; may be given again, later ones win
    #[arg(
        short = 'f',
        long,
        value_name = "FILE",
        env = "REHELM_VALUES",
        hide_env = true,
        value_delimiter = ','
    )]
    pub values: Vec<Utf8PathBuf>,
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
}

/// What flags and rehelm.yaml say together.
pub struct Setup {
    /// What to render.
    pub task: Task,
    /// Kustomize folders or files of built manifests.
    pub kustomize: Vec<Utf8PathBuf>,
    /// rehelm.yaml, when there is one.
    pub settings: Option<Settings>,
}

impl Sides {
    /// Lays the flags over rehelm.yaml.
    ///
    /// # Errors
    /// A usage error when neither names a chart.
    pub fn resolve(&self, global: &Global) -> Result<Setup> {
        let settings = match global.config.exists() {
            true => {
                let flags = Overrides {
                    kustomize: self.kustomize.clone(),
                    chart: self.chart.clone(),
                    version: self.chart_version.clone(),
                    values: self.values.clone(),
                    release: self.release.clone(),
                    helm_flag: self.helm_flag.clone(),
                    ..Overrides::default()
                };
                Some(Settings::load(global, &flags)?)
            }
            false => None,
        };
        let task = match &settings {
            Some(settings) => Task {
                release: settings.release.clone(),
                namespace: settings.namespace.clone(),
                chart: settings.chart.clone(),
                version: settings.version.clone(),
                values: settings.values.clone(),
                flags: settings.helm_flags.clone(),
                ..Task::default()
            },
            None => Task {
                // What Helm itself calls a release that has no name.
                release: self.release.clone().unwrap_or_else(|| "release-name".to_owned()),
                namespace: global.namespace.clone().unwrap_or_else(|| "default".to_owned()),
                chart: self.chart.clone().ok_or_else(|| {
                    Error::usage("which chart?")
                        .hint("name it with --chart (oci://HOST/PATH, a folder or a packed file)")
                        .hint("or write rehelm.yaml with `rehelm init`")
                })?,
                version: self.chart_version.clone(),
                values: self.values.clone(),
                flags: self.helm_flag.clone(),
                ..Task::default()
            },
        };
        let kustomize = settings
            .as_ref()
            .map_or_else(|| self.kustomize.clone(), |settings| settings.kustomize.clone());
        Ok(Setup {
            task: Task {
                kube_version: self.kube_version.clone(),
                api_versions: self.api_versions.clone(),
                ..task
            },
            kustomize,
            settings,
        })
    }
}

/// The chart on this machine, ready to be rendered.
///
/// # Errors
/// No Helm, no such chart, a file that cannot be read.
pub async fn open(task: Task) -> Result<OfflineHelm> {
    let chart = task.chart.clone();
    OfflineHelm::open(task).await.map_err(|error| {
        let missing = matches!(error, PortError::NotFound(_));
        let failed = Error::failed(format!("cannot use the chart {chart}")).because(error);
        match missing {
            true => failed.hint("Helm 3.8 or newer is needed on PATH, or named by HELM_BIN; a chart is a folder, a .tgz or oci://HOST/PATH"),
            false => failed.hint("for a registry that wants a login: `helm registry login HOST`"),
        }
    })
}

/// Learns the chart's map, and shows how it goes.
///
/// # Errors
/// When the chart does not even render with the values that were given.
pub async fn learned(printer: &Printer, helm: &OfflineHelm) -> Result<ValueMap> {
    let task = helm.task();
    let watch = Watch::begin(printer);
    let learned = learn(helm, helm.asked(), &watch).await;
    watch.end();
    learned.map_err(|error| match error {
        LearnError::Refused(_) => Error::failed("the chart does not render with these values")
            .because(error)
            .hint("give what it requires in a file: -f start.yaml")
            .hint("what it asks of the cluster: --kube-version, --api-versions"),
        error => Error::failed(format!("cannot learn from the chart {}", task.chart)).because(error),
    })
}

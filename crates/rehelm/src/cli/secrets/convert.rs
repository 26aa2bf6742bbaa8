//! `rehelm secrets convert`: a folder of secret manifests in, a folder of manifests for the chart out.

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::secrets_folder::{Report, convert_folder, convert_objects};
use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, Select};
use rehelm_core::secrets::{ConvertOptions, SecretRules};
use rehelm_report::Words;

use crate::cli::global::{Global, Output};
use crate::cli::overrides::Overrides;
use crate::config::Settings;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::profiles::{self, ProfileFiles};

/// Arguments of `rehelm secrets convert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder with the secrets' manifests, or `cluster`
    #[arg(
        long,
        value_name = "DIR|cluster",
        default_value = "secrets",
        env = "REHELM_SECRETS_FROM",
        hide_env = true
    )]
    pub from: String,
    /// Folder to write; replaced as a whole
    #[arg(
        long,
        value_name = "DIR",
        default_value = "migration-secrets",
        env = "REHELM_SECRETS_TO",
        hide_env = true
    )]
    pub to: Utf8PathBuf,
    /// Keep fields that only a server sets (uid, resourceVersion, …)
    #[arg(long)]
    pub keep_server_fields: bool,
    /// Groups of secrets that are switched on by the flags that profiles add.
    #[arg(skip)]
    pub groups: Vec<String>,
}

/// A flag that a profile adds.
#[derive(Clone, Debug)]
pub struct ProfileFlag {
    /// Its name without dashes.
    pub name: String,
    /// What it does.
    pub help: String,
}

/// The flags of all built-in profiles.
pub fn profile_flags() -> Vec<ProfileFlag> {
    profiles::secret_groups()
        .into_iter()
        .map(|(name, help)| ProfileFlag { name, help })
        .collect()
}

/// Adds the profiles' flags to the verb.
pub fn with_profile_flags(command: clap::Command) -> clap::Command {
    profile_flags().into_iter().fold(command, |command, flag| {
        command.arg(
            clap::Arg::new(flag.name.clone())
                .long(flag.name)
                .help(flag.help)
                .action(clap::ArgAction::SetTrue),
        )
    })
}

/// Converts, and says everything that there is to say about the secrets at once.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let plan = Conversion::find(global, args)?;
    let report = if args.from == "cluster" {
        let secrets = doors::block_on(plan.live_secrets(global))?;
        convert_objects(secrets, &args.to, &plan.rules, &plan.options)
    } else {
        convert_folder(Utf8Path::new(&args.from), &args.to, &plan.rules, &plan.options)
    };
    let report = report.map_err(|error| Error::failed("the secrets were not converted").because(error))?;
    let words = Words::new(global.lang.tag());
    match output {
        Output::Json => printer.json(&report)?,
        Output::Yaml => printer.yaml(&report)?,
        _ => talk(printer, &words, &report, args),
    }
    Ok(if report.written.is_some() {
        Exit::Done
    } else {
        Exit::Blocked
    })
}

fn talk(printer: &Printer, words: &Words, report: &Report, args: &Args) {
    let said = words.findings(&report.findings, &[], false);
    if !said.is_empty() {
        printer.insist(said.trim_end());
    }
    match &report.written {
        Some(folder) => {
            printer.say(&format!("Wrote {} secrets into {folder}.", report.secrets.len()));
            printer.say(&format!(
                "`rehelm prepare` does the same by itself, from the cluster. By hand: kubectl create -f {folder}"
            ));
        }
        None => printer.insist(&format!("Nothing was written; {} is as it was.", args.to)),
    }
}

/// What is converted to what.
struct Conversion {
    rules: SecretRules,
    options: ConvertOptions,
    source_namespace: String,
    context: Option<String>,
}

impl Conversion {
    /// From `rehelm.yaml` when it is there; otherwise from the profile alone, for this verb needs nothing else.
    fn find(global: &Global, args: &Args) -> Result<Self> {
        let file = match global.config.exists() {
            true => Some(Settings::load(global, &Overrides::default())?),
            false => None,
        };
        let profile = match &file {
            Some(settings) => settings.profile.clone(),
            None => ProfileFiles::find(&profile_name(global)?, Utf8Path::new("."))?,
        };
        let head = profile.head()?;
        let missing = |what: &str| {
            Error::usage(format!(
                "the profile has no usual {what}; write rehelm.yaml with `rehelm init`"
            ))
        };
        let of_file = |field: fn(&Settings) -> &String| file.as_ref().map(field).cloned();
        let namespace = global
            .namespace
            .clone()
            .or_else(|| of_file(|s| &s.namespace))
            .or(head.namespace);
        let release = of_file(|s| &s.release).or(head.release);
        let source = of_file(|s| &s.source_namespace).or(head.source_namespace);
        Ok(Self {
            rules: profile.secrets()?,
            options: ConvertOptions {
                namespace: namespace.ok_or_else(|| missing("namespace"))?,
                release: release.ok_or_else(|| missing("release"))?,
                groups: args.groups.iter().cloned().collect(),
                keep_server_fields: args.keep_server_fields,
            },
            source_namespace: source.ok_or_else(|| missing("source namespace"))?,
            context: file.and_then(|s| s.context),
        })
    }

    async fn live_secrets(&self, global: &Global) -> Result<Vec<Object>> {
        let cluster = doors::cluster(global, self.context.as_deref()).await?;
        let select = Select {
            namespace: Some(self.source_namespace.clone()),
            ..Select::default()
        };
        cluster
            .list("v1", "Secret", &select)
            .await
            .context(|| format!("cannot read the secrets of namespace {}", self.source_namespace))
    }
}

fn profile_name(global: &Global) -> Result<String> {
    let mut built_in = profiles::names();
    match (&global.profile, built_in.len()) {
        (Some(name), _) => Ok(name.clone()),
        (None, 1) => Ok(built_in.remove(0)),
        _ => Err(Error::usage(
            "which product? give --profile NAME, or write rehelm.yaml with `rehelm init`",
        )),
    }
}

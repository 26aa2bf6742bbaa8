//! `rehelm secrets convert`: a folder of secret manifests in, a folder of manifests for the chart out.

use camino::Utf8PathBuf;

use crate::cli::global::Global;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::profiles;

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
    /// Options of the profile that are switched on.
    #[arg(skip)]
    pub options: Vec<String>,
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
    profiles::secret_options()
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

/// Converts.
pub fn run(_printer: &Printer, _global: &Global, _args: &Args) -> Result<Exit> {
    Err(Error::failed("`rehelm secrets convert` is not built yet"))
}

//! `rehelm show`: shows one step of the plan.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of the step, or its name
    pub step: String,
    /// Show what changes in every object, line by line
    #[arg(long)]
    pub diff: bool,
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<camino::Utf8PathBuf>,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Prints the step.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm show` is not built yet"))
}

//! `rehelm check`: checks everything that could stop the migration; reads only.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Waive one check by its id; the plan and the journal record it; may be given again
    #[arg(
        long,
        value_name = "ID",
        env = "REHELM_ACCEPT",
        hide_env = true,
        value_delimiter = ','
    )]
    pub accept: Vec<String>,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Runs every check and prints what was found.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm check` is not built yet"))
}

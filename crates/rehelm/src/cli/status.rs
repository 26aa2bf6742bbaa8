//! `rehelm status`: says where a run stands, from its journal.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Prints where the run stands.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm status` is not built yet"))
}

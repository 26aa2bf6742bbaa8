//! `rehelm verify`: proves that the release is complete and owns the old data; reads only.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<camino::Utf8PathBuf>,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Verifies and prints what was found.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm verify` is not built yet"))
}

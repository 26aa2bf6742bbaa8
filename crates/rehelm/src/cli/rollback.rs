//! `rehelm rollback`: goes back to the Kustomize install, from any state before cleanup.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<camino::Utf8PathBuf>,
    /// Do not ask
    #[arg(short, long, env = "REHELM_YES", hide_env = true)]
    pub yes: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Rolls back, or goes on with it.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm rollback` is not built yet"))
}

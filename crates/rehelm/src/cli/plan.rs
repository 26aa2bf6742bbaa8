//! `rehelm plan`: says what will happen, and saves it.

use super::global::Global;
use super::overrides::Overrides;
use crate::config::Settings;
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to save the plan, instead of .rehelm/plan.json
    #[arg(long, value_name = "FILE")]
    pub out: Option<camino::Utf8PathBuf>,
    /// Waive one check by its id; the plan and the journal record it; may be given again
    #[arg(
        long,
        value_name = "ID",
        env = "REHELM_ACCEPT",
        hide_env = true,
        value_delimiter = ','
    )]
    pub accept: Vec<String>,
    /// Exit with 10 when there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Makes the plan, saves it and prints it.
pub fn run(_printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let _settings = Settings::load(global, &args.overrides)?;
    Err(Error::failed("`rehelm plan` is not built yet"))
}

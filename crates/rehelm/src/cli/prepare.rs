//! `rehelm prepare`: does everything that needs no outage.

use std::sync::Arc;

use rehelm_core::plan::Phase;

use super::global::Global;
use super::overrides::Overrides;
use super::phase::{self, How};
use super::plan_arg::PlanArgs;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm prepare`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which plan, and whether to ask.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Runs the phase, or goes on with it.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    phase::run(
        printer,
        global,
        &args.overrides,
        &args.plan,
        Phase::Prepare,
        How::default(),
    )
}

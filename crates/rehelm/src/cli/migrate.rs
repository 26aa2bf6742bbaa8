//! `rehelm migrate`: moves to the chart; the outage begins and ends here.

use std::sync::Arc;
use std::time::Duration;

use rehelm_core::plan::Phase;
use rehelm_core::world::Timeouts;

use super::global::Global;
use super::overrides::Overrides;
use super::phase::{self, How};
use super::plan_arg::PlanArgs;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm migrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which plan, and whether to ask.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// How long the release may take to come up, such as 15m
    #[arg(long, value_name = "TIME", value_parser = super::global::duration, env = "REHELM_READY_TIMEOUT", hide_env = true)]
    pub ready_timeout: Option<Duration>,
    /// How long to wait for a pod with an error that time does not mend, once all others are ready
    #[arg(long, value_name = "TIME", value_parser = super::global::duration, env = "REHELM_HOPELESS", hide_env = true)]
    pub hopeless: Option<Duration>,
    /// Go back to the old install when a step fails, without asking; exits with 5 then
    #[arg(long, env = "REHELM_ROLLBACK_ON_FAILURE", hide_env = true)]
    pub rollback_on_failure: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Runs the phase, or goes on with it.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let usual = Timeouts::default();
    let timeouts = Timeouts {
        ready: args.ready_timeout.unwrap_or(usual.ready),
        hopeless: args.hopeless.unwrap_or(usual.hopeless),
        ..usual
    };
    let how = How {
        timeouts,
        rollback_on_failure: args.rollback_on_failure,
    };
    phase::run(printer, global, &args.overrides, &args.plan, Phase::Migrate, how)
}

//! `rehelm rollback`: goes back to the Kustomize install, from any state before cleanup.

use std::sync::Arc;

use rehelm_core::executor;
use rehelm_core::journal::Event;
use rehelm_core::plan::Plan;
use rehelm_core::rights::Duty;

use super::global::Global;
use super::overrides::Overrides;
use super::plan_arg::{PlanArgs, agree};
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{Run, Work, journal_state, load_plan};
use crate::session::Session;
use crate::takeover;

/// Arguments of `rehelm rollback`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which plan, and whether to ask.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Drop the copied databases, with everything that was written to them since the switch
    #[arg(long, env = "REHELM_DROP_COPIES", hide_env = true)]
    pub drop_copies: bool,
    /// Take what was written to the copied databases since the switch back into the old ones
    #[arg(long, env = "REHELM_COPY_BACK", hide_env = true)]
    pub copy_back: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Rolls back, or goes on with it. Says first what was written since the switch and would be left behind.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let exit = global.block_on(async {
        let session = Session::open(global, &args.overrides).await?;
        let plan = plan(printer, global, &session, &args.plan).await?;
        let consent = Consent {
            yes: args.plan.yes,
            drop_copies: args.drop_copies,
            copy_back: args.copy_back,
        };
        carry(printer, global, &session, &plan, consent).await
    })?;
    if exit == Exit::Done {
        printer.say("Next: rehelm status");
    }
    Ok(exit)
}

/// The plan of the run here; where there is none, that of the run in the cluster, which is taken over.
async fn plan(printer: &Arc<Printer>, global: &Global, session: &Session, args: &PlanArgs) -> Result<Plan> {
    let here = load_plan(global.folder(), args.plan.as_deref());
    let none_here = here.is_err() || journal_state(&*session.files)?.run.is_empty();
    if none_here && let Some(found) = takeover::find(session).await? {
        return takeover::take(printer, session, &found, args.yes).await;
    }
    here
}

/// What a person agreed to beforehand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    /// To go back.
    pub yes: bool,
    /// To drop the copied databases.
    pub drop_copies: bool,
    /// To take what was written since back into the old ones.
    pub copy_back: bool,
}

/// Rolls a plan back through a session's doors, real or simulated.
///
/// # Errors
/// What stopped it, with the exit code that says how.
pub async fn carry(
    printer: &Arc<Printer>,
    global: &Global,
    session: &Session,
    plan: &Plan,
    consent: Consent,
) -> Result<Exit> {
    let mut run = Run::new(printer, global, session, plan)?;
    run.drop_copies = consent.drop_copies;
    run.copy_back = consent.copy_back;
    run.duties = &[Duty::Rollback];
    run.hold(async |world| {
        let state = world.state();
        if state.run.is_empty() {
            printer.say("Nothing was begun, so there is nothing to go back from.");
            return Ok(None);
        }
        if matches!(state.ended, Some(Event::RolledBack)) {
            printer.say("It is rolled back already.");
            return Ok(None);
        }
        if state.cleaning {
            return Err(Error::failed("cleanup has begun: there is no way back any more"));
        }
        let left = executor::left_behind(world)
            .await
            .context(|| "cannot compare the databases".to_owned())?;
        if !left.is_empty() {
            printer.insist(session.words.findings(&left, &[], true).trim_end());
        }
        if consent.copy_back && left.iter().any(|finding| finding.code == "database-old-changed") {
            return Err(
                Error::new(Exit::Blocked, "both sides were written to; nothing was changed")
                    .hint("roll back without --copy-back, and move by hand what is needed"),
            );
        }
        if !left.is_empty() {
            printer.say(match (consent.copy_back, consent.drop_copies) {
                (true, _) => "This will be taken back into the old databases, when the release is stopped.",
                (false, true) => "This will be lost: the copies are dropped.",
                (false, false) => "This stays in the copied databases, which the old install does not use.",
            });
        }
        let steps = executor::undo_steps(world).len();
        let question = format!(
            "Go back to the Kustomize install in {}: {steps} steps to undo?",
            plan.source.namespace
        );
        agree(printer, consent.yes, &question)?;
        Ok(Some(Work::Rollback))
    })
    .await
}

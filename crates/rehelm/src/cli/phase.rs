//! What `prepare` and `migrate` have in common.

use std::sync::Arc;

use rehelm_core::plan::{Phase, Plan};
use rehelm_core::rights::Duty;
use rehelm_core::standing::stands;
use rehelm_core::world::{Timeouts, World};
use rehelm_report::human;

use super::global::Global;
use super::overrides::Overrides;
use super::plan_arg::{PlanArgs, agree};
use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{Run, Work, journal_state, load_plan};
use crate::session::Session;

/// How a phase is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Go back by itself when a step fails.
    pub rollback_on_failure: bool,
}

/// Runs a phase of the saved plan, or goes on with it.
///
/// # Errors
/// What stopped it, with the exit code that says how.
pub fn run(
    printer: &Arc<Printer>,
    global: &Global,
    flags: &Overrides,
    args: &PlanArgs,
    phase: Phase,
    how: How,
) -> Result<Exit> {
    let plan = load_plan(global.folder(), args.plan.as_deref())?;
    global.block_on(async {
        let session = Session::open(global, flags).await?;
        let exit = carry(printer, global, &session, &plan, args.yes, phase, how).await?;
        if exit == Exit::Done {
            let state = journal_state(&*session.files)?;
            printer.say(&closing(stands(&plan, &state)));
        }
        Ok(exit)
    })
}

/// What a command that ended well says last: how things stand, which may be further than its own phase, and what comes next.
fn closing((standing, next): (&str, &str)) -> String {
    let said = match standing {
        "prepared" => "Prepared; the old install serves as before. ",
        "migrated" => "The release serves. ",
        _ => "",
    };
    format!("{said}Next: {next}")
}

/// Runs a phase of a plan through a session's doors, real or simulated.
///
/// # Errors
/// What stopped it, with the exit code that says how.
pub async fn carry(
    printer: &Arc<Printer>,
    global: &Global,
    session: &Session,
    plan: &Plan,
    yes: bool,
    phase: Phase,
    how: How,
) -> Result<Exit> {
    let mut run = Run::new(printer, global, session, plan)?;
    run.starts = phase == Phase::Prepare;
    run.timeouts = how.timeouts;
    run.rollback_on_failure = how.rollback_on_failure;
    run.duties = match (phase, how.rollback_on_failure) {
        (Phase::Prepare, _) => &[Duty::Prepare],
        (_, false) => &[Duty::Migrate],
        (_, true) => &[Duty::Migrate, Duty::Rollback],
    };
    run.refuse_blocked()?;
    run.hold(async |world| {
        in_order(world, phase)?;
        if world.state().phases.contains_key(&phase) {
            if phase == Phase::Prepare && !world.begun(Phase::Migrate) {
                run.refuse_undone(world, phase).await?;
            }
            printer.say(&format!("{phase} is done already."));
            return Ok(None);
        }
        run.refuse_stale(world).await?;
        agree(printer, yes, &question(plan, world, phase))?;
        Ok(Some(Work::Phase(phase)))
    })
    .await
}

fn in_order(world: &World<'_>, phase: Phase) -> Result<()> {
    let state = world.state();
    if state.ended.is_some() {
        return Err(Error::new(Exit::Waits, "this run is over").hint("see how it ended: rehelm status"));
    }
    if state.rolling_back {
        return Err(Error::failed("this run is on its way back").hint("finish that first: rehelm rollback"));
    }
    if phase == Phase::Migrate && !state.phases.contains_key(&Phase::Prepare) {
        return Err(Error::new(Exit::Waits, "not everything is prepared yet").hint("first: rehelm prepare"));
    }
    Ok(())
}

fn question(plan: &Plan, world: &World<'_>, phase: Phase) -> String {
    let steps = plan.phase(phase).count();
    let goes_on = match world.state().command == phase.to_string() {
        true => "Go on with",
        false => "Run",
    };
    let outage = match phase {
        Phase::Migrate if plan.outage_seconds.to > 0 => {
            let range = plan.outage_seconds;
            format!("an outage of {}", human::range(range.from, range.to))
        }
        Phase::Migrate => "an outage".to_owned(),
        _ => "no outage".to_owned(),
    };
    format!(
        "{goes_on} {phase} of {} in context {}: {steps} steps, {outage}?",
        plan.target.release, plan.source.context
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepare_typed_again_in_the_outage_does_not_say_that_the_old_install_serves() {
        let said = closing(("prepared", "rehelm migrate"));
        assert_eq!(said, "Prepared; the old install serves as before. Next: rehelm migrate");
        assert_eq!(closing(("migrating", "rehelm migrate")), "Next: rehelm migrate");
        assert_eq!(
            closing(("migrated", "rehelm verify")),
            "The release serves. Next: rehelm verify"
        );
    }
}

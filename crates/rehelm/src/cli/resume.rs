//! `rehelm resume`: goes on with whatever was interrupted: the phase that was under way, or the way back.
//!
//! Where there is no run in `.rehelm/`, the copy in the cluster is taken over.

use std::sync::Arc;

use rehelm_core::journal::RunState;
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::standing::stands;
use serde_json::json;

use super::global::{Global, Output};
use super::overrides::Overrides;
use super::phase::{self, How};
use super::plan_arg::PlanArgs;
use super::{cleanup, rollback, status};
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{journal_state, load_plan};
use crate::session::Session;
use crate::takeover;

/// Arguments of `rehelm resume`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which plan, and whether to ask.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Go on from the copy in the cluster, although there is a journal here; that one is kept under another name
    #[arg(long, env = "REHELM_FROM_CLUSTER", hide_env = true)]
    pub from_cluster: bool,
    /// In a rollback: drop the copied databases, with everything that was written to them since the switch
    #[arg(long, env = "REHELM_DROP_COPIES", hide_env = true)]
    pub drop_copies: bool,
    /// In a cleanup: do not ask, although nothing of it can be undone
    #[arg(long, env = "REHELM_YES_IRREVERSIBLE", hide_env = true)]
    pub yes_irreversible: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// What was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interrupted {
    Phase(Phase),
    Rollback,
    Cleanup,
}

/// Goes on with what was interrupted; nothing is no failure.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Jsonl])?;
    // Verbs below have no such format: their records would not be one document.
    let below = Global {
        output: global.output.filter(|output| *output == Output::Jsonl),
        ..global.clone()
    };
    let (exit, what, taken) = global.block_on(async {
        let session = Session::open(&below, &args.overrides).await?;
        carry(printer, &below, &session, args).await
    })?;
    if output == Output::Json {
        let plan = load_plan(global.folder(), args.plan.plan.as_deref()).ok();
        let state = journal_state(&crate::doors::files(global)?)?;
        let report = plan.as_ref().map(|plan| status::report(plan, &state));
        printer.json(&json!({"resumed": what.map(word), "takenOver": taken, "status": report}))?;
    }
    Ok(exit)
}

fn word(what: Interrupted) -> String {
    match what {
        Interrupted::Phase(phase) => phase.to_string(),
        Interrupted::Rollback => "rollback".to_owned(),
        Interrupted::Cleanup => "cleanup".to_owned(),
    }
}

async fn carry(
    printer: &Arc<Printer>,
    global: &Global,
    session: &Session,
    args: &Args,
) -> Result<(Exit, Option<Interrupted>, bool)> {
    let yes = args.plan.yes;
    let Some((plan, taken)) = plan_of(printer, global, session, &args.plan, args.from_cluster).await? else {
        return Ok((Exit::Done, None, false));
    };
    let state = journal_state(&*session.files)?;
    let Some(what) = interrupted(&state) else {
        let (standing, next) = stands(&plan, &state);
        printer.say(&format!("Nothing was interrupted: {standing}. Next: {next}"));
        return Ok((Exit::Done, None, taken));
    };
    let exit = match what {
        Interrupted::Rollback => {
            // A taking back that had begun goes on by itself: the step noted it.
            let consent = rollback::Consent {
                yes,
                drop_copies: args.drop_copies,
                copy_back: false,
            };
            rollback::carry(printer, global, session, &plan, consent).await?
        }
        Interrupted::Cleanup => cleanup::carry(printer, global, session, &plan, args.yes_irreversible).await?,
        Interrupted::Phase(phase) => phase::carry(printer, global, session, &plan, yes, phase, How::default()).await?,
    };
    if exit == Exit::Done {
        let state = journal_state(&*session.files)?;
        printer.say(&format!("Next: {}", stands(&plan, &state).1));
    }
    Ok((exit, Some(what), taken))
}

/// The plan of the run that is under way here, or of the one that was taken over (then true); None, and a sentence, when
/// there is neither.
///
/// # Errors
/// When the journal here is damaged, or the copy in the cluster cannot be taken over.
pub async fn plan_of(
    printer: &Arc<Printer>,
    global: &Global,
    session: &Session,
    args: &PlanArgs,
    from_cluster: bool,
) -> Result<Option<(Plan, bool)>> {
    if !from_cluster {
        let state = journal_state(&*session.files)?;
        if !state.run.is_empty() && state.ended.is_none() {
            return Ok(Some((load_plan(global.folder(), args.plan.as_deref())?, false)));
        }
    }
    let Some(found) = takeover::find(session).await? else {
        printer.say("Nothing was interrupted: there is no run here, and none in the cluster.");
        return Ok(None);
    };
    let plan = takeover::take(printer, session, &found, args.yes).await?;
    Ok(Some((plan, true)))
}

/// What the newest command had begun and not ended.
fn interrupted(state: &RunState) -> Option<Interrupted> {
    if state.run.is_empty() || state.ended.is_some() {
        return None;
    }
    if state.rolling_back {
        return Some(Interrupted::Rollback);
    }
    let open = |phase| (!state.phases.contains_key(&phase)).then_some(Interrupted::Phase(phase));
    match state.command.as_str() {
        "rollback" => Some(Interrupted::Rollback),
        "cleanup" => Some(Interrupted::Cleanup),
        "prepare" => open(Phase::Prepare),
        "migrate" => open(Phase::Migrate),
        // Killed between the first two records.
        "" => open(Phase::Prepare),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_interrupted_is_what_the_newest_command_had_not_ended() {
        let mut state = RunState::default();
        assert_eq!(interrupted(&state), None);
        state.run = "r".into();
        state.command = "migrate".into();
        assert_eq!(interrupted(&state), Some(Interrupted::Phase(Phase::Migrate)));
        state.phases.insert(Phase::Migrate, jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(interrupted(&state), None);
        state.command = "rollback".into();
        assert_eq!(interrupted(&state), Some(Interrupted::Rollback));
        state.ended = Some(rehelm_core::journal::Event::RolledBack);
        assert_eq!(interrupted(&state), None);
    }
}

//! `rehelm cleanup`: removes what the old install left behind; cannot be undone.

use std::sync::Arc;

use rehelm_core::cleanup;
use rehelm_core::journal::Event;
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::rights::Duty;
use rehelm_core::world::World;

use super::global::Global;
use super::overrides::Overrides;
use super::plan_arg::agree_by_typing;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{Run, Work, load_plan};
use crate::session::Session;

/// Arguments of `rehelm cleanup`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<camino::Utf8PathBuf>,
    /// Do not ask, although nothing of this can be undone
    #[arg(long, env = "REHELM_YES_IRREVERSIBLE", hide_env = true)]
    pub yes_irreversible: bool,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Removes what is itemised, after the soak time and another verification.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let plan = load_plan(global.folder(), args.plan.as_deref())?;
    global.block_on(async {
        let session = Session::open(global, &args.overrides).await?;
        carry(printer, global, &session, &plan, args.yes_irreversible).await
    })
}

/// Removes what a plan itemises, through a session's doors, real or simulated.
///
/// # Errors
/// What stopped it, with the exit code that says how.
pub async fn carry(
    printer: &Arc<Printer>,
    global: &Global,
    session: &Session,
    plan: &Plan,
    yes_irreversible: bool,
) -> Result<Exit> {
    let mut run = Run::new(printer, global, session, plan)?;
    run.duties = &[Duty::Cleanup];
    run.hold(async |world| {
        if matches!(world.state().ended, Some(Event::CleanedUp)) {
            printer.say("It is cleaned up already.");
            return Ok(None);
        }
        refuse(printer, session, world).await?;
        let items = items(plan);
        printer.insist(&items.join("\n"));
        let namespace = &plan.source.namespace;
        let question = format!(
            "Remove these {} for ever? There is no rollback afterwards.",
            items.len()
        );
        agree_by_typing(printer, yes_irreversible, &question, namespace)?;
        Ok(Some(Work::Phase(Phase::Cleanup)))
    })
    .await
}

/// Every object and database that will be removed.
fn items(plan: &Plan) -> Vec<String> {
    use rehelm_core::steps::StepSpec;
    let mut items = Vec::new();
    for step in plan.phase(Phase::Cleanup) {
        if let StepSpec::Retire(retire) = &step.spec {
            items.extend(retire.databases.iter().map(|name| format!("  x database {name}")));
            items.extend(retire.objects.iter().map(|retired| format!("  x {}", retired.object)));
        }
    }
    items
}

/// Refuses what core says is too early or not as it should be.
async fn refuse(printer: &Printer, session: &Session, world: &World<'_>) -> Result<()> {
    let found = cleanup::obstacles(world, session.settings.soak)
        .await
        .context(|| "cannot verify".to_owned())?;
    if found.is_empty() {
        return Ok(());
    }
    printer.insist(session.words.findings(&found, &[], false).trim_end());
    let too_early = found.iter().any(|finding| finding.code.starts_with("cleanup-"));
    let exit = if too_early {
        Exit::Waits
    } else {
        Exit::VerificationFailed
    };
    Err(Error::new(exit, "nothing was removed"))
}

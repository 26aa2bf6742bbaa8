//! `rehelm verify`: proves that the release is complete and owns the old data; reads only.

use std::sync::Arc;

use rehelm_core::finding::Finding;
use rehelm_core::journal::Event;
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::verification;
use rehelm_core::world::World;

use super::global::{Global, Output};
use super::overrides::Overrides;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::{GOOD, Printer};
use crate::run::{Run, load_plan};
use crate::session::Session;

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

/// Verifies and prints what was found; remembers when it passed for the first time, because the soak time starts there.
pub fn run(printer: &Arc<Printer>, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let plan = load_plan(global.folder(), args.plan.as_deref())?;
    let (words, findings) = global.block_on(async {
        let session = Session::open(global, &args.overrides).await?;
        let findings = carry(printer, global, &session, &plan).await?;
        Ok((session.words.clone(), findings))
    })?;
    match output {
        Output::Json => printer.json(&words.outputs(&findings, &[]))?,
        Output::Yaml => printer.yaml(&words.outputs(&findings, &[]))?,
        _ => printer.data(&words.findings(&findings, &[], true))?,
    }
    if !verification::passed(&findings) {
        return Ok(Exit::VerificationFailed);
    }
    printer.say(&format!(
        "{GOOD}Verified.{GOOD:#} Next, when you are content with it: rehelm cleanup"
    ));
    Ok(Exit::Done)
}

/// Verifies through a session's doors, real or simulated.
///
/// # Errors
/// When there is nothing to verify, or the cluster does not answer.
pub async fn carry(printer: &Arc<Printer>, global: &Global, session: &Session, plan: &Plan) -> Result<Vec<Finding>> {
    let quiet = Global {
        output: None,
        ..global.clone()
    };
    let run = Run::new(printer, &quiet, session, plan)?;
    let mut findings = Vec::new();
    run.look(async |world| {
        findings = verify(world).await?;
        Ok(())
    })
    .await?;
    Ok(findings)
}

/// Verifies a migrated run.
///
/// # Errors
/// When there is nothing to verify, or the cluster does not answer.
pub async fn verify(world: &World<'_>) -> Result<Vec<Finding>> {
    let state = world.state();
    if !state.phases.contains_key(&Phase::Migrate) || state.rolling_back || state.ended.is_some() {
        return Err(Error::new(Exit::Waits, "there is no finished migration to verify")
            .hint("see where it stands: rehelm status"));
    }
    let findings = verification::verify(world)
        .await
        .context(|| "cannot verify".to_owned())?;
    if verification::passed(&findings) && !state.phases.contains_key(&Phase::Verify) {
        world
            .write(Event::PhaseDone { phase: Phase::Verify })
            .context(|| "cannot write the journal".to_owned())?;
    }
    Ok(findings)
}

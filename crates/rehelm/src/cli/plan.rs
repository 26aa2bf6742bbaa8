//! `rehelm plan`: says what will happen, and saves it.

use camino::Utf8PathBuf;
use rehelm_core::plan::Plan;
use rehelm_report::plan_text;
use rehelm_report::plan_view::PlanView;

use super::decisions::DecisionArgs;
use super::global::{Global, Output};
use super::overrides::Overrides;
use super::rbac::{self, RbacArgs};
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{blocking, journal_state};
use crate::run_folder::{self, PLAN};
use crate::session::{Decisions, Session};

/// Arguments of `rehelm plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to save the plan, instead of .rehelm/plan.json
    #[arg(long, value_name = "FILE")]
    pub out: Option<Utf8PathBuf>,
    /// Exit with 10 when there is something to do
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// What a person decided.
    #[command(flatten)]
    pub decisions: DecisionArgs,
    /// Who gets which rights.
    #[command(flatten)]
    pub rbac: RbacArgs,
    /// What differs from rehelm.yaml.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Makes the plan, saves it and prints it.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Wide, Output::Json, Output::Yaml, Output::Rbac])?;
    let (session, plan) = global.block_on(async {
        let session = Session::open(global, &args.overrides).await?;
        let request = session.request(&Decisions::from(&args.decisions)).await?;
        let (plan, _) = session.plan(&request).await?;
        Ok((session, plan))
    })?;
    let saved = save(&session, args, &plan)?;
    match output {
        Output::Json => printer.data(&plan.to_json())?,
        Output::Yaml => printer.yaml(&plan)?,
        Output::Rbac => rbac::print(printer, &plan, &session.beside(), &args.rbac)?,
        _ => printer.data(&plan_text::plan(
            &session.words,
            &PlanView::of(&plan),
            output == Output::Wide,
        ))?,
    }
    let named = match &args.out {
        Some(path) => format!(" --plan {path}"),
        None => String::new(),
    };
    if !blocking(&plan).is_empty() {
        printer.say(&format!(
            "Saved {saved}. It cannot be carried out before its errors are mended or waived (--accept ID)."
        ));
        return Ok(Exit::Blocked);
    }
    printer.say(&format!("Saved {saved}. Next: rehelm prepare{named}"));
    Ok(if args.detailed_exitcode && !plan.steps.is_empty() {
        Exit::Pending
    } else {
        Exit::Done
    })
}

/// Saves the plan; gives the path.
fn save(session: &Session, args: &Args, plan: &Plan) -> Result<Utf8PathBuf> {
    if let Some(path) = &args.out {
        fs_err::write(path, plan.to_json()).context(|| format!("cannot save {path}"))?;
        return Ok(path.clone());
    }
    let files = &*session.files;
    let state = journal_state(files)?;
    if !state.run.is_empty() && state.ended.is_none() && state.plan != plan.digest() {
        return Err(
            Error::failed(format!("run {} is in progress with another plan", state.run))
                .hint("go on with it, or go back first with `rehelm rollback`")
                .hint("to look at a new plan beside it: rehelm plan --out FILE"),
        );
    }
    files
        .write(PLAN.into(), plan.to_json().as_bytes())
        .context(|| "cannot save the plan".to_owned())?;
    let path = session.settings.folder.join(run_folder::NAME).join(PLAN);
    Ok(path.strip_prefix("./").map_or_else(|_| path.clone(), ToOwned::to_owned))
}

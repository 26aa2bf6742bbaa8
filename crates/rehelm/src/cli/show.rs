//! `rehelm show`: shows one step of the plan. Needs no cluster, unless `--diff` is given.

use camino::Utf8PathBuf;
use rehelm_core::plan::{Plan, Step};
use rehelm_report::plan_text;
use rehelm_report::plan_view::StepView;

use super::global::{Global, Output};
use crate::diff;
use crate::doors;
use crate::errors::{Error, Result, nearest};
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::load_plan;
use crate::session;

/// Arguments of `rehelm show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Number of the step, or its name
    pub step: String,
    /// Show line by line what changes in every object, compared with the cluster
    #[arg(long)]
    pub diff: bool,
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<Utf8PathBuf>,
}

/// Prints the step.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let plan = load_plan(global.folder(), args.plan.as_deref())?;
    let step = find(&plan, &args.step)?;
    match output {
        Output::Json => printer.json(step)?,
        Output::Yaml => printer.yaml(step)?,
        _ => {
            let words = session::words_of_plan(global, &plan)?;
            let view = StepView::of(step, &rehelm_core::stale::names(&plan));
            printer.data(&plan_text::step(&words, &view))?;
        }
    }
    if args.diff {
        let text = global.block_on(async {
            let cluster = doors::cluster(global, Some(&plan.source.context)).await?;
            diff::of_step(&plan, step, &cluster).await
        })?;
        printer.data(&text)?;
    }
    Ok(Exit::Done)
}

/// A step by its number or its kind.
///
/// # Errors
/// A usage error that names what there is.
pub fn find<'p>(plan: &'p Plan, wanted: &str) -> Result<&'p Step> {
    let found = match wanted.parse::<u32>() {
        Ok(number) => plan.steps.iter().find(|step| step.number == number),
        Err(_) => plan.steps.iter().find(|step| step.spec.kind() == wanted),
    };
    found.ok_or_else(|| {
        let refused = Error::usage(format!("the plan has no step {wanted}"));
        match nearest(wanted, plan.steps.iter().map(|step| step.spec.kind())) {
            Some(word) => refused.hint(format!("did you mean `{word}`?")),
            None => refused.hint(format!("its steps are 1 to {}", plan.steps.len())),
        }
    })
}

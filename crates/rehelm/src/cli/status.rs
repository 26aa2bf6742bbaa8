//! `rehelm status`: says where a run stands, from its journal, which needs no cluster; or from the copy in the cluster,
//! with `--cluster` and where there is no plan.

use rehelm_core::journal::{RunState, StepState};
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::standing::stands;
use rehelm_report::{Facts, Words, human, table};
use serde::Serialize;

mod far;

use super::global::{Global, Output};
use crate::doors;
use crate::errors::Result;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::run::{journal_state, load_plan};
use crate::run_folder::{NAME, PLAN};
use crate::session;

/// Arguments of `rehelm status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<camino::Utf8PathBuf>,
    /// Look at the copy in the cluster: who runs it, where it stands, who holds the lock
    #[arg(long, env = "REHELM_STATUS_CLUSTER", hide_env = true)]
    pub cluster: bool,
}

/// Where a run stands, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    run: &'a str,
    /// `none`, `prepared`, `migrated`, …
    state: &'static str,
    command: &'a str,
    failed: Option<Failure<'a>>,
    next: &'static str,
    steps: Vec<StepReport<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    step: u32,
    why: &'a str,
}

#[derive(Serialize)]
struct StepReport<'a> {
    number: u32,
    kind: &'a str,
    phase: Phase,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

/// Prints where the run stands.
pub fn run(printer: &Printer, global: &Global, args: &Args) -> Result<Exit> {
    let output = global.output(&[Output::Text, Output::Json, Output::Yaml])?;
    let folder = global.folder();
    let no_plan = args.plan.is_none() && !folder.join(NAME).join(PLAN).exists();
    if args.cluster || (no_plan && global.config.exists()) {
        let seen = far::run(printer, global, output);
        if args.cluster || seen.is_ok() {
            return seen;
        }
    }
    let plan = load_plan(global.folder(), args.plan.as_deref())?;
    let state = journal_state(&doors::files(global)?)?;
    let report = report(&plan, &state);
    match output {
        Output::Json => printer.json(&report)?,
        Output::Yaml => printer.yaml(&report)?,
        _ => {
            let words = session::words_of_plan(global, &plan)?;
            printer.data(&text(&words, &plan, &report))?;
        }
    }
    Ok(Exit::Done)
}

/// What the journal and the plan say.
pub fn report<'a>(plan: &'a Plan, state: &'a RunState) -> Report<'a> {
    let (word, next) = stands(plan, state);
    let steps = plan.steps.iter().map(|step| StepReport {
        number: step.number,
        kind: step.spec.kind(),
        phase: step.phase,
        state: match state.step(step.number) {
            StepState::Pending => "pending",
            StepState::InDoubt => "in doubt",
            StepState::Done => "done",
            StepState::Undoing => "undoing",
            StepState::Undone => "undone",
        },
        seconds: state.times.get(&step.number).and_then(|(began, ended)| {
            let ended = (*ended)?;
            Some(ended.duration_since(*began).as_secs_f64())
        }),
    });
    Report {
        run: &state.run,
        state: word,
        command: &state.command,
        failed: state.failed.as_ref().map(|(step, why)| Failure { step: *step, why }),
        next,
        steps: steps.collect(),
    }
}

fn text(words: &Words, plan: &Plan, report: &Report<'_>) -> String {
    let mut out = format!(
        "{} → {}: {}\n",
        plan.source.namespace, plan.target.namespace, report.state
    );
    let mut phase = None;
    let mut rows = Vec::new();
    for step in &report.steps {
        let title = if phase == Some(step.phase) {
            String::new()
        } else {
            words.say(&format!("phase-{}", step.phase), &Facts::new())
        };
        phase = Some(step.phase);
        let time = step
            .seconds
            .map(|s| human::duration(std::time::Duration::from_secs_f64(s.max(0.0))));
        rows.push(vec![
            title,
            step.number.to_string(),
            step.kind.to_owned(),
            step.state.to_owned(),
            time.unwrap_or_default(),
        ]);
    }
    out.push_str(&table::table(&rows));
    if let Some(failure) = &report.failed {
        out.push_str(&format!("Step {} stopped: {}\n", failure.step, failure.why));
    }
    out.push_str(&format!("Next: {}\n", report.next));
    out
}

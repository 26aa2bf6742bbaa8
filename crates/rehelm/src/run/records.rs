//! The plan and the journal of `.rehelm/`, as verbs read them.

use camino::Utf8Path;
use rehelm_clients::input;
use rehelm_core::journal::{JournalError, RunState, StepState, read_records};
use rehelm_core::plan::Plan;
use rehelm_core::ports::Files;

use crate::errors::{Context, Error, Result};
use crate::run_folder::{JOURNAL, NAME, PLAN};

/// The plan of a verb: the one in `.rehelm/` unless another is named.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn load_plan(folder: &Utf8Path, named: Option<&Utf8Path>) -> Result<Plan> {
    let path = named.map_or_else(|| folder.join(NAME).join(PLAN), Utf8Path::to_owned);
    let text = match input::text(&path, input::RECORDS) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::usage(format!("there is no plan {path}")).hint("make one with `rehelm plan`"));
        }
        Err(error) => return Err(Error::failed(format!("cannot read the plan {path}")).because(error)),
    };
    Plan::from_json(&text).map_err(|error| {
        Error::failed(format!("cannot use the plan {path}"))
            .because(error)
            .hint("make a new one with `rehelm plan`")
    })
}

/// What the journal says, read only.
///
/// # Errors
/// When it is damaged.
pub fn journal_state(files: &dyn Files) -> Result<RunState> {
    let bytes = files
        .read(JOURNAL.into())
        .context(|| "cannot read the journal".to_owned())?
        .unwrap_or_default();
    let lines = read_records(&bytes, JOURNAL.into()).map_err(unusable)?;
    Ok(lines.state)
}

/// A journal that cannot be used, with everything that is still known of the run, and what to do.
pub(crate) fn unusable(error: JournalError) -> Error {
    let known = match &error {
        JournalError::Damaged { line, known, .. } => Some((line - 1, stood(known))),
        _ => None,
    };
    let shown = Error::failed("the journal cannot be used").because(error);
    match known {
        None => shown,
        Some((0, _)) => with_ways(shown.hint("nothing of it is sound")),
        Some((sound, stood)) => with_ways(shown.hint(format!("its first {sound} records are sound: {stood}"))),
    }
}

fn with_ways(error: Error) -> Error {
    error
        .hint(
            "the cluster has a copy: see `rehelm status --cluster`, go on from it with `rehelm resume --from-cluster`",
        )
        .hint("or bring the originals back without a journal: rehelm restore --from .rehelm/backup")
}

/// Where a run stood, without its plan.
fn stood(state: &RunState) -> String {
    let word = |step: &StepState| match step {
        StepState::Pending => "not begun",
        StepState::InDoubt => "begun, in doubt",
        StepState::Done => "done",
        StepState::Undoing => "its undo begun, in doubt",
        StepState::Undone => "undone",
    };
    // The way back takes the steps from the last to the first.
    let open = |(_, step): &(&u32, &StepState)| !matches!(step, StepState::Done | StepState::Undone);
    let newest = state.steps.iter().find(open).or_else(|| state.steps.last_key_value());
    match newest {
        None => format!("{} of run {} had begun", state.command, state.run),
        Some((number, step)) => format!("{} of run {}, step {number} {}", state.command, state.run, word(step)),
    }
}

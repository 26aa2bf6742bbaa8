//! What the records of a journal add up to, and which record may follow which. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{Event, FORMAT, JournalError, Record};
use crate::plan::Phase;

/// How far a step came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    /// Nothing was done.
    #[default]
    Pending,
    /// Begun, its outcome unknown or an error: the cluster has to be asked.
    InDoubt,
    /// Done and verified.
    Done,
    /// Its undo was begun.
    Undoing,
    /// Undone.
    Undone,
}

/// What the records add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunState {
    /// Name of the run; empty before the first record.
    pub run: String,
    /// `sha256:…` of its plan.
    pub plan: String,
    /// Version of rehelm that began it; journals of format 1 do not say it.
    pub version: Option<String>,
    /// Codes that a person waived.
    pub accepted: Vec<String>,
    /// State of each step that was touched.
    pub steps: BTreeMap<u32, StepState>,
    /// Notes by step and key.
    pub notes: BTreeMap<(u32, String), Value>,
    /// Phases whose steps are all done, with the time.
    pub phases: BTreeMap<Phase, Timestamp>,
    /// Why the newest error happened, with its step, until the step goes on.
    pub failed: Option<(u32, String)>,
    /// The newest command.
    pub command: String,
    /// Who gave it, and where.
    pub by: String,
    /// True when the run was taken over from the copy in the cluster, which may lack the newest records.
    pub taken_over: bool,
    /// True from the first undo.
    pub rolling_back: bool,
    /// True after cleanup began: there is no way back.
    pub cleaning: bool,
    /// How the run ended, if it did.
    pub ended: Option<Event>,
    /// When each step was begun first and done last.
    pub times: BTreeMap<u32, (Timestamp, Option<Timestamp>)>,
}

impl RunState {
    /// State of one step.
    pub fn step(&self, number: u32) -> StepState {
        self.steps.get(&number).cloned().unwrap_or_default()
    }

    /// A note.
    pub fn note(&self, step: u32, key: &str) -> Option<&Value> {
        self.notes.get(&(step, key.to_owned()))
    }
}

/// What a record says of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It begins, or is taken up again.
    Begin,
    /// It remembers something.
    Note,
    /// It is done and verified.
    Done,
    /// It stopped with an error.
    Fail,
    /// Its undo begins, or is taken up again.
    UndoBegin,
    /// Its undo is done.
    UndoDone,
    /// Its undo stopped with an error.
    UndoFail,
}

/// The table of legal transitions: where a move leads, None where it is illegal.
pub fn next(from: &StepState, by: Move) -> Option<StepState> {
    use Move::{Begin, Done, Fail, Note, UndoBegin, UndoDone, UndoFail};
    Some(match (from, by) {
        (StepState::Pending | StepState::InDoubt, Begin) | (StepState::InDoubt, Note | Fail) => StepState::InDoubt,
        (StepState::InDoubt, Done) => StepState::Done,
        (StepState::InDoubt | StepState::Done | StepState::Undoing, UndoBegin)
        | (StepState::Undoing, Note | UndoFail) => StepState::Undoing,
        (StepState::Undoing, UndoDone) => StepState::Undone,
        _ => return None,
    })
}

/// The step that an event is about, and what it says of it.
pub fn step_move(event: &Event) -> Option<(u32, Move)> {
    Some(match event {
        Event::StepStarted { step, .. } => (*step, Move::Begin),
        Event::Noted { step, .. } => (*step, Move::Note),
        Event::StepDone { step } => (*step, Move::Done),
        Event::StepFailed { step, .. } => (*step, Move::Fail),
        Event::UndoStarted { step } => (*step, Move::UndoBegin),
        Event::UndoDone { step } => (*step, Move::UndoDone),
        Event::UndoFailed { step, .. } => (*step, Move::UndoFail),
        _ => return None,
    })
}

/// Why an event may not follow; None when it may.
fn objection(state: &RunState, event: &Event) -> Option<&'static str> {
    if state.ended.is_some() {
        return Some("the run is over");
    }
    if state.run.is_empty() != matches!(event, Event::RunStarted { .. }) {
        return Some("a journal begins with the start of a run, once");
    }
    let open = |open: &[StepState]| state.steps.values().any(|state| open.contains(state));
    match event {
        Event::RunStarted { format, .. } if *format > FORMAT => Some("written by a newer rehelm"),
        Event::StepStarted { .. } if state.rolling_back => Some("a step cannot begin during a rollback"),
        Event::PhaseDone { .. } if open(&[StepState::InDoubt, StepState::Undoing]) => {
            Some("a phase ended before its steps did")
        }
        Event::RolledBack if open(&[StepState::InDoubt, StepState::Done, StepState::Undoing]) => {
            Some("a rollback ended before everything was undone")
        }
        Event::CleanedUp if !state.cleaning => Some("a cleanup ended that had not begun"),
        _ => {
            let (step, by) = step_move(event)?;
            let from = state.step(step);
            // The copy that a run was taken over from may lack the beginning of a step.
            let unknown = state.taken_over && from == StepState::Pending && by == Move::UndoBegin;
            if unknown || next(&from, by).is_some() {
                return None;
            }
            Some(match by {
                Move::Begin => "a step begins that is done or undone",
                Move::Note | Move::Done | Move::Fail => "a step speaks that is not under way",
                Move::UndoBegin => "an undo begins of what was not begun",
                Move::UndoDone | Move::UndoFail => "an undo ended that had not begun",
            })
        }
    }
}

/// Adds one record to the state; refuses what cannot follow, and leaves the state as it was then.
///
/// # Errors
/// [`JournalError::Illegal`].
pub fn apply(state: &mut RunState, record: &Record) -> Result<(), JournalError> {
    if let Some(why) = objection(state, &record.event) {
        return Err(JournalError::Illegal {
            n: record.n,
            why: why.to_owned(),
        });
    }
    if let Some((step, by)) = step_move(&record.event) {
        let from = state.step(step);
        state.steps.insert(step, next(&from, by).unwrap_or(StepState::Undoing));
    }
    match &record.event {
        Event::RunStarted {
            run,
            plan,
            version,
            accepted,
            ..
        } => {
            state.run = run.clone();
            state.plan = plan.clone();
            state.version = version.clone();
            state.accepted = accepted.clone();
        }
        Event::PhaseStarted { command, by } => {
            state.command = command.clone();
            state.by = by.clone();
            state.cleaning |= command == "cleanup";
        }
        Event::TakenOver { by } => {
            state.by = by.clone();
            state.taken_over = true;
        }
        Event::StepStarted { step, .. } => {
            state.failed = None;
            state.times.entry(*step).or_insert((record.at, None));
        }
        Event::Noted { step, key, value } => {
            state.notes.insert((*step, key.clone()), value.clone());
        }
        Event::StepDone { step } => {
            if let Some(times) = state.times.get_mut(step) {
                times.1 = Some(record.at);
            }
        }
        Event::UndoStarted { .. } => {
            state.rolling_back = true;
            state.failed = None;
        }
        Event::StepFailed { step, why } | Event::UndoFailed { step, why } => state.failed = Some((*step, why.clone())),
        Event::PhaseDone { phase } => {
            state.phases.insert(*phase, record.at);
        }
        Event::RolledBack | Event::CleanedUp | Event::Restored => state.ended = Some(record.event.clone()),
        Event::UndoDone { .. } | Event::Stopped { .. } => {}
    }
    Ok(())
}

//! What happened: a file of records, one JSON document a line, each bound to the one before by its hash.
//!
//! A record of intent is durable before anything is changed, a record of the outcome follows. The journal only says
//! what rehelm did and meant; a step that was in doubt asks the cluster. [`fold`] turns records into the state of
//! the run; records that cannot follow one another are refused.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest;
use crate::plan::Phase;
use crate::ports::{Clock, Files, PortError};

/// Version of the record format.
pub const FORMAT: u32 = 1;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began; always the first record.
    RunStarted {
        /// Format of this file.
        format: u32,
        /// Name of the run, unique.
        run: String,
        /// `sha256:…` of the plan.
        plan: String,
        /// Codes that a person waived.
        accepted: Vec<String>,
    },
    /// A command took the run up.
    PhaseStarted {
        /// `prepare`, `migrate`, `rollback`, …
        command: String,
        /// Who and where.
        by: String,
    },
    /// A step is about to change something.
    StepStarted {
        /// Number in the plan.
        step: u32,
        /// Kind of the step.
        kind: String,
    },
    /// Something that a step has to remember for its undo or its resumption.
    Noted {
        /// Number in the plan.
        step: u32,
        /// Name of the note.
        key: String,
        /// Its content; never a secret.
        value: Value,
    },
    /// A step was done and verified.
    StepDone {
        /// Number in the plan.
        step: u32,
    },
    /// A step stopped with an error; it can be taken up again.
    StepFailed {
        /// Number in the plan.
        step: u32,
        /// Why, in one line.
        why: String,
    },
    /// A step is about to be undone.
    UndoStarted {
        /// Number in the plan.
        step: u32,
    },
    /// A step was undone and verified.
    UndoDone {
        /// Number in the plan.
        step: u32,
    },
    /// An undo stopped with an error.
    UndoFailed {
        /// Number in the plan.
        step: u32,
        /// Why, in one line.
        why: String,
    },
    /// All steps of a phase are done.
    PhaseDone {
        /// Which.
        phase: Phase,
    },
    /// Everything was undone: the run is over.
    RolledBack,
    /// Cleanup is done: the run is over.
    CleanedUp,
    /// The command ended before its work did; the next one continues.
    Stopped {
        /// Why, in one line.
        why: String,
    },
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From 1.
    pub n: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Hash of the line before; empty for the first.
    pub prev: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

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
#[derive(Clone, Debug, Default)]
pub struct RunState {
    /// Name of the run; empty before the first record.
    pub run: String,
    /// `sha256:…` of its plan.
    pub plan: String,
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

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line in the middle is damaged; everything before it is known.
    #[error("{path}:{line}: {why}")]
    Damaged {
        /// The file.
        path: Utf8PathBuf,
        /// Line from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A record cannot follow the ones before.
    #[error("record {n}: {why}")]
    Illegal {
        /// Its number.
        n: u64,
        /// Why not.
        why: String,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Adds one record to the state; refuses what cannot follow.
///
/// # Errors
/// [`JournalError::Illegal`].
pub fn apply(state: &mut RunState, record: &Record) -> Result<(), JournalError> {
    let illegal = |why: &str| {
        Err(JournalError::Illegal {
            n: record.n,
            why: why.to_owned(),
        })
    };
    if state.ended.is_some() {
        return illegal("the run is over");
    }
    if state.run.is_empty() != matches!(record.event, Event::RunStarted { .. }) {
        return illegal("a journal begins with the start of a run, once");
    }
    match &record.event {
        Event::RunStarted {
            format,
            run,
            plan,
            accepted,
        } => {
            if *format > FORMAT {
                return illegal("written by a newer rehelm");
            }
            state.run = run.clone();
            state.plan = plan.clone();
            state.accepted = accepted.clone();
        }
        Event::PhaseStarted { command, .. } => {
            state.command = command.clone();
            state.cleaning |= command == "cleanup";
        }
        Event::StepStarted { step, .. } => {
            if state.rolling_back {
                return illegal("a step cannot begin during a rollback");
            }
            state.failed = None;
            state.times.entry(*step).or_insert((record.at, None));
            state.steps.insert(*step, StepState::InDoubt);
        }
        Event::Noted { step, key, value } => {
            state.notes.insert((*step, key.clone()), value.clone());
        }
        Event::StepDone { step } => {
            if state.step(*step) != StepState::InDoubt {
                return illegal("a step ended that had not begun");
            }
            if let Some(times) = state.times.get_mut(step) {
                times.1 = Some(record.at);
            }
            state.steps.insert(*step, StepState::Done);
        }
        Event::StepFailed { step, why } => state.failed = Some((*step, why.clone())),
        Event::UndoStarted { step } => {
            state.rolling_back = true;
            state.failed = None;
            state.steps.insert(*step, StepState::Undoing);
        }
        Event::UndoDone { step } => {
            if state.step(*step) != StepState::Undoing {
                return illegal("an undo ended that had not begun");
            }
            state.steps.insert(*step, StepState::Undone);
        }
        Event::UndoFailed { step, why } => state.failed = Some((*step, why.clone())),
        Event::PhaseDone { phase } => {
            state.phases.insert(*phase, record.at);
        }
        Event::RolledBack | Event::CleanedUp => state.ended = Some(record.event.clone()),
        Event::Stopped { .. } => {}
    }
    Ok(())
}

/// An open journal: the state so far, and the end of the chain.
pub struct Journal<'a> {
    files: &'a dyn Files,
    clock: &'a dyn Clock,
    path: Utf8PathBuf,
    /// The state after the last record.
    pub state: RunState,
    next: u64,
    prev: String,
}

impl<'a> Journal<'a> {
    /// Reads the journal at a path (absent: an empty one). A torn last line, the trace of a crash while writing, is
    /// cut off; any other damage is an error.
    ///
    /// # Errors
    /// [`JournalError`] with the line.
    pub fn open(files: &'a dyn Files, clock: &'a dyn Clock, path: Utf8PathBuf) -> Result<Self, JournalError> {
        let mut journal = Self {
            files,
            clock,
            path,
            state: RunState::default(),
            next: 1,
            prev: String::new(),
        };
        let Some(bytes) = files.read(&journal.path)? else {
            return Ok(journal);
        };
        let (records, torn_at) = read_records(&bytes, &journal.path)?;
        for (record, hash) in records {
            apply(&mut journal.state, &record)?;
            journal.next = record.n + 1;
            journal.prev = hash;
        }
        if let Some(end) = torn_at {
            files.write(&journal.path, &bytes[..end])?;
        }
        Ok(journal)
    }

    /// Writes one event; durable when it returns.
    ///
    /// # Errors
    /// When the event cannot follow, or the file cannot be written.
    pub fn write(&mut self, event: Event) -> Result<Record, JournalError> {
        let record = Record {
            n: self.next,
            at: self.clock.now(),
            prev: self.prev.clone(),
            event,
        };
        let mut state = self.state.clone();
        apply(&mut state, &record)?;
        let line = serde_json::to_string(&record).map_err(|e| PortError::Other(e.to_string()))?;
        self.files.append(&self.path, &line)?;
        self.state = state;
        self.next += 1;
        self.prev = digest::of_bytes(line.as_bytes());
        Ok(record)
    }
}

/// Records with their hashes, and where a torn last line begins.
type Lines = (Vec<(Record, String)>, Option<usize>);

/// Reads all lines, checks numbers and chain.
///
/// # Errors
/// [`JournalError::Damaged`] for anything but a torn last line.
pub fn read_records(bytes: &[u8], path: &camino::Utf8Path) -> Result<Lines, JournalError> {
    let mut records = Vec::new();
    let (mut start, mut prev) = (0, String::new());
    while start < bytes.len() {
        let line_number = records.len() + 1;
        let Some(length) = bytes[start..].iter().position(|b| *b == b'\n') else {
            return Ok((records, Some(start)));
        };
        let line = &bytes[start..start + length];
        let damaged = |why: String| JournalError::Damaged {
            path: path.to_owned(),
            line: line_number,
            why,
        };
        let record: Record = serde_json::from_slice(line).map_err(|e| damaged(e.to_string()))?;
        if record.n != line_number as u64 || record.prev != prev {
            return Err(damaged("the record does not follow the one before it".into()));
        }
        prev = digest::of_bytes(line);
        records.push((record, prev.clone()));
        start += length + 1;
    }
    Ok((records, None))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

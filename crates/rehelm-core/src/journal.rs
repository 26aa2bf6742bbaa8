//! What happened: a file of records, one JSON document a line, each bound to the one before by its hash.
//!
//! A record of intent is durable before anything is changed, a record of the outcome follows. The journal only says
//! what rehelm did and meant; a step that was in doubt asks the cluster. [`fold`] turns records into the state of
//! the run; records that cannot follow one another are refused.

mod fold;
mod lines;

use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::Phase;
use crate::ports::{Clock, Files, PortError};
pub use fold::{Move, RunState, StepState, apply, next, step_move};
pub use lines::{Lines, digest_of, read_records};

/// Version of the record format.
///
/// 1: a chain of hashes. 2: each line also proves itself (`sum`), the start names the version of rehelm, and there are
/// the events `taken-over` and `restored`. Every older format is read; `tests/journals/` has one journal of each.
pub const FORMAT: u32 = 2;

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
        /// Version of rehelm.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
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
    /// Another machine goes on with the run, from the copy in the cluster.
    TakenOver {
        /// Who and where.
        by: String,
    },
    /// Everything was undone: the run is over.
    RolledBack,
    /// The originals were brought back from the backup: the run is over.
    Restored,
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

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line is damaged; everything before it is known.
    #[error("{path}:{line}: {why}")]
    Damaged {
        /// The file.
        path: Utf8PathBuf,
        /// Line from 1; the lines before it are sound.
        line: usize,
        /// What is wrong with it.
        why: String,
        /// Where the run stood after the last sound line.
        known: Box<RunState>,
    },
    /// A record cannot follow the ones before.
    #[error("record {n}: {why}")]
    Illegal {
        /// Its number.
        n: u64,
        /// Why not.
        why: String,
    },
    /// Somebody else wrote to the file since it was read.
    #[error("{0} was continued by another process")]
    Continued(Utf8PathBuf),
    /// The file could not be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
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
    /// The file, as far as it is known to be sound.
    text: Vec<u8>,
    /// A line may have been written in part: nothing may follow before it is cut off.
    torn: bool,
}

impl<'a> Journal<'a> {
    /// Reads the journal at a path (absent: an empty one). A torn last line, the trace of a crash while writing, is
    /// cut off; any other damage is an error that says what is still known.
    ///
    /// # Errors
    /// [`JournalError`] with the line.
    pub fn open(files: &'a dyn Files, clock: &'a dyn Clock, path: Utf8PathBuf) -> Result<Self, JournalError> {
        let mut bytes = files.read(&path)?.unwrap_or_default();
        let lines = read_records(&bytes, &path)?;
        let mut journal = Self {
            files,
            clock,
            path,
            next: lines.records.len() as u64 + 1,
            prev: lines.tip.clone(),
            torn: lines.is_torn(),
            text: {
                bytes.truncate(usize::try_from(lines.sound).unwrap_or(usize::MAX));
                bytes
            },
            state: lines.state,
        };
        journal.mend()?;
        Ok(journal)
    }

    /// Writes one event; durable when it returns.
    ///
    /// # Errors
    /// When the event cannot follow, or the file cannot be written. A write that failed leaves no trace: it is cut off
    /// at once, or before the next record.
    pub fn write(&mut self, event: Event) -> Result<Record, JournalError> {
        let record = Record {
            n: self.next,
            at: self.clock.now(),
            prev: self.prev.clone(),
            event,
        };
        let mut state = self.state.clone();
        apply(&mut state, &record)?;
        let line = lines::line(&record)?;
        self.mend()?;
        // A process that slept through its lock's end must not write between the lines of the one that went on.
        if self.files.size(&self.path)? != self.text.len() as u64 {
            return Err(JournalError::Continued(self.path.clone()));
        }
        if let Err(error) = self.files.append(&self.path, &line) {
            self.torn = true;
            // What cannot be cut off now is cut off before the next record, or when the journal is opened.
            let _ = self.mend();
            return Err(error.into());
        }
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        self.state = state;
        self.next += 1;
        self.prev = digest_of(&line);
        Ok(record)
    }

    /// Cuts off what was written in part.
    fn mend(&mut self) -> Result<(), JournalError> {
        if self.torn {
            self.files.cut(&self.path, self.text.len() as u64)?;
            self.torn = false;
        }
        Ok(())
    }

    /// The whole file, for a copy of it.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// How many records there are.
    pub fn records(&self) -> u64 {
        self.next - 1
    }

    /// Hash of the last line.
    pub fn tip(&self) -> &str {
        &self.prev
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "journal_properties.rs"]
mod properties;

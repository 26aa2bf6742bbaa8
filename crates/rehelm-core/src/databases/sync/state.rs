//! The state of synchronisation: one file in the run's folder.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ports::{Files, Levelled, PortError, PortResult};

const STATE: &str = "databases/sync.json";
pub(super) const STOP: &str = "databases/sync.stop";
/// Version of the state's form.
const FORMAT: u32 = 1;
/// When the process that follows last said, in the middle of a long turn, that it lives.
const ALIVE: &str = "databases/sync.alive";
/// A process that has not said for so long that it lives does not. (The server builds an index without a word.)
const DEAD: Duration = Duration::from_secs(300);

/// How a copy follows its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follows {
    /// By the server's record of changes.
    Changes,
    /// By comparing.
    Ranges,
}

/// One turn of following.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    /// When it had ended.
    pub at: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// What it wrote.
    pub done: Levelled,
}

/// One database and its copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// The source.
    pub from: String,
    /// How it is followed.
    pub follows: Follows,
    /// When the first copy was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Timestamp>,
    /// Where the record of changes is followed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Turns that wrote something.
    pub passes: u64,
    /// Times that everything had to be compared because the record no longer reached back far enough.
    pub lost: u64,
    /// The newest turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Pass>,
}

/// Everything about synchronisation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    format: u32,
    /// By the copy's name.
    pub pairs: BTreeMap<String, Synced>,
    /// When the process that follows last said that it lives; None when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alive: Option<Timestamp>,
}

impl SyncState {
    /// The state of a run; an empty one when nothing was begun.
    ///
    /// # Errors
    /// When it cannot be read, or is of a newer version.
    pub fn load(files: &dyn Files) -> PortResult<Self> {
        let Some(bytes) = files.read(STATE.into())? else {
            return Ok(Self::default());
        };
        let mut state: Self =
            serde_json::from_slice(&bytes).map_err(|error| PortError::Other(format!("{STATE}: {error}")))?;
        match state.format {
            FORMAT => {
                let told = files.read(ALIVE.into())?.and_then(|text| String::from_utf8(text).ok());
                let told = told.and_then(|text| text.parse().ok());
                state.alive = state.alive.map(|alive| told.map_or(alive, |told| alive.max(told)));
                Ok(state)
            }
            other => Err(PortError::Invalid(STATE.into(), format!("its version is {other}"))),
        }
    }

    pub(super) fn save(&mut self, files: &dyn Files) -> PortResult<()> {
        self.format = FORMAT;
        let text = serde_json::to_vec_pretty(self).map_err(|error| PortError::Other(error.to_string()))?;
        files.write(STATE.into(), &text)
    }

    /// True while a process follows.
    pub fn runs(&self, now: Timestamp) -> bool {
        self.alive
            .is_some_and(|alive| now.duration_since(alive).unsigned_abs() < DEAD)
    }

    /// The copy of a source, complete at least once.
    pub fn complete(&self, from: &str, to: &str) -> Option<&Synced> {
        self.pairs
            .get(to)
            .filter(|own| own.from == from && own.copied.is_some())
    }

    /// True when a database was made by synchronisation, complete or not.
    pub fn made(&self, from: &str, to: &str) -> bool {
        self.pairs.get(to).is_some_and(|own| own.from == from)
    }
}

/// Says in the middle of a turn that the process lives.
pub(super) fn beat(files: &dyn Files, now: Timestamp) {
    // One that cannot be written is written a moment later, or the turn's end says that it failed.
    let _ = files.write(ALIVE.into(), now.to_string().as_bytes());
}

/// Asks the process that follows to end.
///
/// # Errors
/// When the wish cannot be written.
pub fn ask_to_stop(files: &dyn Files) -> PortResult<()> {
    files.write(STOP.into(), b"")
}

/// Forgets a pair, whose copy is somebody else's from now on (or gone).
///
/// # Errors
/// When the state cannot be written.
pub fn forget(files: &dyn Files, to: &str) -> PortResult<()> {
    let mut state = SyncState::load(files)?;
    if state.pairs.remove(to).is_some() {
        state.save(files)?;
    }
    Ok(())
}

//! What can go wrong in the testbed.
//!
//! [`Error::Unavailable`] is the one that tests ask for: the machine lacks a tool, so the test skips and says so.

use std::process::ExitStatus;

/// A failure of the testbed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that the testbed stands on is missing on this machine.
    #[error("{what} is not available: {why}\nhint: {install}")]
    Unavailable {
        /// The missing thing.
        what: String,
        /// How that was noticed.
        why: String,
        /// What a person can do about it.
        install: String,
    },
    /// A file could not be read or written; the message names the file.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A program ended with an error.
    #[error("{program} failed ({status})\n{output}")]
    Command {
        /// The program with its arguments (never a password).
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Its standard error, and its standard output when that is all there is.
        output: String,
    },
    /// The API server refused or could not be reached.
    #[error("{0}")]
    Kube(#[source] Box<kube::Error>),
    /// Something did not happen in time.
    #[error("{what} not ready after {seconds} s: {last}")]
    Timeout {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// What was seen last.
        last: String,
    },
    /// A data file or an answer does not have the expected shape.
    #[error("{0}")]
    Data(String),
}

/// The result of a testbed action.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether the machine lacks something, so that a test may skip.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Whether another writer was quicker: the object changed or went away. The next event brings a new try.
    pub(crate) fn is_race(&self) -> bool {
        matches!(self, Self::Kube(e) if matches!(&**e, kube::Error::Api(s) if matches!(s.code, 404 | 409)))
    }

    pub(crate) fn unavailable(what: impl Into<String>, why: impl ToString, install: impl Into<String>) -> Self {
        Self::Unavailable {
            what: what.into(),
            why: why.to_string(),
            install: install.into(),
        }
    }

    pub(crate) fn data(file: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Data(format!("{file}: {why}"))
    }
}

impl From<kube::Error> for Error {
    fn from(e: kube::Error) -> Self {
        Self::Kube(Box::new(e))
    }
}

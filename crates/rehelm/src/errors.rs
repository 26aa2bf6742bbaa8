//! What a person sees when a command ends badly: what failed, why (the chain of causes), what to try, and the exit code.
//!
//! Invariant: no text in here ever holds a secret. Whoever makes an error from data that may hold one says where it is
//! (file, line, object, key) instead of what it is.

use std::error::Error as StdError;
use std::fmt;

use rehelm_core::ports::PortError;

use crate::exit::Exit;

/// Result of everything that a verb does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed command.
#[derive(Debug)]
pub struct Error {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl Error {
    /// An error with the exit code that tells its kind.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// It failed: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Error, message)
    }

    /// The command line or the configuration is wrong: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something could not be read or asked; when that is a matter of rights, nothing else is wrong: exit code 3.
    pub fn unread(message: impl Into<String>, cause: PortError) -> Self {
        let exit = match cause {
            PortError::Forbidden(_) => Exit::Blocked,
            _ => Exit::Error,
        };
        Self::new(exit, message).because(cause)
    }

    /// Adds an error and everything below it as causes. A cause that only repeats the line above it is left out.
    #[must_use]
    pub fn because(mut self, cause: impl StdError) -> Self {
        let mut next: Option<&dyn StdError> = Some(&cause);
        while let Some(error) = next {
            let text = error.to_string();
            let above = self.causes.last().unwrap_or(&self.message);
            if !above.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same failure, but everything was taken back since: what to do next is to mend it and plan anew.
    #[must_use]
    pub fn rolled_back(mut self) -> Self {
        self.exit = Exit::RolledBack;
        self.hints = vec!["the old install runs as before; when it is mended, make a new plan: rehelm plan".to_owned()];
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What failed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Why, from the nearest cause to the deepest.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What to try.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}

/// Says what was being done when something failed; exit code 1.
pub trait Context<T> {
    /// Turns any error into a failed command with that error as its cause.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: StdError> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Error::failed(what()).because(error))
    }
}

/// The word that the writer probably meant, for `did you mean`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(score, _)| *score > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_repeat_are_left_out() {
        let io = std::io::Error::other("disk full");
        let error = Error::failed("cannot write a.yaml: disk full").because(io);
        assert!(error.causes().is_empty());
        let error = Error::failed("cannot write a.yaml").because(std::io::Error::other("disk full"));
        assert_eq!(error.causes(), ["disk full"]);
    }

    #[test]
    fn a_near_word_is_found_and_a_far_one_is_not() {
        assert_eq!(nearest("kustomise", ["context", "kustomize"]), Some("kustomize"));
        assert_eq!(nearest("xyz", ["context", "kustomize"]), None);
    }
}

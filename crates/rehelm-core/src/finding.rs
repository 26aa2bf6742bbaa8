//! What a pure part has to say about its input: a code, how bad it is, about what, with which facts.
//!
//! Odd manifests are normal input, so the pure parts return `(value, Vec<Finding>)` instead of failing.
//! No sentence is made here: `rehelm-report` turns a code and its arguments into the reader's language.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is. The order is the order of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A check that passed; kept so that a report shows what was looked at.
    Ok,
    /// Worth knowing, nothing to do.
    Info,
    /// Works, but a person should decide.
    Warning,
    /// Blocks every phase that changes something, unless waived with `--accept CODE`.
    Error,
}

/// One statement about one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable identifier in kebab-case, such as `secret-key-missing`; never reused for another meaning.
    pub code: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: `Deployment/default/api`, a file with its line, or a plain word.
    pub subject: String,
    /// The facts that the sentence needs, by name. Never a secret's content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

impl Finding {
    /// A finding without arguments; add them with [`Finding::arg`].
    pub fn new(code: impl Into<String>, severity: Severity, subject: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            subject: subject.into(),
            args: BTreeMap::new(),
        }
    }

    /// A passed check.
    pub fn ok(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(code, Severity::Ok, subject)
    }

    /// Something worth knowing.
    pub fn info(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(code, Severity::Info, subject)
    }

    /// A check that could not look, because of something that is said elsewhere; never the same as passed.
    pub fn unlooked(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::info(code, subject).arg("why", "not-asked")
    }

    /// True for a check that could not look. Its code's own sentence would say what nobody knows.
    pub fn is_unlooked(&self) -> bool {
        self.severity == Severity::Info && self.args.get("why").is_some_and(|why| why == "not-asked")
    }

    /// Something to decide.
    pub fn warning(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, subject)
    }

    /// Something that blocks.
    pub fn error(code: impl Into<String>, subject: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, subject)
    }

    /// Adds one fact.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }
}

/// The worst severity of a list; `Ok` for an empty one.
pub fn worst(findings: &[Finding]) -> Severity {
    findings.iter().map(|f| f.severity).max().unwrap_or(Severity::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_list_is_its_highest_severity() {
        assert_eq!(worst(&[]), Severity::Ok);
        assert_eq!(
            worst(&[Finding::info("a", "x"), Finding::error("b", "y"), Finding::ok("c", "z")]),
            Severity::Error
        );
    }
}

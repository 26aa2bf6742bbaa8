//! `--plan FILE`, and the consent that verbs ask for.

use camino::Utf8PathBuf;

use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Which plan, and whether to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct PlanArgs {
    /// Plan to use, instead of the one in .rehelm/
    #[arg(long, value_name = "FILE", env = "REHELM_PLAN", hide_env = true)]
    pub plan: Option<Utf8PathBuf>,
    /// Do not ask
    #[arg(short, long, env = "REHELM_YES", hide_env = true)]
    pub yes: bool,
}

/// Asks whether to go on. `yes` answers.
///
/// # Errors
/// Exit code 6 when nobody can answer, or the answer is not yes.
pub fn agree(printer: &Printer, yes: bool, question: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !printer.is_interactive() {
        return Err(Error::new(Exit::Waits, format!("{question} Nobody is there to answer")).hint("say --yes"));
    }
    let answer = printer.ask(&format!("{question} [y/N]"))?;
    yes_or_no(answer)
}

/// Whether an answer is yes, in whatever case.
fn yes_or_no(answer: Option<String>) -> Result<()> {
    consent(answer.map(|answer| answer.to_lowercase()).as_deref(), &["y", "yes"])
}

/// What an answer means, which has to be one of the words to the letter; None when nothing was typed at all. What was asked
/// for is not done without consent, so a script must not go on as if it were.
fn consent(answer: Option<&str>, words: &[&str]) -> Result<()> {
    match answer.is_some_and(|answer| words.contains(&answer)) {
        true => Ok(()),
        false => Err(Error::new(Exit::Waits, "not agreed to; nothing was changed")),
    }
}

/// Asks for a word to be typed, before something that cannot be undone. `yes` answers.
///
/// # Errors
/// Exit code 6 when nobody can answer, or something else is typed.
pub fn agree_by_typing(printer: &Printer, yes: bool, question: &str, word: &str) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !printer.is_interactive() {
        return Err(
            Error::new(Exit::Waits, format!("{question} Nobody is there to answer")).hint("say --yes-irreversible")
        );
    }
    let answer = printer.ask(&format!("{question} Type {word} to go on:"))?;
    consent(answer.as_deref(), &[word])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_consent_is_consent() {
        for answer in ["y", "yes", "YES"] {
            assert!(yes_or_no(Some(answer.to_owned())).is_ok(), "{answer}");
        }
        for answer in [Some("n"), Some(""), Some("yess"), None] {
            let refused = yes_or_no(answer.map(str::to_owned)).expect_err("no consent");
            assert_eq!(refused.exit(), Exit::Waits, "{answer:?}");
        }
        assert!(consent(Some("notes"), &["notes"]).is_ok());
        // Names of databases that differ in case are two databases.
        for answer in ["y", "Notes", ""] {
            assert!(consent(Some(answer), &["notes"]).is_err(), "{answer}");
        }
    }
}

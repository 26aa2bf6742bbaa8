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
    consent(answer.as_deref(), &["y", "yes"])
}

/// What an answer means; None when nothing was typed at all. What was asked for is not done without consent, so a script
/// must not go on as if it were.
fn consent(answer: Option<&str>, words: &[&str]) -> Result<()> {
    let answer = answer.unwrap_or_default();
    match words.iter().any(|word| word.eq_ignore_ascii_case(answer)) {
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
        for (answer, words) in [("y", &["y", "yes"][..]), ("YES", &["y", "yes"]), ("notes", &["notes"])] {
            assert!(consent(Some(answer), words).is_ok(), "{answer}");
        }
        for answer in [Some("n"), Some(""), Some("yess"), None] {
            let refused = consent(answer, &["y", "yes"]).expect_err("no consent");
            assert_eq!(refused.exit(), Exit::Waits, "{answer:?}");
        }
        assert!(consent(Some("y"), &["notes"]).is_err());
    }
}

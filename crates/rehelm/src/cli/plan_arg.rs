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
/// Exit code 6 when nobody can answer.
pub fn agree(printer: &Printer, yes: bool, question: &str) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !printer.is_interactive() {
        return Err(Error::new(Exit::Waits, format!("{question} Nobody is there to answer")).hint("say --yes"));
    }
    let answer = printer
        .ask(&format!("{question} [y/N]"))?
        .unwrap_or_default()
        .to_lowercase();
    let agreed = ["y", "yes"].contains(&answer.as_str());
    if !agreed {
        printer.say("Nothing was changed.");
    }
    Ok(agreed)
}

/// Asks for a word to be typed, before something that cannot be undone. `yes` answers.
///
/// # Errors
/// Exit code 6 when nobody can answer.
pub fn agree_by_typing(printer: &Printer, yes: bool, question: &str, word: &str) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !printer.is_interactive() {
        return Err(
            Error::new(Exit::Waits, format!("{question} Nobody is there to answer")).hint("say --yes-irreversible")
        );
    }
    let answer = printer
        .ask(&format!("{question} Type {word} to go on:"))?
        .unwrap_or_default();
    if answer != word {
        printer.say("Nothing was changed.");
    }
    Ok(answer == word)
}

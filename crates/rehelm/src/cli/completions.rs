//! `rehelm completions`: prints a completion script.

use crate::errors::{Error, Result};
use crate::exit::Exit;
use crate::printer::Printer;

/// Arguments of `rehelm completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(printer: &Printer, args: &Args) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "rehelm", &mut script);
    let script = String::from_utf8(script).map_err(|e| Error::failed("the script is no text").because(e))?;
    printer.data(&script)?;
    Ok(Exit::Done)
}

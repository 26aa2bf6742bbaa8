//! Running other programs with their words passed through.

use std::io::Write;
use std::process::{Command, ExitCode};

/// Runs to the end and passes the exit code on.
pub fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{}: {e}", command.get_program().display());
            ExitCode::FAILURE
        }
    }
}

/// The Cargo that runs this.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

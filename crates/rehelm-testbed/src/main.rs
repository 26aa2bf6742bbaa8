//! The testbed by hand. `cargo xtask testbed …` runs this.

#![forbid(unsafe_code)]

mod verbs;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match verbs::run(verbs::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            rehelm_testbed::printer::talk(format!("error: {e}"));
            ExitCode::FAILURE
        }
    }
}

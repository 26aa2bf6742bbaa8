//! `cargo xtask testbed up|down|status|build`: the testbed by hand.

use std::process::{Command, ExitCode};

use crate::run::{build_programs, program, run};

/// Builds the testbed's program if needed and runs it.
pub fn run_verb(words: &[String]) -> ExitCode {
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    run(Command::new(program("rehelm-testbed")).args(words))
}

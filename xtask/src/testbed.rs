//! `cargo xtask testbed up|down|status|build`: the testbed by hand.

use crate::run::{cargo, run};
use std::process::ExitCode;

/// Builds the testbed's program if needed and runs it.
pub fn run_verb(words: &[String]) -> ExitCode {
    run(cargo()
        .args(["run", "--quiet", "--package", "rehelm-testbed", "--"])
        .args(words))
}

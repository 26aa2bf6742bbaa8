//! `cargo xtask sweep …`: kills, faults, rivals and defects at every point of every scenario, on simulated clusters.

use std::process::{Command, ExitCode};

use crate::run::{cargo, program, run};

/// Crates whose own speed counts; thousands of runs are made.
const OURS: [&str; 5] = ["rehelm", "rehelm-core", "rehelm-clients", "rehelm-sim", "rehelm-sweep"];

/// Builds the program, optimized, and passes the words on.
pub fn run_verb(words: &[String]) -> ExitCode {
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "rehelm-sweep"]);
    for name in OURS {
        build.args(["--config", &format!("profile.dev.package.{name}.opt-level=2")]);
    }
    let built = run(&mut build);
    if built != ExitCode::SUCCESS {
        return built;
    }
    run(Command::new(program("rehelm-sweep")).args(words))
}

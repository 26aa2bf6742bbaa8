//! What must never happen: a step beyond the rights that were given, a secret outside its place, a bad input that gets
//! further than an error.
//!
//! Everything runs through the command line's own code in this process, on simulated clusters. Helm and kubectl are
//! wrapped: the wrapper writes down the arguments and the environment of every child before it becomes the real one.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod canary;
mod children;
mod corpus;
mod restore;
mod rights;
mod scene;
#[path = "../stories/setting.rs"]
mod setting;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let args = Arguments::from_args();
    if !args.list && !children::recorded() {
        return children::again();
    }
    let mut trials = Vec::new();
    trials.extend(rights::trials());
    trials.extend(canary::trials());
    trials.extend(corpus::trials());
    trials.extend(restore::trials());
    libtest_mimic::run(&args, trials).exit_code()
}

/// A test by its name.
fn trial(name: impl Into<String>, test: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || test().map_err(Failed::from))
}

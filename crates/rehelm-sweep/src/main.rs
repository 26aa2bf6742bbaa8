//! `rehelm-sweep`, the program behind `cargo xtask sweep`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use rehelm_sweep::cli::{Args, run};

fn main() -> ExitCode {
    ExitCode::from(run(&Args::parse()))
}

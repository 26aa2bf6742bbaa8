//! `rehelm-sweep`, the program behind `cargo xtask sweep`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use rehelm_sweep::cli::{Args, run};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(run(&Args::parse()))
}

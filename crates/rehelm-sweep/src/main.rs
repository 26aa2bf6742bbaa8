//! `rehelm-sweep`, the program behind `cargo xtask sweep`.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use rehelm_sweep::cli::{Args, run};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Ends with these: Ctrl-C, and the usual request to end. The commands that are run would take them for their own.
const ENDS: [(i32, i32); 2] = [(SIGINT, 130), (SIGTERM, 143)];

fn main() -> ExitCode {
    for (signal, code) in ENDS {
        let always = Arc::new(AtomicBool::new(true));
        if let Err(why) = signal_hook::flag::register_conditional_shutdown(signal, code, always) {
            let _ = writeln!(std::io::stderr(), "this sweep can only be killed: {why}");
        }
    }
    ExitCode::from(run(&Args::parse()))
}

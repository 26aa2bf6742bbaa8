//! The command line: flags, one file per verb, the one printer, the one place that chooses the ports. No logic.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod diff;
pub mod doors;
pub mod errors;
pub mod exit;
pub mod live;
pub mod lock;
pub mod post_renderer;
pub mod printer;
pub mod profiles;
pub mod recovery;
pub mod rehearsal;
pub mod run;
pub mod run_folder;
pub mod session;
pub mod signals;
pub mod takeover;

use std::ffi::OsString;

use exit::Exit;

/// Runs one command line and says how it ended. Everything that a person reads has been printed by then.
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    match cli::parse(args) {
        Ok(cli) => cli::run(cli),
        Err(refused) => refused.print(),
    }
}

//! `cargo xtask bench NAME`: figures, printed; nothing is judged.

use std::io::Write;
use std::process::ExitCode;

use crate::run::{build_programs, cargo, run};

/// Runs one benchmark. The programs that are measured are other people's (Helm, the API server) or wait for them, so that
/// the development build measures the same.
pub fn run_verb(words: &[String]) -> ExitCode {
    match words.first().map(String::as_str) {
        Some("downtime") => {
            let built = build_programs();
            if built != ExitCode::SUCCESS {
                return built;
            }
            run(cargo().args([
                "bench",
                "--quiet",
                "--locked",
                "--profile",
                "dev",
                "--workspace",
                "--bench",
                "downtime",
            ]))
        }
        other => {
            let _ = writeln!(std::io::stderr(), "no such benchmark: {other:?}\nbenchmarks: downtime");
            ExitCode::from(2)
        }
    }
}

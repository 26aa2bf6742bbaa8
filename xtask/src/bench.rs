//! `cargo xtask bench NAME`: figures, printed; nothing is judged.

use std::io::Write;
use std::process::ExitCode;

use crate::run::{build_programs, cargo, run};

/// Crates whose own speed counts; they are optimized for the measurement, everything below them as it always is.
const OURS: [&str; 4] = ["rehelm", "rehelm-core", "rehelm-clients", "rehelm-sim"];

/// Runs one benchmark. What `downtime` measures are other people's programs (Helm, the API server), so that the development
/// build measures the same; what `rehearse` measures is ours.
pub fn run_verb(words: &[String]) -> ExitCode {
    match words.first().map(String::as_str) {
        // The driver is not ours, and most of the time is the server's.
        Some("db") => {
            let optimized = OURS.map(|name| format!("profile.dev.package.{name}.opt-level=2"));
            bench("db", &optimized)
        }
        Some("downtime") => bench("downtime", &[]),
        Some("rehearse") => {
            let optimized = OURS.map(|name| format!("profile.dev.package.{name}.opt-level=2"));
            bench("rehearse", &optimized)
        }
        // Both sides wait for the same Helm; what the map computes itself is ours.
        Some("values") => {
            let optimized = OURS.map(|name| format!("profile.dev.package.{name}.opt-level=2"));
            bench("values", &optimized)
        }
        other => {
            let _ = writeln!(
                std::io::stderr(),
                "no such benchmark: {other:?}\nbenchmarks: db, downtime, rehearse, values"
            );
            ExitCode::from(2)
        }
    }
}

fn bench(name: &str, config: &[String]) -> ExitCode {
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    let mut bench = cargo();
    bench.args([
        "bench",
        "--quiet",
        "--locked",
        "--profile",
        "dev",
        "--workspace",
        "--bench",
        name,
    ]);
    for setting in config {
        bench.args(["--config", setting]);
    }
    run(&mut bench)
}

//! `cargo xtask sweep …`: kills, faults, rivals and defects at every point of every scenario, on simulated clusters; with
//! `--real`, SIGKILL at every record of the journal on the testbed's control plane.

use std::io::Write;
use std::process::{Command, ExitCode};

use crate::demo;
use crate::run::{build_programs, cargo, program, run};
use crate::test::with_helm;

/// Crates whose own speed counts; thousands of runs are made.
const OURS: [&str; 5] = ["rehelm", "rehelm-core", "rehelm-clients", "rehelm-sim", "rehelm-sweep"];

/// Builds the program, optimized, and passes the words on.
pub fn run_verb(words: &[String]) -> ExitCode {
    if words.iter().any(|word| word == "--real") {
        return real(words);
    }
    let mut build = cargo();
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--workspace",
        "--bin",
        "rehelm-sweep",
        "--bin",
        "rehelm-testbed",
    ]);
    for name in OURS {
        build.args(["--config", &format!("profile.dev.package.{name}.opt-level=1")]);
    }
    let built = run(&mut build);
    if built != ExitCode::SUCCESS {
        return built;
    }
    let (helm, kubectl) = match demo::tools() {
        Ok(found) => found,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            return ExitCode::FAILURE;
        }
    };
    let mut sweep = Command::new(program("rehelm-sweep"));
    sweep.args(words).env("HELM_BIN", &helm).env("KUBECTL_BIN", &kubectl);
    if words.iter().any(|word| word == "--report") {
        match bad_inputs() {
            Some(count) => sweep.args(["--bad-inputs", &count.to_string()]),
            None => return ExitCode::FAILURE,
        };
    }
    run(&mut sweep)
}

/// Tries the corpus of bad input, which is a test of the command line; the number of its cases when each is refused as it should
/// be.
fn bad_inputs() -> Option<usize> {
    let mut test = cargo();
    test.args([
        "test",
        "--quiet",
        "--locked",
        "--workspace",
        "--test",
        "guard",
        "--",
        "corpus::",
    ]);
    with_helm(&mut test);
    let output = test.stderr(std::process::Stdio::inherit()).output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let _ = writeln!(std::io::stderr(), "{said}");
        return None;
    }
    let passed = said.lines().find_map(|line| line.strip_prefix("test result: ok. "))?;
    passed.split(' ').next()?.parse().ok()
}

/// The end-to-end tests that kill a process, its Helm, the API server and the connection, at all records instead of a sample.
fn real(words: &[String]) -> ExitCode {
    let mut filter = "";
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match (word, words.clone().next()) {
            ("--real", _) => {}
            ("--scenario", Some(name)) => {
                filter = name;
                words.next();
            }
            _ => {
                let _ = writeln!(std::io::stderr(), "usage: cargo xtask sweep --real [--scenario NAME]");
                return ExitCode::from(2);
            }
        }
    }
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    let mut tests = cargo();
    tests.args(["test", "--quiet", "--locked", "--workspace", "--test", "e2e", "--"]);
    // One after the other: each has a control plane of its own.
    tests.args(["--nocapture", "--test-threads", "1"]);
    match filter {
        "" => tests.args(["records::", "outages::", "crash::"]),
        name => tests.args(["--exact", &format!("records::{name}")]),
    };
    run(tests.env("REHELM_RECORDS", "all"))
}

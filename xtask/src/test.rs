//! `cargo xtask test`: formatting, lints and every test, the ones on a real control plane included.
//!
//! What the tests need is built once into a cache outside the checkout. What cannot be had on this machine (no Go, no
//! Java, no registry) is said before the tests and again at the end: the tests that need it skip themselves and say so.

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::run::{build_programs, cargo, program, run};
use crate::{demo, deny};

const FORMATTING: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--locked",
    "--quiet",
    "--",
    "-D",
    "warnings",
];
const TESTS: &[&str] = &["test", "--workspace", "--locked", "--no-fail-fast"];

/// Runs everything; extra words go to `cargo test`.
pub fn run_verb(words: &[String]) -> ExitCode {
    let begun = Instant::now();
    let mut tests = cargo();
    // Golden files are compared, never written, by a test run.
    tests.args(TESTS).args(words).env("INSTA_UPDATE", "no");
    let mut all_there = true;
    let mut helm_there = true;
    let mut denied = true;
    let parts: [(&str, &mut dyn FnMut() -> ExitCode); 6] = [
        ("formatting", &mut || run(cargo().args(FORMATTING))),
        ("supply chain", &mut || {
            let outcome = deny::if_there();
            denied = outcome.is_some();
            outcome.unwrap_or(ExitCode::SUCCESS)
        }),
        ("programs", &mut build_programs),
        ("testbed", &mut || {
            all_there = run(Command::new(program("rehelm-testbed")).arg("build")) == ExitCode::SUCCESS;
            ExitCode::SUCCESS
        }),
        ("tests", &mut || {
            helm_there = with_helm(&mut tests);
            run(&mut tests)
        }),
        ("lints", &mut || run(cargo().args(LINTS))),
    ];
    for (what, part) in parts {
        say(&format!("== {what}"));
        let outcome = part();
        if outcome != ExitCode::SUCCESS {
            say(&format!("{what} failed after {} s", begun.elapsed().as_secs()));
            return outcome;
        }
    }
    say(&format!(
        "everything that could run here passed in {} s",
        begun.elapsed().as_secs()
    ));
    if !denied {
        say(
            "licences and sources were not checked, because cargo-deny is not at hand: cargo xtask deny builds it once",
        );
    }
    if !helm_there {
        say("not everything could run: there is no Helm or kubectl, see above; the tests that need them skipped");
    }
    if !all_there {
        say("not everything could run: the testbed could not be built here, see above; the tests that need it skipped");
    }
    ExitCode::SUCCESS
}

/// Puts Helm and kubectl on the tests' PATH; false, and said, when they cannot be had.
pub(crate) fn with_helm(tests: &mut Command) -> bool {
    let (helm, kubectl) = match demo::tools() {
        Ok(found) => found,
        Err(why) => {
            say(&why);
            return false;
        }
    };
    let own = [helm, kubectl].map(|file| Path::new(&file).parent().map(Path::to_owned).unwrap_or_default());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(std::env::split_paths(&path));
    match std::env::join_paths(folders) {
        Ok(path) => {
            tests.env("PATH", path);
            true
        }
        Err(why) => {
            say(&format!("Helm's folder cannot be put on PATH: {why}"));
            false
        }
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

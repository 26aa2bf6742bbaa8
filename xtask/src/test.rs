//! `cargo xtask test`: formatting, lints and every test, the ones on a real control plane included.
//!
//! What the tests need is built once into a cache outside the checkout. What cannot be had on this machine (no Go, no
//! Java, no registry) is said at the beginning and again at the end: those tests skip themselves and say so.

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use crate::run::cargo;

/// One part of the run.
struct Part {
    what: &'static str,
    words: &'static [&'static str],
    /// False for parts whose failure only means that some tests skip themselves.
    must_pass: bool,
}

const PARTS: &[Part] = &[
    Part {
        what: "formatting",
        words: &["fmt", "--all", "--check"],
        must_pass: true,
    },
    Part {
        what: "lints",
        words: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        must_pass: true,
    },
    Part {
        what: "testbed",
        words: &[
            "run",
            "--quiet",
            "--locked",
            "--package",
            "rehelm-testbed",
            "--",
            "build",
        ],
        must_pass: false,
    },
    Part {
        what: "tests",
        words: &["test", "--workspace", "--locked", "--no-fail-fast"],
        must_pass: true,
    },
];

/// Runs everything; extra words go to `cargo test`.
pub fn run_verb(words: &[String]) -> ExitCode {
    let begun = Instant::now();
    let mut missing = Vec::new();
    for part in PARTS {
        say(&format!("== {}", part.what));
        let mut command = cargo();
        command.args(part.words);
        if part.what == "tests" {
            command.args(words);
            // Golden files are compared, never written, by a test run.
            command.env("INSTA_UPDATE", "no");
        }
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(_) if !part.must_pass => missing.push(part.what),
            Ok(status) => {
                say(&format!("{} failed after {} s", part.what, begun.elapsed().as_secs()));
                return ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1));
            }
            Err(e) => {
                say(&format!("cargo: {e}"));
                return ExitCode::FAILURE;
            }
        }
    }
    say(&format!(
        "everything that could run here passed in {} s",
        begun.elapsed().as_secs()
    ));
    for part in missing {
        say(&format!(
            "not everything could run: the {part} could not be built here (see above); its tests skipped"
        ));
    }
    ExitCode::SUCCESS
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

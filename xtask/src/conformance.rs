//! `cargo xtask conformance [--record] [--only NAME,…] [-o json]`: the simulator against a live control plane.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::run::{build_programs, cargo, program, target};

/// Name of the testbed that this starts.
const NAME: &str = "conformance";

/// What was asked for.
#[derive(Default)]
struct Asked {
    record: bool,
    json: bool,
    only: Option<String>,
}

/// Starts a control plane, runs every script and every client against it and the simulator, and prints the figure.
pub fn run_verb(words: &[String]) -> ExitCode {
    let Some(asked) = understood(words) else {
        say("usage: cargo xtask conformance [--record] [--only NAME,NAME] [-o json]");
        return ExitCode::from(2);
    };
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    let up = testbed(&["up", "--name", NAME]).stdout(Stdio::piped()).output();
    let kubeconfig = match up {
        Ok(up) if up.status.success() => PathBuf::from(String::from_utf8_lossy(&up.stdout).trim()),
        Ok(_) => {
            say("the testbed did not come up; its last line says what is missing");
            return ExitCode::FAILURE;
        }
        Err(why) => {
            say(&format!("the testbed did not start: {why}"));
            return ExitCode::FAILURE;
        }
    };
    let outcome = compare(&asked, &kubeconfig);
    let _ = testbed(&["down", "--name", NAME]).stdout(Stdio::null()).status();
    outcome
}

fn understood(words: &[String]) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "--record" => asked.record = true,
            "--only" => asked.only = Some(words.next()?.to_owned()),
            "-o" if words.next()? == "json" => asked.json = true,
            _ => return None,
        }
    }
    Some(asked)
}

fn compare(asked: &Asked, kubeconfig: &Path) -> ExitCode {
    let report = target().join("conformance.json");
    let mut tests = cargo();
    tests
        .args([
            "test",
            "--quiet",
            "--workspace",
            "--locked",
            "--test",
            "conformance",
            "--",
            "--nocapture",
            "live",
        ])
        .env("REHELM_CONFORMANCE_KUBECONFIG", kubeconfig)
        .env("REHELM_CONFORMANCE_REPORT", &report);
    if asked.record {
        tests.env("REHELM_CONFORMANCE_RECORD", "1");
    }
    if let Some(only) = &asked.only {
        tests.env("REHELM_CONFORMANCE_ONLY", only);
    }
    if asked.json {
        // The figure as JSON is all that stdout gets.
        tests.stdout(Stdio::null());
    }
    let passed = tests.status().is_ok_and(|status| status.success());
    if asked.json {
        let text = std::fs::read_to_string(&report).unwrap_or_default();
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn testbed(words: &[&str]) -> Command {
    let mut command = Command::new(program("rehelm-testbed"));
    command.args(words);
    command
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

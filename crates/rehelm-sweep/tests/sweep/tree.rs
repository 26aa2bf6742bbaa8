//! Runs that share what they have in common come to what runs by themselves come to.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::example;

/// The report of the program itself: it forks, which a test with threads must not.
fn report(words: &[&str]) -> Value {
    let mut sweep = Command::new(env!("CARGO_BIN_EXE_rehelm-sweep"));
    sweep.args(["--scenario", "example-back", "--every", "50", "-o", "json"]);
    let output = sweep
        .args(words)
        .stderr(Stdio::inherit())
        .output()
        .expect("the program");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert!(output.status.success(), "{words:?}: {report:#}");
    report["scenarios"][0].clone()
}

#[test]
fn runs_that_meet_others_end_as_those_that_go_on() {
    if example().is_none() {
        return;
    }
    let cut = report(&["--whole", "0"]);
    let whole = report(&["--whole", "1"]);
    let figure = |of: &Value, name: &str| of[name].as_u64().unwrap_or_else(|| panic!("{name} in {of:#}"));
    for name in [
        "runs",
        "resumed",
        "doubleCrashes",
        "stops",
        "faults",
        "rivals",
        "points",
    ] {
        assert_eq!(figure(&cut, name), figure(&whole, name), "{name}");
    }
    assert!(figure(&cut, "runs") > 60, "{cut:#}");
    // Many meet others; none of those goes on in the one case, and all in the other.
    assert!(figure(&cut, "met") > 20, "{cut:#}");
    assert_eq!(figure(&cut, "metWhole"), 0);
    assert_eq!(figure(&whole, "metWhole"), figure(&whole, "met"));
    assert!(figure(&cut, "invariantChecks") < figure(&whole, "invariantChecks"));
}

#[test]
fn a_scenario_that_is_not_there_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_rehelm-sweep"))
        .args(["--scenario", "nowhere"])
        .output()
        .expect("the program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    // Without Helm that is said first.
    assert!(
        said.contains("no such scenario: nowhere") || said.contains("helm"),
        "{said}"
    );
}

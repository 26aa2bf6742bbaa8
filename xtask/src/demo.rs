//! `cargo xtask demo`: the main job, from Kustomize to Helm and back and there again, on a simulated cluster.
//!
//! The product is our own and built into the program; Helm and kubectl are real: from PATH, or else fetched, or else built.
//! `--real` shows the same on the testbed's control plane.

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use crate::demo_real;
use crate::run::{build_programs, program};

/// Runs the demo; other words go to `rehelm rehearse`, such as `--crash-after 20` or `--until rebind --serve`.
pub fn run_verb(words: &[String]) -> ExitCode {
    if words.iter().any(|word| word == "--real") {
        return demo_real::run_verb(words);
    }
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    match show(words) {
        Ok(code) => code,
        Err(why) => {
            say(&why);
            ExitCode::FAILURE
        }
    }
}

fn show(words: &[String]) -> Result<ExitCode, String> {
    let (helm, kubectl) = tools()?;
    say(
        "A product that was installed with Kustomize moves to its Helm chart: on a Kubernetes API in memory, with the real Helm.",
    );
    say(&format!(
        "\x1b[1m$ rehelm rehearse --example {}\x1b[0m",
        words.join(" ")
    ));
    let status = Command::new(program("rehelm"))
        .args(["rehearse", "--example"])
        .args(words)
        .env("HELM_BIN", helm)
        .env("KUBECTL_BIN", kubectl)
        .status()
        .map_err(|e| format!("rehelm: {e}"))?;
    if status.success() {
        say("");
        say(
            "That was the whole of it. To look around: cargo xtask demo --until rebind --serve. On a real control plane: --real",
        );
    }
    Ok(ExitCode::from(
        status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1),
    ))
}

/// Paths of Helm and kubectl, from PATH, else fetched, else built.
///
/// # Errors
/// When none of that can be had; what to install has been printed.
pub fn tools() -> Result<(String, String), String> {
    let found = Command::new(program("rehelm-testbed"))
        .arg("tools")
        .stderr(Stdio::inherit())
        .output();
    let found = found.map_err(|e| format!("rehelm-testbed: {e}"))?;
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    match (found.status.success(), lines.next(), lines.next()) {
        (true, Some(helm), Some(kubectl)) => Ok((helm, kubectl)),
        _ => Err("Helm and kubectl are needed; the lines above say what to install".to_owned()),
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

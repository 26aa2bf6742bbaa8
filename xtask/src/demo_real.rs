//! `cargo xtask demo --real`: the main job, from Kustomize to Helm and back, on a cluster that comes and goes with it.
//!
//! The product is our own (`examples/notes`); the cluster is the testbed's real control plane.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::run::{build_programs, program, root, target};

/// Name of the demo's testbed.
const NAME: &str = "demo";

/// What is shown: a sentence, and the words after `rehelm`.
const STAGES: &[(&str, &[&str])] = &[
    (
        "Everything that could stop the migration. It reads only.",
        &["check", "--fill-values"],
    ),
    (
        "What will happen, in which order, with which outage and which way back.",
        &["plan", "--fill-values"],
    ),
    (
        "One step in full: what it changes, what a person would type, its undo.",
        &["show", "recreate", "--diff"],
    ),
    ("Everything that needs no outage.", &["prepare", "--yes"]),
    ("The outage begins and ends here.", &["migrate", "--yes"]),
    ("Is everything there, and does it own the old data?", &["verify"]),
    (
        "Back to the Kustomize install, as if nothing had happened.",
        &["rollback", "--yes", "--drop-copies"],
    ),
    ("And there again.", &["plan", "--fill-values"]),
    ("", &["prepare", "--yes"]),
    ("", &["migrate", "--yes"]),
    ("", &["verify"]),
    (
        "The old install goes, item by item. Usually a day later.",
        &["cleanup", "--soak", "0s", "--yes-irreversible"],
    ),
    ("Where the run stands.", &["status"]),
];

/// Runs the demo; `--keep` leaves the cluster for a look around.
pub fn run_verb(words: &[String]) -> ExitCode {
    let keep = words.iter().any(|w| w == "--keep");
    let built = build_programs();
    if built != ExitCode::SUCCESS {
        return built;
    }
    let outcome = show();
    if !keep {
        let _ = testbed(&["down", "--name", NAME]).stdout(Stdio::null()).status();
    }
    match outcome {
        Ok(()) => {
            say("");
            say("That was the whole of it. Next: README.md, or `cargo xtask demo --real --keep` for a look around.");
            ExitCode::SUCCESS
        }
        Err(why) => {
            say(&why);
            ExitCode::FAILURE
        }
    }
}

fn show() -> Result<(), String> {
    heading("A cluster with the example product installed by Kustomize.");
    let up = testbed(&["up", "--name", NAME, "--install", "notes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output();
    let up = up.map_err(|e| format!("the testbed did not start: {e}"))?;
    if !up.status.success() {
        return Err("the testbed did not come up; its last line says what is missing".into());
    }
    let kubeconfig = PathBuf::from(String::from_utf8_lossy(&up.stdout).trim());
    let bed = kubeconfig
        .parent()
        .ok_or("the testbed has no folder")?
        .join("testbed.json");
    let bed = std::fs::read_to_string(&bed).map_err(|e| format!("{}: {e}", bed.display()))?;
    let bed: serde_json::Value = serde_json::from_str(&bed).map_err(|e| e.to_string())?;
    let text = |pointer: &str| {
        bed.pointer(pointer)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };

    let folder = target().join("demo");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let example = root().join("examples/notes");
    let path = |below: &str| example.join(below).display().to_string();
    let rehelm = |words: &[&str]| -> Result<(), String> {
        say(&format!("\x1b[1m$ rehelm {}\x1b[0m", words.join(" ")));
        let status = Command::new(program("rehelm"))
            .args(words)
            .current_dir(&folder)
            .env("KUBECONFIG", &kubeconfig)
            .env("HELM_BIN", text("/tools/helm"))
            .env("KUBECTL_BIN", text("/tools/kubectl"))
            .env("REGISTRY_PASSWORD", text("/registry/password"))
            .env("MONGO_URI", text("/mongo_uri"))
            .status()
            .map_err(|e| format!("rehelm: {e}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("rehelm {}: {status}", words.join(" ")))
        }
    };

    heading("The configuration: which product, from where to where.");
    let chart = format!("oci://{}/helm/notes", text("/registry/host"));
    let (profile, kustomize, values) = (path("profile"), path("kustomize/prod"), path("values_prod.yaml"));
    let user = text("/registry/user");
    rehelm(&[
        "init",
        "--profile",
        &profile,
        "--kustomize",
        &kustomize,
        "--chart",
        &chart,
        "--version",
        "2.3.0",
        "--values",
        &values,
        "--helm-flag=--plain-http",
        "--registry-username",
        &user,
        "--registry-password-env",
        "REGISTRY_PASSWORD",
        "--mongodb-uri-env",
        "MONGO_URI",
    ])?;
    for (sentence, words) in STAGES {
        heading(sentence);
        rehelm(words)?;
    }
    Ok(())
}

fn testbed(words: &[&str]) -> Command {
    let mut command = Command::new(program("rehelm-testbed"));
    command.args(words);
    command
}

fn heading(sentence: &str) {
    say("");
    if !sentence.is_empty() {
        say(&format!("# {sentence}"));
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

//! The programs: from PATH, or from the testbed's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::endpoint::Answer;
use crate::script;

/// Seconds that one command may take.
const LONGEST: &str = "150";

/// kubectl.
pub fn kubectl() -> PathBuf {
    program("kubectl")
}

/// True when both programs can be run.
pub fn there() -> bool {
    ["kubectl", "helm"]
        .into_iter()
        .all(|name| Command::new(program(name)).arg("version").output().is_ok())
}

fn program(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")));
    let cached = cache.unwrap_or_default().join("rehelm/helm3").join(name);
    if cached.is_file() { cached } else { PathBuf::from(name) }
}

/// Runs a program to its end and gives what it said.
pub fn run(program: &Path, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|why| panic!("{}: {why}", program.display()));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {words:?}: {error}", program.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a program of a script says: its exit code and its standard output, on failure its standard error as well.
pub fn said(kubeconfig: &Path, line: &str) -> Answer {
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
    let (name, words) = words.split_first().expect("a program");
    // A home of its own: what was discovered of one server is not believed of another.
    let home = kubeconfig.with_file_name("home");
    let output = Command::new("timeout")
        .arg(LONGEST)
        .arg(program(name))
        .args(words)
        .current_dir(script::root())
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", &home)
        .env("HELM_CACHE_HOME", home.join("helm"))
        .output()
        .unwrap_or_else(|why| panic!("{name}: {why}"));
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        text += &String::from_utf8_lossy(&output.stderr);
    }
    let code = output.status.code().and_then(|code| u16::try_from(code).ok());
    Answer {
        code: code.unwrap_or(u16::MAX),
        body: Value::String(text),
        warnings: Vec::new(),
    }
}

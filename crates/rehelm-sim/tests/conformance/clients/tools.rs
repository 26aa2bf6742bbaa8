//! The programs: from PATH, or from the testbed's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

/// kubectl.
pub fn kubectl() -> PathBuf {
    program("kubectl")
}

/// Helm.
pub fn helm() -> PathBuf {
    program("helm")
}

fn program(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")));
    let cached = cache.unwrap_or_default().join("rehelm/helm3").join(name);
    if cached.is_file() { cached } else { PathBuf::from(name) }
}

/// Runs a program to its end and gives what it said.
pub fn run(program: &Path, words: &[&str], kubeconfig: Option<&Path>) -> String {
    let mut command = Command::new(program);
    command.args(words);
    if let Some(path) = kubeconfig {
        command.env("KUBECONFIG", path);
    }
    let output = command
        .output()
        .unwrap_or_else(|why| panic!("{}: {why}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {words:?}: {error}", program.display());
    said
}

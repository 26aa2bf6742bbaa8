//! `cargo xtask deny`: licences, banned crates and sources of everything that is built in, by cargo-deny and `deny.toml`.
//!
//! cargo-deny is built once into the cache outside the checkout, which takes some minutes; `cargo xtask test` runs it where it
//! is there already, and builds it when `REHELM_DENY=build` (as in CI). Known vulnerabilities need a database from the network: `cargo xtask deny --advisories`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::run::{cargo, root, run};

const VERSION: &str = "0.20.2";
const OFFLINE: [&str; 3] = ["licenses", "bans", "sources"];

/// Builds cargo-deny when it is missing, and runs it.
pub fn run_verb(words: &[String]) -> ExitCode {
    let built = build();
    if built != ExitCode::SUCCESS {
        return built;
    }
    let advisories = words.iter().any(|word| word == "--advisories");
    check(advisories)
}

/// Builds cargo-deny when it is missing.
fn build() -> ExitCode {
    if program().exists() {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(std::io::stderr(), "building cargo-deny {VERSION}, once");
    let mut install = cargo();
    install
        .args(["install", "--locked", "--quiet", "cargo-deny", "--version", VERSION])
        // What it checks does not hang on its speed, and the cache holds the program alone.
        .args(["--no-default-features", "--debug", "--root"])
        .arg(folder())
        .env_remove("CARGO_TARGET_DIR");
    run(&mut install)
}

/// Runs the checks that need no network when cargo-deny is at hand, or can be built and should be; None when it is not.
pub fn if_there() -> Option<ExitCode> {
    if std::env::var("REHELM_DENY").is_ok_and(|how| how == "build") {
        // Without a network there is none; that is said at the end.
        let _ = build();
    }
    program().exists().then(|| check(false))
}

fn check(advisories: bool) -> ExitCode {
    let mut deny = Command::new(program());
    deny.args(["--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .args(["--log-level", "warn", "check", "--hide-inclusion-graph"])
        .args(OFFLINE);
    if advisories {
        deny.arg("advisories");
    }
    run(&mut deny)
}

fn folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir);
    cache.join("rehelm").join(format!("cargo-deny-{VERSION}"))
}

fn program() -> PathBuf {
    folder().join("bin").join("cargo-deny")
}

//! Running other programs with their words passed through.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Runs to the end and passes the exit code on.
pub fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{}: {e}", command.get_program().display());
            ExitCode::FAILURE
        }
    }
}

/// The Cargo that runs this, without the words that it said about *this* program.
///
/// Build scripts of dependencies (ring's, for one) ask to run again when `CARGO_PKG_NAME` and its like change; passed on,
/// they would have everything above rebuilt each time that a person and an xtask take turns.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let about_us = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_PRIMARY_",
        "OUT_DIR",
    ];
    for (name, _) in std::env::vars_os() {
        if about_us.iter().any(|start| name.to_string_lossy().starts_with(start)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Builds every program of the workspace. Always all of it: another choice of packages means other features of their
/// dependencies, and so a second build of all of those.
pub fn build_programs() -> ExitCode {
    run(cargo().args(["build", "--quiet", "--locked", "--workspace", "--bins"]))
}

/// Path of a program that [`build_programs`] built.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Where Cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

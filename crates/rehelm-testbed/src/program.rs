//! Finding and starting the testbed's own program, which plays the kubelet in a process of its own, so that tests that
//! kill things never take the cluster with them.

use crate::process::Process;
use crate::{Error, Options, Result, command};
use camino::{Utf8Path, Utf8PathBuf};
use std::process::Command;

const NAME: &str = "rehelm-testbed";

/// The given program, `$REHELM_TESTBED_BIN`, this very program, or the one that Cargo put beside it (built when absent).
pub(crate) fn path(given: Option<&Utf8Path>) -> Result<Utf8PathBuf> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if let Ok(path) = std::env::var("REHELM_TESTBED_BIN") {
        return Ok(path.into());
    }
    let me = Utf8PathBuf::from_path_buf(std::env::current_exe()?).map_err(|p| Error::data(p.display(), "odd path"))?;
    if me.file_name() == Some(NAME) {
        return Ok(me);
    }
    // A test runs from target/PROFILE/deps.
    let beside = me.ancestors().skip(1).take(2).map(|dir| dir.join(NAME));
    if let Some(found) = beside.clone().find(|file| file.is_file()) {
        return Ok(found);
    }
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    // What Cargo said about the running test must not reach build scripts, which would take it for a change.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo.args(["build", "-q", "-p", NAME, "--bin", NAME, "--manifest-path"]);
    cargo.arg(Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    command::run(&mut cargo, b"", "install Rust")?;
    let missing = || Error::unavailable(NAME, "not beside the running program", format!("cargo build -p {NAME}"));
    beside.clone().find(|file| file.is_file()).ok_or_else(missing)
}

/// Starts the stand-in kubelet and provisioner.
pub(crate) fn kubelet(program: &Utf8Path, dir: &Utf8Path, options: &Options) -> Result<Process> {
    let mut kubelet = Command::new(program);
    kubelet.args(["kubelet", "--dir", dir.as_str(), "--cloud", options.cloud.as_str()]);
    kubelet.args(["--pod-start-ms", &options.pace.pod_start.as_millis().to_string()]);
    kubelet.args(["--pod-stop-ms", &options.pace.pod_stop.as_millis().to_string()]);
    kubelet.args(["--detach-ms", &options.pace.detach.as_millis().to_string()]);
    if let Some(template) = &options.load_balancer {
        kubelet.args(["--load-balancer", template]);
    }
    if let Some(owner) = options.owner {
        kubelet.args(["--owner", &owner.to_string()]);
    }
    Process::spawn("kubelet", &mut kubelet, dir)
}

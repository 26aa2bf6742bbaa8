//! The OCI registry: plain HTTP on loopback, with a login, as a vendor's registry has one.

use super::{Ports, private};
use crate::Result;
use crate::build::Binaries;
use crate::command;
use crate::process::Process;
use crate::state::Registry;
use camino::Utf8Path;
use std::process::Command;

/// Starts the registry with one user and a random password.
pub(crate) fn start(bin: &Binaries, dir: &Utf8Path, ports: &Ports) -> Result<(Process, Registry)> {
    let login = Registry {
        host: format!("127.0.0.1:{}", ports.registry),
        user: "operator".into(),
        password: super::random_token()?,
    };
    let mut htpasswd = Command::new(&bin.htpasswd);
    // The password goes through a pipe: arguments are visible to every user of the machine.
    let line = command::run(
        htpasswd.args(["-i", "-n", "-B", &login.user]),
        login.password.as_bytes(),
        "install apache2-utils",
    )?;
    private(&dir.join("htpasswd"), line.stdout.trim_end())?;
    let config = serde_json::json!({
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": format!("{dir}/registry")}, "delete": {"enabled": true}},
        "http": {"addr": login.host, "secret": super::random_token()?},
        "auth": {"htpasswd": {"realm": "testbed", "path": format!("{dir}/htpasswd")}},
    });
    private(&dir.join("registry.yml"), &config.to_string())?;
    let mut registry = Command::new(&bin.registry);
    registry.args(["serve", &format!("{dir}/registry.yml")]);
    Ok((Process::spawn("registry", &mut registry, dir)?, login))
}

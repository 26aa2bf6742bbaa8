//! Programs from Debian packages: installed through apt when this is root on Debian, else asked for.

use crate::{Error, Result, command};
use camino::Utf8PathBuf;
use std::process::Command;

/// Finds programs, each given as (file name, package), in `PATH`.
pub(super) fn programs<const N: usize>(wanted: [(&str, &str); N], talk: &dyn Fn(String)) -> Result<[Utf8PathBuf; N]> {
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|(p, _)| find(p).is_none())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() && may_install() {
        talk(format!("installing {} through apt", missing.join(", ")));
        let install = || {
            let mut apt = Command::new("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y", "-q", "--no-install-recommends"]);
            command::run(apt.args(&missing), b"", "install apt")
        };
        if install().is_err() {
            command::run(Command::new("apt-get").args(["update", "-q"]), b"", "install apt")?;
            install()?;
        }
    }
    let mut found = Vec::new();
    for (program, package) in wanted {
        let hint = format!("install the package {package} (Debian: apt-get install {package})");
        found.push(find(program).ok_or_else(|| Error::unavailable(program, "not in PATH", hint))?);
    }
    found.try_into().map_err(|_| Error::Data("programs: count".into()))
}

fn find(program: &str) -> Option<Utf8PathBuf> {
    let path = std::env::var("PATH").ok()?;
    let dirs = path.split(':').chain(["/usr/bin", "/usr/sbin"]);
    dirs.map(|dir| Utf8PathBuf::from(dir).join(program))
        .find(|file| file.is_file())
}

fn may_install() -> bool {
    rustix::process::geteuid().is_root() && find("apt-get").is_some()
}

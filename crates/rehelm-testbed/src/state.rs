//! `testbed.json`: what a testbed consists of, so that another process can use it or end it.

use crate::build::Tools;
use crate::plane::{Ports, private};
use crate::process::Process;
use crate::{Cache, Error, Result};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use serde::{Deserialize, Serialize};

/// The login of the OCI registry (plain HTTP).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// The content of `testbed.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The testbed's name: the folder below `CACHE/run`.
    pub name: String,
    /// Its folder.
    pub dir: Utf8PathBuf,
    /// The administrator's kubeconfig.
    pub kubeconfig: Utf8PathBuf,
    /// Its ports.
    pub ports: Ports,
    /// Its OCI registry.
    pub registry: Registry,
    /// The client programs chosen for it.
    pub tools: Tools,
    /// The address of its database server, if it has one.
    pub mongo_uri: Option<String>,
    /// The scenario that was installed into it.
    pub installed: Option<String>,
    /// Its processes, in the order in which they were started.
    pub processes: Vec<Process>,
}

impl State {
    /// Reads the state of the testbed in `dir`.
    pub fn read(dir: &Utf8Path) -> Result<Self> {
        let path = dir.join("testbed.json");
        serde_json::from_str(&fs::read_to_string(&path)?).map_err(|e| Error::data(path, e))
    }

    /// All testbeds that have a folder; one that is half removed is left out.
    pub fn all(cache: &Cache) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for entry in cache.runs()?.read_dir_utf8()? {
            all.extend(Self::read(entry?.path()));
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Writes it aside and renames, so that a reader never sees half of it.
    pub fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::Data(e.to_string()))?;
        let aside = self.dir.join(".testbed.json");
        private(&aside, &text)?;
        Ok(fs::rename(aside, self.dir.join("testbed.json"))?)
    }

    /// Whether all its processes run.
    pub fn alive(&self) -> bool {
        !self.processes.is_empty() && self.processes.iter().all(Process::alive)
    }

    /// Ends all processes and removes the folder. Safe to call again.
    pub fn end(&self) -> Result<()> {
        // All at once first: what is still up must not restart or complain about what is gone.
        self.processes.iter().rev().for_each(Process::kill);
        self.processes.iter().rev().for_each(Process::end);
        match fs::remove_dir_all(&self.dir) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e.into()),
            _ => Ok(()),
        }
    }
}

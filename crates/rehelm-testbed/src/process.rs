//! Background processes that outlive their starter, and their end by recorded pid.
//!
//! **Invariant: nothing is ever ended by name.** A process is known by its pid *and* its start time, so a pid that the
//! system gave to another program is left alone. Linux only, as it reads `/proc`.

use crate::{Error, Result};
use camino::Utf8Path;
use fs_err as fs;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A process as `testbed.json` records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it is here ("etcd", "kubelet", …).
    pub name: String,
    /// The process id.
    pub pid: u32,
    /// Start time in clock ticks after boot; tells a reused pid from ours.
    pub started: u64,
}

impl Process {
    /// Starts `command` in a process group of its own, with its words going to `DIR/<name>.log`.
    pub fn spawn(name: &str, command: &mut Command, dir: &Utf8Path) -> Result<Self> {
        let log = fs::File::create(dir.join(format!("{name}.log")))?.into_file();
        let program = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let mut child = command.spawn().map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::unavailable(&program, e, format!("install {program}")),
            _ => Error::Io(e),
        })?;
        let pid = child.id();
        // A child that nobody waits for stays as a zombie and would look alive.
        std::thread::Builder::new()
            .name(format!("wait-{name}"))
            .spawn(move || child.wait())?;
        Self::of(name, pid).ok_or_else(|| Error::Data(format!("{name} ended at once, see {dir}/{name}.log")))
    }

    /// Describes a running process.
    pub fn of(name: &str, pid: u32) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            pid,
            started: start_time(pid)?,
        })
    }

    /// Describes the first child of a running process.
    pub(crate) fn child_of(name: &str, parent: u32) -> Option<Self> {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        Self::of(name, children.split_whitespace().next()?.parse().ok()?)
    }

    /// Whether it still runs.
    pub fn alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Ends it and waits until it is gone; the testbed's state is thrown away, so nothing needs to shut down in order.
    pub fn end(&self) {
        self.kill();
        let limit = Instant::now() + Duration::from_secs(10);
        while self.alive() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGKILL if it is still the recorded process.
    pub fn kill(&self) {
        self.send(Signal::KILL);
    }

    /// Sends SIGTERM if it is still the recorded process.
    pub(crate) fn ask(&self) {
        self.send(Signal::TERM);
    }

    fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        if let (true, Some(pid)) = (self.alive(), pid) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Field 22 of `/proc/PID/stat`; `None` when the process is gone or only a zombie.
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.get(stat.rfind(')')? + 2..)?;
    let mut fields = after_name.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_pid_is_not_ours() {
        let me = Process::of("me", std::process::id()).expect("this process runs");
        assert!(me.alive());
        let other = Process {
            started: me.started + 1,
            ..me
        };
        assert!(!other.alive());
        other.kill(); // must not end this very test
    }
}

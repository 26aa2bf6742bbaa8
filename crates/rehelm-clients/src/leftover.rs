//! A program that outlived the rehelm that started it.
//!
//! SIGKILL leaves no time to end children: a Helm in the middle of an install goes on. A mark (process id and start time)
//! lies beside the run's files while such a program works; the next command ends what the mark still names before it
//! looks at the cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rehelm_core::ports::{PortError, PortResult};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};

/// How long a program may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

/// Lies on disk while a program works.
pub(crate) struct Mark(PathBuf);

impl Mark {
    /// Marks a process that has just been started.
    pub(crate) fn set(file: &Path, process: u32) -> PortResult<Self> {
        let text = format!("{process} {}", started(process).unwrap_or_default());
        std::fs::write(file, text).map_err(|e| PortError::Other(format!("{}: {e}", file.display())))?;
        Ok(Self(file.to_owned()))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Ends the program that a mark names, with its children, when it is still the same one; Ok when there is none.
pub(crate) async fn end(file: &Path) -> PortResult<()> {
    let Ok(text) = std::fs::read_to_string(file) else {
        return Ok(());
    };
    let (process, begun) = text.split_once(' ').unwrap_or((&text, ""));
    if let Ok(process) = process.trim().parse::<u32>()
        && let Some(group) = i32::try_from(process).ok().and_then(Pid::from_raw)
    {
        let still_there = || {
            let same = started(process).is_none_or(|now| begun.is_empty() || now == begun.trim());
            same && test_kill_process(group).is_ok() && !is_zombie(process)
        };
        for signal in [Signal::TERM, Signal::KILL] {
            if !still_there() {
                break;
            }
            let _ = kill_process_group(group, signal);
            let mut waited = Duration::ZERO;
            while still_there() && waited < GRACE {
                tokio::time::sleep(LOOK).await;
                waited += LOOK;
            }
        }
        if still_there() {
            return Err(PortError::Other(format!(
                "process {process} of an earlier run does not end"
            )));
        }
    }
    let _ = std::fs::remove_file(file);
    Ok(())
}

fn stat(process: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold spaces; everything that counts comes after its closing bracket.
    Some(text.rsplit_once(')')?.1.trim().to_owned())
}

/// Start time in clock ticks since boot, where the system tells.
fn started(process: u32) -> Option<String> {
    stat(process)?.split(' ').nth(19).map(str::to_owned)
}

/// Ended, but its parent has not taken note.
fn is_zombie(process: u32) -> bool {
    stat(process).is_some_and(|s| s.starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn what_a_mark_names_is_ended_and_a_namesake_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mark");
        let mut child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        std::fs::write(&file, format!("{} 1", child.id())).unwrap();
        end(&file).await.unwrap();
        assert!(
            child.try_wait().unwrap().is_none(),
            "another start time is another process"
        );

        std::mem::forget(Mark::set(&file, child.id()).unwrap());
        end(&file).await.unwrap();
        assert!(child.wait().unwrap().code().is_none(), "ended by a signal");
        assert!(!file.exists());
        end(&file).await.unwrap();
    }
}

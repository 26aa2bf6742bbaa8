//! Running the programs that rehelm stands on (Helm, kubectl).
//!
//! A child has its own process group, so that Ctrl-C at the terminal does not reach it in the middle of a write; the
//! whole group ends when the caller goes away or the time is up. Nothing secret may be put into arguments or
//! environment: both can be read by others.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::leftover::Mark;
use rehelm_core::ports::{PortError, PortResult};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout, timeout_at};

/// More standard output than this is an error, not memory.
const MOST_OUTPUT: usize = 128 << 20;
/// Of standard error, the end is kept.
const KEPT_ERRORS: usize = 64 << 10;
/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A program with what it gets.
pub(crate) struct Run<'a> {
    pub program: &'a Path,
    pub args: Vec<OsString>,
    /// Set (Some) or taken away (None).
    pub env: Vec<(&'static str, Option<OsString>)>,
    pub stdin: Option<&'a [u8]>,
    pub time_limit: Duration,
    /// File that marks the program while it works, for one that must not go on alone.
    pub mark: Option<&'a Path>,
}

/// What a program that ended said.
pub(crate) struct Ran {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// The program that an environment variable names, or the first of that name in PATH.
///
/// # Errors
/// NotFound when there is none.
pub fn find(name: &str, variable: &str) -> PortResult<PathBuf> {
    if let Some(named) = std::env::var_os(variable).filter(|v| !v.is_empty()) {
        let named = PathBuf::from(named);
        return if named.is_file() || !named.is_absolute() {
            Ok(named)
        } else {
            Err(PortError::NotFound(format!(
                "{variable} names {}, which is",
                named.display()
            )))
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| PortError::NotFound(format!("{name}: it is not in PATH and {variable} names no other;")))
}

/// Runs to the end. Err only when it cannot be started, does not end in time, or prints without end.
pub(crate) async fn run(run: Run<'_>) -> PortResult<Ran> {
    let name = run
        .program
        .file_name()
        .unwrap_or(run.program.as_os_str())
        .to_string_lossy()
        .into_owned();
    tracing::debug!(program = %run.program.display(), args = ?run.args, "runs");
    let mut command = Command::new(run.program);
    command.args(&run.args).process_group(0).kill_on_drop(true);
    for (variable, value) in &run.env {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command.stdin(if run.stdin.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|e| PortError::Other(format!("{} cannot be started: {e}", run.program.display())))?;
    let mut group = Group::of(&child);
    let _mark = match (run.mark, child.id()) {
        (Some(file), Some(process)) => Some(Mark::set(file, process)?),
        _ => None,
    };
    let started = Instant::now();
    let talk = async {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async {
            if let (Some(mut pipe), Some(text)) = (stdin, run.stdin) {
                // A program that ends without reading everything says more by its status than by a broken pipe.
                let _ = pipe.write_all(text).await;
            }
        };
        let ((), out, err) = tokio::join!(feed, whole(stdout), tail(stderr));
        (out, err)
    };
    let ended = timeout(run.time_limit, talk).await;
    let Ok((out, stderr)) = ended else {
        group.end(&mut child).await;
        return Err(PortError::Timeout {
            what: format!("{name} to end"),
            waited: started.elapsed(),
        });
    };
    let Some(stdout) = out else {
        group.end(&mut child).await;
        return Err(PortError::Other(format!(
            "{name} prints more than {} MiB",
            MOST_OUTPUT >> 20
        )));
    };
    let Ok(status) = timeout_at(started + run.time_limit + GRACE, child.wait()).await else {
        group.end(&mut child).await;
        return Err(PortError::Timeout {
            what: format!("{name} to end"),
            waited: started.elapsed(),
        });
    };
    group.0 = None;
    let status = status.map_err(|e| PortError::Other(format!("{name}: {e}")))?;
    Ok(Ran {
        success: status.success(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// The child's process group; killed on drop unless the child has ended.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }

    /// Asks first: Helm then marks its release as failed instead of leaving it pending.
    async fn end(&mut self, child: &mut Child) {
        self.signal(Signal::TERM);
        let _ = timeout(GRACE, child.wait()).await;
        self.signal(Signal::KILL);
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Everything, or None when it is too much.
async fn whole(pipe: Option<impl AsyncRead + Unpin>) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(MOST_OUTPUT as u64 + 1).read_to_end(&mut text).await;
    }
    (text.len() <= MOST_OUTPUT).then_some(text)
}

async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = VecDeque::new();
    let mut buffer = [0; 8192];
    if let Some(mut pipe) = pipe {
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            kept.extend(&buffer[..count]);
            let surplus = kept.len().saturating_sub(KEPT_ERRORS);
            kept.drain(..surplus);
        }
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell<'a>(script: &str, stdin: Option<&'a [u8]>, time_limit: Duration) -> Run<'a> {
        Run {
            program: Path::new("/bin/sh"),
            args: vec!["-c".into(), script.into()],
            env: vec![("REHELM_T", Some("x".into())), ("HOME", None)],
            stdin,
            time_limit,
            mark: None,
        }
    }

    #[tokio::test]
    async fn input_output_and_environment_arrive() {
        let script = "cat; printf \"$REHELM_T${HOME-none}\"; echo oh >&2; exit 3";
        let ran = run(shell(script, Some(b"in "), GRACE)).await.unwrap();
        assert_eq!(
            (ran.success, ran.stdout.as_str(), ran.stderr.as_str()),
            (false, "in xnone", "oh\n")
        );
    }

    #[tokio::test]
    async fn the_whole_group_ends_with_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("late");
        // The grandchild would write after the shell is gone.
        let script = format!("(sleep 0.3; touch {}) & wait", mark.display());
        let ended = run(shell(&script, None, Duration::from_millis(100))).await;
        assert!(matches!(ended, Err(PortError::Timeout { .. })));
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn a_dropped_run_ends_its_child() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("late");
        let script = format!("echo; sleep 0.4; touch {}", mark.display());
        let _ = timeout(Duration::from_millis(200), run(shell(&script, None, GRACE))).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(!mark.exists());
    }
}

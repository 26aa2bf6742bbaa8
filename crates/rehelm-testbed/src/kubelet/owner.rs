//! Ends the testbed when the process that wanted it is gone, even if that was killed and could not clean up.

use crate::process::Process;
use crate::state::State;
use crate::{Error, Result};
use camino::Utf8PathBuf;
use fs_err as fs;
use std::time::Duration;

/// Looks after `pid` in a thread of its own.
pub(super) fn watch(pid: u32, dir: Utf8PathBuf) -> Result<()> {
    let owner = Process::of("owner", pid).ok_or_else(|| Error::Data(format!("owner {pid} does not run")))?;
    std::thread::Builder::new().name("owner".into()).spawn(move || {
        while owner.alive() {
            std::thread::sleep(Duration::from_millis(500));
        }
        if let Ok(mut state) = State::read(&dir) {
            state.processes.retain(|p| p.pid != std::process::id());
            let _ = state.end();
        }
        let _ = fs::remove_dir_all(&dir);
        std::process::exit(0);
    })?;
    Ok(())
}

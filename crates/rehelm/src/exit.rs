//! Exit codes: documented, and never given another meaning, because scripts rely on them.

use std::process::ExitCode;

/// How a run of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It failed.
    Error = 1,
    /// The command line or the configuration file cannot be understood.
    Usage = 2,
    /// Checks found errors; nothing was changed.
    Blocked = 3,
    /// Stopped before the end; the same command goes on from there.
    Stopped = 4,
    /// It failed and was rolled back.
    RolledBack = 5,
    /// A person has to do something first, or did not agree.
    Waits = 6,
    /// Everything was done, but what was verified is not as it should be.
    VerificationFailed = 7,
    /// The cluster, the chart or the values are no longer what the plan was made for.
    StalePlan = 8,
    /// Another run holds the lock.
    Locked = 9,
    /// There are changes to make (`--detailed-exitcode`).
    Pending = 10,
    /// An undo failed; a person has to look.
    Stuck = 11,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code with what it tells, in the order of the numbers.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Done, "done"),
        (Self::Error, "error"),
        (Self::Usage, "the command line or rehelm.yaml is wrong"),
        (Self::Blocked, "blocked by checks, nothing changed"),
        (Self::Stopped, "stopped, run the same command to go on"),
        (Self::RolledBack, "failed and rolled back"),
        (Self::Waits, "waits for a person"),
        (Self::VerificationFailed, "verification failed"),
        (Self::StalePlan, "the plan is stale"),
        (Self::Locked, "another run holds the lock"),
        (Self::Pending, "changes pending (--detailed-exitcode)"),
        (Self::Stuck, "stuck: an undo failed"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What the code tells.
    pub fn meaning(self) -> &'static str {
        let found = Self::ALL.iter().find(|(exit, _)| *exit == self);
        found.map_or("", |(_, meaning)| meaning)
    }

    /// The table of all codes, for `--help` and the manual page.
    pub fn help() -> String {
        let lines: Vec<String> = Self::ALL
            .iter()
            .map(|(exit, meaning)| format!("  {:>3}  {meaning}", exit.code()))
            .collect();
        format!("Exit codes:\n{}", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 130]);
    }
}

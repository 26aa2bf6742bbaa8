//! Commands as processes: each opens everything anew, and one that dies is followed by another.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rehelm::cli::phase::{self, How};
use rehelm::cli::{cleanup, rollback, verify};
use rehelm::errors::Error;
use rehelm::exit::Exit;
use rehelm::printer::Printer;
use rehelm_core::plan::Phase;
use rehelm_core::verification;
use rehelm_core::world::Timeouts;

use crate::bench::Bench;
use crate::record::global;
use crate::turn::Turn;

/// What a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// `rehelm prepare --yes`
    Prepare,
    /// `rehelm migrate --yes`
    Migrate,
    /// `rehelm migrate --yes --rollback-on-failure --ready-timeout 2m`
    MigrateOrBack,
    /// `rehelm verify`
    Verify,
    /// `rehelm rollback --yes --drop-copies`
    Rollback,
    /// `rehelm cleanup --yes-irreversible`
    Cleanup,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare => "rehelm prepare",
            Self::Migrate => "rehelm migrate",
            Self::MigrateOrBack => "rehelm migrate --rollback-on-failure",
            Self::Verify => "rehelm verify",
            Self::Rollback => "rehelm rollback",
            Self::Cleanup => "rehelm cleanup",
        })
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With an exit code, and what it said last.
    Exit(u8, String),
    /// It was killed.
    Killed,
    /// It did not end: nothing was going to happen any more.
    Hung,
}

impl Bench {
    /// Runs a command in a new process.
    pub async fn command(&self, command: Command) -> Ended {
        self.command_with(command, None).await
    }

    /// The same, asked to stop after a step or an undo.
    pub async fn command_with(&self, command: Command, stop_after: Option<Turn>) -> Ended {
        if let Some(ended) = self.ended_already() {
            return ended;
        }
        self.tap.command(&command.to_string());
        let process = self.tap.process();
        let mut session = self.session(&process);
        session.stop_after = stop_after.map(Turn::end);
        let printer = Arc::new(Printer::keeping());
        let work = self.carry(&printer, &session, command);
        let ended = tokio::select! {
            biased;
            () = process.life.ended() => Ended::Killed,
            outcome = tokio::time::timeout(self.patience, work) => match outcome {
                Err(_) => Ended::Hung,
                Ok(_) if process.life.is_over() => Ended::Killed,
                Ok(Ok(exit)) => Ended::Exit(exit.code(), String::new()),
                Ok(Err(error)) => Ended::Exit(error.exit().code(), said(&error)),
            },
        };
        self.tap.ended(&ended);
        // Whatever it left running is dead, too.
        process.life.end();
        drop(session);
        self.tap.tell(match &ended {
            Ended::Exit(code, why) if why.is_empty() => format!("[exit {code}]"),
            Ended::Exit(code, why) => format!("{}[exit {code}] {why}", printer.take()),
            Ended::Killed => "[killed]".to_owned(),
            Ended::Hung => "[hangs]".to_owned(),
        });
        ended
    }

    async fn carry(
        &self,
        printer: &Arc<Printer>,
        session: &rehelm::session::Session,
        command: Command,
    ) -> rehelm::errors::Result<Exit> {
        let base = &self.ground.base;
        let global =
            global(&base.settings.folder.join("rehelm.yaml")).map_err(|why| Error::failed(format!("{why:?}")))?;
        let plan = &base.plan;
        let phase = async |phase, how| phase::carry(printer, &global, session, plan, true, phase, how).await;
        match command {
            Command::Prepare => phase(Phase::Prepare, How::default()).await,
            Command::Migrate => phase(Phase::Migrate, How::default()).await,
            Command::MigrateOrBack => {
                let how = How {
                    timeouts: Timeouts {
                        ready: Duration::from_secs(120),
                        ..Timeouts::default()
                    },
                    rollback_on_failure: true,
                };
                phase(Phase::Migrate, how).await
            }
            Command::Verify => {
                let findings = verify::carry(printer, &global, session, plan).await?;
                match verification::passed(&findings) {
                    true => Ok(Exit::Done),
                    false => Err(Error::new(
                        Exit::VerificationFailed,
                        "the release is not as it should be",
                    )),
                }
            }
            Command::Rollback => {
                let consent = rollback::Consent {
                    yes: true,
                    drop_copies: true,
                    copy_back: false,
                };
                rollback::carry(printer, &global, session, plan, consent).await
            }
            Command::Cleanup => cleanup::carry(printer, &global, session, plan, true).await,
        }
    }
}

fn said(error: &Error) -> String {
    let mut words = error.message().to_owned();
    for cause in error.causes() {
        words.push_str(": ");
        words.push_str(cause);
    }
    words
}

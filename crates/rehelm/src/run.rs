//! One command of a run: lease, journal, stale plan, consent, then the executor; and what its outcome means to the shell.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use rehelm_core::executor;
use rehelm_core::executor::RunError;
use rehelm_core::journal::{Event, FORMAT, Journal, RunState};
use rehelm_core::lease::{self, Fence, Fenced};
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::ports::{Cluster, Databases, Helm};
use rehelm_core::rights::Duty;
use rehelm_core::world::{StepError, Timeouts, World};

use crate::cli::global::{Global, Output};
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::live::Live;
use crate::lock::Lock;
use crate::printer::Printer;
use crate::run_folder::{JOURNAL, archive};
use crate::session::Session;
use crate::signals;
use crate::takeover;

pub mod preflight;
mod records;
mod refusals;

pub(crate) use records::unusable;
pub use records::{journal_state, load_plan};
pub use refusals::blocking;

/// A command of a run, with everything it holds.
pub struct Run<'a> {
    /// The one door to the terminal.
    pub printer: &'a Arc<Printer>,
    /// What the verb opened.
    pub session: &'a Session,
    /// What will happen.
    pub plan: &'a Plan,
    /// Whether records go to stdout.
    pub jsonl: bool,
    /// Consent to drop copied databases in a rollback.
    pub drop_copies: bool,
    /// Wish to take back into the old databases what was written since the switch.
    pub copy_back: bool,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Whether a new run may begin.
    pub starts: bool,
    /// Go back by itself when a step of a phase fails.
    pub rollback_on_failure: bool,
    /// Whose rights are asked for before anything is changed.
    pub duties: &'static [Duty],
}

/// What runs inside [`Run::hold`].
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// A phase of the plan.
    Phase(Phase),
    /// The way back.
    Rollback,
}

impl<'a> Run<'a> {
    /// A command of a run; nothing is held yet.
    ///
    /// # Errors
    /// A usage error for an output format that runs do not have.
    pub fn new(printer: &'a Arc<Printer>, global: &Global, session: &'a Session, plan: &'a Plan) -> Result<Self> {
        let jsonl = global.output(&[Output::Text, Output::Jsonl])? == Output::Jsonl;
        Ok(Self {
            printer,
            session,
            plan,
            jsonl,
            drop_copies: false,
            copy_back: false,
            timeouts: Timeouts::default(),
            starts: false,
            rollback_on_failure: false,
            duties: &[],
        })
    }

    /// Opens the journal and calls `work`, which only reads; no lease is taken.
    ///
    /// # Errors
    /// What `work` says, or that the journal cannot be used.
    pub async fn look(&self, work: impl AsyncFnOnce(&World<'_>) -> Result<()>) -> Result<()> {
        let stop = Arc::new(AtomicBool::new(false));
        let work = async |world: &World<'_>| work(world).await.map(|()| None);
        self.locked(&stop, None, work).await.map(drop)
    }

    /// Takes the lease and the journal and calls `work`, which may ask, and says what is to be run. Gives the lease back
    /// whatever happens.
    ///
    /// # Errors
    /// What stopped the command, with the exit code that says how.
    pub async fn hold(&self, work: impl AsyncFnOnce(&World<'_>) -> Result<Option<Work>>) -> Result<Exit> {
        // What is wrong on disk is found before anything is asked of the cluster, the lock included.
        self.refuse_other_plan(&journal_state(&*self.session.files)?)?;
        doors::seal(&self.session.settings.recipients)?;
        self.preflight().await?;
        let stop = Arc::new(AtomicBool::new(false));
        let lease = lease::reference(&self.plan.source.namespace, &self.plan.target.release);
        let lock = Lock::take(&self.session.cluster, &self.session.clock, lease, stop.clone()).await?;
        let outcome = match takeover::agrees(self.printer, self.session, self.plan).await {
            Ok(()) => self.locked(&stop, Some(&lock.fence), work).await,
            Err(error) => Err(error),
        };
        lock.give_back().await;
        outcome
    }

    async fn locked(
        &self,
        stop: &Arc<AtomicBool>,
        fence: Option<&Arc<Fence>>,
        work: impl AsyncFnOnce(&World<'_>) -> Result<Option<Work>>,
    ) -> Result<Exit> {
        let session = self.session;
        let journal = self.open_journal()?;
        let live = Live::prepare(
            self.printer.clone(),
            session.clock.clone(),
            session.words.clone(),
            self.plan,
            &journal.state,
            self.jsonl,
        );
        if let Some(event) = session.stop_after.clone() {
            live.stop_after(event, stop.clone());
        }
        let signals = signals::listen(stop.clone(), live.stopper());
        let seal = doors::seal(&session.settings.recipients)?;
        let doors = fence.map(|fence| Guarded::new(session, fence));
        let copy = fence.map(|_| doors::duplicate(&session.settings.folder));
        let cluster = doors.as_ref().map_or(&*session.cluster, |doors| &doors.cluster);
        let world = World {
            plan: self.plan,
            profile: &session.profile,
            source: cluster,
            target: cluster,
            helm: doors.as_ref().map_or(&*session.helm, |doors| &doors.helm),
            databases: match &doors {
                Some(doors) => doors.databases.as_ref().map(|d| d as &dyn Databases),
                None => session.databases.as_deref(),
            },
            files: &*session.files,
            clock: &*session.clock,
            progress: &live,
            stop,
            timeouts: self.timeouts,
            seal: seal.as_deref(),
            drop_copies: self.drop_copies,
            copy: copy.as_ref(),
            copy_back: self.copy_back,
            journal: Mutex::new(journal),
        };
        let Some(work) = work(&world).await? else {
            return Ok(Exit::Done);
        };
        self.begin(&world)?;
        live.begin();
        // Dropping what runs ends the programs that it started; the journal says already what was begun.
        let outcome = tokio::select! {
            outcome = self.carry_out(&world, work) => outcome,
            () = signals.aborted() => {
                Err(Error::new(Exit::Interrupted, "aborted; the running action is in doubt")
                    .hint("the same command asks the cluster and goes on"))
            }
            () = lost(fence) => Ok(()),
        };
        // Whatever stopped it: who goes on without the lock has to know that it is gone.
        let outcome = match fence.and_then(|fence| fence.why_lost()) {
            Some(why) => Err(Error::new(Exit::Locked, format!("the lock was lost to {why}"))
                .hint("nothing was written since; see who is at work: rehelm status --cluster")),
            None => outcome,
        };
        live.end();
        outcome.map(|()| Exit::Done)
    }

    /// What a failure comes to: itself, or the way back when it was asked for beforehand.
    async fn after(&self, world: &World<'_>, by: &str, error: RunError) -> Error {
        let a_step_failed = error.begun && !error.undoing && !matches!(error.error, StepError::Stopped);
        let why = self.explain(error);
        if !(self.rollback_on_failure && a_step_failed) {
            return why;
        }
        self.printer.insist("Going back, as --rollback-on-failure says.");
        match executor::rollback(world, by).await {
            Ok(()) => why.rolled_back(),
            Err(error) => self.explain(error),
        }
    }

    async fn carry_out(&self, world: &World<'_>, work: Work) -> Result<()> {
        let by = doors::who();
        let outcome = match work {
            Work::Phase(phase) => executor::run_phase(world, phase, &by).await,
            Work::Rollback => executor::rollback(world, &by).await,
        };
        if let Err(error) = outcome {
            return Err(self.after(world, &by, error).await);
        }
        if matches!(work, Work::Phase(Phase::Cleanup)) {
            executor::finish_cleanup(world)
                .await
                .context(|| "cannot write the journal".to_owned())?;
        }
        Ok(())
    }

    /// Opens the journal; one of a run that is over is put away first when a new one may begin.
    fn open_journal(&self) -> Result<Journal<'a>> {
        let session = self.session;
        let open = || Journal::open(&*session.files, &*session.clock, JOURNAL.into()).map_err(unusable);
        let journal = open()?;
        if journal.state.ended.is_some() && self.starts {
            archive(&session.settings.folder, &journal.state.run)?;
            return open();
        }
        self.refuse_other_plan(&journal.state)?;
        Ok(journal)
    }

    fn refuse_other_plan(&self, state: &RunState) -> Result<()> {
        if state.ended.is_some() && self.starts {
            return Ok(());
        }
        if !state.run.is_empty() && state.ended.is_none() && state.plan != self.plan.digest() {
            return Err(Error::new(
                Exit::StalePlan,
                format!("run {} was begun with another plan", state.run),
            )
            .hint("give that plan with --plan, or go back first with `rehelm rollback`"));
        }
        Ok(())
    }

    /// Writes the first record of a new run.
    fn begin(&self, world: &World<'_>) -> Result<()> {
        if !world.state().run.is_empty() {
            return Ok(());
        }
        let event = Event::RunStarted {
            format: FORMAT,
            run: doors::run_name(self.session.clock.now()),
            plan: self.plan.digest(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            accepted: self.plan.accepted.clone(),
        };
        world.write(event).context(|| "cannot write the journal".to_owned())
    }

    fn explain(&self, error: RunError) -> Error {
        let command = if error.undoing { "rollback" } else { "the same command" };
        match &error.error {
            StepError::Stopped => {
                return Error::new(Exit::Stopped, "stopped on request")
                    .hint(format!("{command} goes on where it stopped"));
            }
            StepError::Refused(findings) => {
                self.printer
                    .insist(self.session.words.findings(findings, &[], true).trim_end());
            }
            _ => {}
        }
        let what = match error.step {
            Some(number) => format!("step {number} ({}) stopped", self.kind(number)),
            None => "the run did not begin".to_owned(),
        };
        let exit = match (error.undoing, error.begun, &error.error) {
            (true, ..) => Exit::Stuck,
            (_, false, StepError::Refused(_)) => Exit::Blocked,
            // What was begun can be taken up again.
            (_, true, _) => Exit::Stopped,
            _ => Exit::Error,
        };
        let mut shown = Error::new(exit, what);
        if !matches!(error.error, StepError::Refused(_)) {
            shown = shown.because(&error.error);
        }
        if error.undoing {
            return shown.hint("look at what it says, then run `rehelm rollback` again");
        }
        if !error.begun {
            return shown;
        }
        shown
            .hint("when it is mended, the same command goes on here")
            .hint("`rehelm rollback` goes back")
    }

    fn kind(&self, number: u32) -> &'static str {
        self.plan
            .steps
            .iter()
            .find(|s| s.number == number)
            .map_or("?", |s| s.spec.kind())
    }
}

/// Ends when the lock is lost.
async fn lost(fence: Option<&Arc<Fence>>) {
    match fence {
        Some(fence) => fence.lost().await,
        None => std::future::pending().await,
    }
}

/// The doors of a session, for who holds the lock.
struct Guarded<'a> {
    cluster: Fenced<'a, dyn Cluster>,
    helm: Fenced<'a, dyn Helm>,
    databases: Option<Fenced<'a, dyn Databases>>,
}

impl<'a> Guarded<'a> {
    fn new(session: &'a Session, fence: &'a Fence) -> Self {
        let databases = session.databases.as_deref();
        Self {
            cluster: Fenced::new(&*session.cluster, fence),
            helm: Fenced::new(&*session.helm, fence),
            databases: databases.map(|server| Fenced::new(server, fence)),
        }
    }
}

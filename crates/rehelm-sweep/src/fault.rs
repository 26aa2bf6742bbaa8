//! Faults: what servers, networks, disks, clocks, databases and other people's programs do.
//!
//! A case lets one kind of fault happen at one class of calls (verb and kind of object), once or for a while, and takes it
//! away when the command has ended. The command either ends well or says clearly that it did not; then the same command, or
//! the way back, ends the run as if nothing had happened. Never is a command successful with something missing.

pub mod kinds;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use rehelm_sim::Sim;

pub use kinds::Fault;

use crate::bench::Bench;
use crate::call::Call;
use crate::course::{Course, Outcome, Then};
use crate::run::{Command, Ended};
use crate::scenario::End;
use crate::twist::{Act, FileAct, FileOp, Twist};

/// One fault at one class of calls.
#[derive(Clone, Debug)]
pub struct Case {
    /// What goes wrong.
    pub kind: Fault,
    /// `patch persistentvolumes`, or a place that the kind itself knows.
    pub class: String,
    /// The first call of the class that it happens to, from 1.
    pub nth: usize,
    /// To how many calls it happens.
    pub times: usize,
    /// How the run is ended once the fault is gone.
    pub then: Then,
}

/// Switched off when whoever typed the command has mended what was wrong.
#[derive(Clone, Default)]
pub struct Mended(Arc<AtomicBool>);

impl Mended {
    fn is(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The fault at the tap.
pub struct Faulty {
    case: Case,
    met: usize,
    acted: usize,
    mended: Mended,
}

impl Faulty {
    /// A fault that so many calls were spared by already.
    pub fn new(case: &Case, met: usize, mended: Mended) -> Self {
        Self {
            case: case.clone(),
            met,
            acted: 0,
            mended,
        }
    }

    fn is_over(&self) -> bool {
        self.mended.is() || self.met + 1 >= self.case.nth + self.case.times
    }

    fn turn(&mut self) -> bool {
        if self.mended.is() {
            return false;
        }
        self.met += 1;
        let turn = self.met >= self.case.nth && self.met - self.case.nth < self.case.times;
        self.acted += usize::from(turn);
        turn
    }
}

impl Twist for Faulty {
    fn call(&mut self, call: &Call, _: &Sim) -> Act {
        if call.class() != self.case.class || self.mended.is() {
            return Act::Pass;
        }
        match self.case.kind.at(call) {
            Some(act) if self.turn() => act,
            _ => Act::Pass,
        }
    }

    fn file(&mut self, op: &FileOp, _: &Sim) -> FileAct {
        if !self.case.kind.is_of_files() {
            return FileAct::Pass;
        }
        let here = op.line.is_some() == (self.case.class == "append");
        match here && self.turn() {
            true => self.case.kind.at_file(),
            false => FileAct::Pass,
        }
    }

    fn rest(&self, _: &Sim) -> Option<String> {
        // A sign of life that hangs or failed goes on beside the steps: what comes of it shows in no state.
        let beside = self.case.class.contains("leases");
        (self.is_over() && !beside).then(String::new)
    }

    fn acted(&self) -> usize {
        self.acted
    }
}

/// Every kind at every class of calls that a run of this scenario makes.
pub fn cases(course: &Course) -> Vec<Case> {
    let mut cases = Vec::new();
    for &kind in Fault::value_variants() {
        for (class, count) in kind.places(course) {
            // The first one, and one in the middle.
            let mut nths = vec![1];
            if count > 2 {
                nths.push(count / 2 + 1);
            }
            for nth in nths {
                for then in [Then::Resume, Then::Back] {
                    cases.push(Case {
                        kind,
                        class: class.clone(),
                        nth,
                        times: kind.lasts(),
                        then,
                    });
                }
            }
        }
    }
    cases
}

impl Case {
    /// By which it is run again.
    pub fn label(&self) -> String {
        let back = if self.then == Then::Back { "-back" } else { "" };
        format!(
            "{}@{}#{}{back}",
            self.kind.name(),
            self.class.replace(' ', "_"),
            self.nth
        )
    }
}

/// Commands that a person types at most until it is over.
const MOST: usize = 10;

/// Lets the fault happen during one command, then mends it.
pub async fn run(course: &Course, case: &Case) -> Outcome {
    let mended = Mended::default();
    let bench = course.bench(Box::new(Faulty::new(case, 0, mended.clone())), false);
    case.kind.before(&bench);
    end(course, case, &bench, &mended).await
}

/// Types the commands, and looks at what came of them.
pub async fn end(course: &Course, case: &Case, bench: &Bench, mended: &Mended) -> Outcome {
    let said: Mutex<Vec<String>> = Mutex::default();
    let played = play(course, case, bench, mended, &said).await;
    let then = if went_back(bench) { Then::Back } else { Then::Resume };
    let mut outcome = course.judge(bench, played, then);
    outcome
        .wrong
        .extend(said.into_inner().unwrap_or_else(PoisonError::into_inner));
    outcome
}

fn went_back(bench: &Bench) -> bool {
    let state = Course::state(bench);
    state.rolling_back || matches!(state.ended, Some(rehelm_core::journal::Event::RolledBack))
}

async fn play(
    course: &Course,
    case: &Case,
    bench: &Bench,
    mended: &Mended,
    said: &Mutex<Vec<String>>,
) -> Result<Vec<Option<u8>>, String> {
    let mut exits = Vec::new();
    let mut commands = course.scenario.commands.iter().copied();
    let mut command = commands.next();
    for _ in 0..MOST {
        let Some(now) = command else { return Ok(exits) };
        let ended = bench.command(now).await;
        let state = Course::state(bench);
        let Ended::Exit(code, why) = ended else {
            return Err(format!("{now}: {ended:?}"));
        };
        exits.push(Some(code));
        if code != 0 && why.trim().is_empty() {
            lock(said).push(format!("{now} ends with {code} and says nothing"));
        }
        let acted = bench.acted() > 0 || case.kind.is_of_the_world();
        let went_back = code == 5 && course.scenario.end == End::Original;
        if code != 0 && !went_back && acted && !mended.is() {
            mended.0.store(true, Ordering::SeqCst);
            case.kind.after(bench);
            command = match case.then {
                Then::Back if course.scenario.back && !state.run.is_empty() => Some(Command::Rollback),
                _ => Some(now),
            };
            continue;
        }
        command = match code {
            0 if now == Command::Rollback => None,
            0 => commands.next(),
            5 if went_back => {
                // What is wrong with the world is mended all the same.
                case.kind.after(bench);
                None
            }
            6 if state.ended.is_some() => None,
            9 => {
                // A lock that could not be given back ends by itself.
                bench.ground.sim.advance(std::time::Duration::from_secs(40));
                Some(now)
            }
            _ if state.rolling_back && state.ended.is_none() && now != Command::Rollback => Some(Command::Rollback),
            _ => return Err(format!("mended, and {now} ends with {code}: {why}")),
        };
    }
    Err("it does not end".to_owned())
}

fn lock(said: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    said.lock().unwrap_or_else(PoisonError::into_inner)
}

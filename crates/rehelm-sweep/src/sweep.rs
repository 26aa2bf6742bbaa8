//! Runs jobs on all cores and adds up what came of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::course::{Course, Outcome, Then};
use crate::job::{Deed, Job, Kind};

/// Runs that went wrong and are told in full; the others are only counted.
const TOLD: usize = 2;
/// Lines about one of them.
const LINES: usize = 5;
/// How often it is said how far it is.
const EVERY: Duration = Duration::from_secs(30);

/// A run that did not end as it should.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The line that runs it again.
    pub again: String,
    /// What is wrong.
    pub wrong: Vec<String>,
    /// Everything that happened; empty when enough others tell theirs.
    pub history: Vec<String>,
}

/// What a scenario came to.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Its name.
    pub scenario: String,
    /// Writes of an undisturbed run.
    pub writes: usize,
    /// Writes to files of such a run.
    pub file_writes: usize,
    /// Kill points tried, each once or twice.
    pub points: usize,
    /// Runs that went on after a kill to the same end.
    pub resumed: usize,
    /// Runs that went back after a kill to the beginning.
    pub rolled_back: usize,
    /// Seeds of pairs of kills that were tried.
    pub seeds: usize,
    /// Runs that were killed twice.
    pub double_crashes: usize,
    /// Kills while Helm went on.
    pub orphans: usize,
    /// Steps and undos that were carried out a second time after they were done.
    pub run_twice: usize,
    /// Stops on request, each with either way to go on.
    pub stops: usize,
    /// Kinds of faults.
    pub fault_kinds: usize,
    /// Runs with a fault.
    pub faults: usize,
    /// Runs with a rival.
    pub rivals: usize,
    /// Runs that came to a state from which another one had ended well.
    pub met: usize,
    /// Those of them that went on to their end all the same.
    pub met_whole: usize,
    /// How often a rule was asked.
    pub invariant_checks: usize,
    /// Runs that were made.
    pub runs: usize,
    /// Runs that there are; more than were made when a part of them was asked for.
    pub planned: usize,
    /// Real seconds.
    pub seconds: f64,
    /// Runs that went wrong.
    pub failures: Vec<Failure>,
}

/// Tells what goes wrong at once, in one line, and now and then how far it is.
pub struct Teller {
    scenario: &'static str,
    began: Instant,
    told: Instant,
    of: usize,
    tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Teller {
    /// Of so many runs of a course.
    pub fn new(course: &Course, of: usize, tell: Arc<dyn Fn(&str) + Send + Sync>) -> Self {
        let began = Instant::now();
        Self {
            scenario: course.scenario.name,
            began,
            told: began,
            of,
            tell,
        }
    }

    /// A run is over.
    pub fn heard(&mut self, label: &str, outcome: &Outcome, done: usize) {
        if let Some(first) = outcome.wrong.first() {
            (self.tell)(&format!("≠ {label}: {first}"));
        }
        if self.told.elapsed() < EVERY {
            return;
        }
        self.told = Instant::now();
        let speed = done as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let left = (self.of.saturating_sub(done)) as f64 / speed / 60.0;
        (self.tell)(&format!(
            "  {}: {done} of {} runs, {speed:.1} a second, about {left:.0} min left",
            self.scenario, self.of
        ));
    }
}

/// Runs all jobs of a course, each by itself from its beginning.
pub fn all(course: &Course, jobs: &[Job], threads: usize, tell: Arc<dyn Fn(&str) + Send + Sync>) -> Tally {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let outcomes: Mutex<BTreeMap<usize, Outcome>> = Mutex::default();
    let teller = Mutex::new(Teller::new(course, jobs.len(), tell));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(job) = jobs.get(at) else { return };
                    let mut outcome = alone(job.run(course));
                    if outcome.wrong.is_empty() {
                        outcome.history.clear();
                    }
                    let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
                    let done = outcomes.len() + 1;
                    let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
                    teller.heard(&job.label, &outcome, done);
                    outcomes.insert(at, outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Tally::of(course, jobs, outcomes, began.elapsed())
}

/// Runs something on this thread alone.
pub fn alone<T: Default>(work: impl Future<Output = T>) -> T {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(_) => T::default(),
    }
}

fn distinct(jobs: &[Job]) -> usize {
    let points = jobs.iter().filter_map(|job| match (&job.deed, job.kind) {
        (Deed::Kill(points), Kind::Resume | Kind::Back) => points.first(),
        _ => None,
    });
    points.collect::<std::collections::BTreeSet<_>>().len()
}

fn kinds(jobs: &[Job]) -> usize {
    let kinds = jobs.iter().filter_map(|job| match &job.deed {
        Deed::Fault(case) => Some(case.kind.name()),
        _ => None,
    });
    kinds.collect::<std::collections::BTreeSet<_>>().len()
}

impl Tally {
    /// What came of these runs, by their place in the list.
    pub fn of(course: &Course, jobs: &[Job], outcomes: BTreeMap<usize, Outcome>, time: Duration) -> Self {
        let mut tally = Self {
            scenario: course.scenario.name.to_owned(),
            writes: course.writes.len(),
            file_writes: course.files.len(),
            points: distinct(jobs),
            fault_kinds: kinds(jobs),
            seeds: jobs.iter().filter(|job| job.seed.is_some()).count(),
            seconds: time.as_secs_f64(),
            ..Self::default()
        };
        for (at, outcome) in outcomes {
            tally.add(course, &jobs[at], outcome);
        }
        tally
    }

    fn add(&mut self, course: &Course, job: &Job, outcome: Outcome) {
        self.runs += 1;
        self.invariant_checks += outcome.looks;
        self.met += usize::from(outcome.met);
        self.met_whole += usize::from(outcome.met && outcome.whole);
        if !outcome.wrong.is_empty() {
            let seed = job.seed.map(|seed| format!(" --seed {seed}")).unwrap_or_default();
            let told = self.failures.len() < TOLD;
            self.failures.push(Failure {
                again: format!(
                    "cargo xtask sweep --scenario {} --point {}{seed}",
                    course.scenario, job.label
                ),
                wrong: outcome.wrong.into_iter().take(LINES).collect(),
                history: if told { outcome.history } else { Vec::new() },
            });
            return;
        }
        match job.kind {
            Kind::Resume => {
                self.resumed += 1;
                if let Deed::Kill(points) = &job.deed
                    && let Some(crate::kill::Point::File(n, crate::kill::Torn::Before)) = points.first()
                    && ["step-done", "undo-done"].contains(&course.files[n - 1].as_str())
                {
                    self.run_twice += 1;
                }
            }
            Kind::Back => self.rolled_back += 1,
            Kind::Double => self.double_crashes += 1,
            Kind::Orphan => self.orphans += 1,
            Kind::Stop => self.stops += 1,
            Kind::Fault => self.faults += 1,
            Kind::Rival => self.rivals += 1,
        }
        if job.kind == Kind::Double && job.then == Then::Back {
            self.rolled_back += 1;
        }
    }
}

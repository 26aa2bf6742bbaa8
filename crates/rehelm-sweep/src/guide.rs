//! Sees where runs come together again: a run that comes to a state from which another one ended well need not be played on.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::bench::Bench;
use crate::course::{Course, Outcome};
use crate::ground::Ground;
use crate::pool::leave;
use crate::run::Ended;
use crate::scenario::Scenario;
use crate::state::Digests;
use crate::tap::{Between, Tap};
use crate::turn::Turn;

/// Real time that a child may take.
const LONGEST: Duration = Duration::from_secs(300);

/// The child that this process is.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its job.
    pub index: usize,
    /// True when it goes on to its end wherever it comes to.
    pub whole: bool,
    /// Where it leaves what it has to tell.
    pub folder: Utf8PathBuf,
    /// States from which others ended well.
    pub good: HashSet<u64>,
}

struct Inner {
    digests: Digests,
    own: Option<Own>,
    states: Vec<u64>,
    met: bool,
    /// Rules that were asked before the fork.
    before: usize,
}

/// At the tap of one run, or of the trunk and every run that branches off.
pub struct Guide {
    tap: Tap,
    ground: Ground,
    scenario: Scenario,
    /// Rules that were asked.
    looks: Arc<AtomicUsize>,
    inner: Mutex<Inner>,
}

impl Guide {
    /// For a run of a course.
    pub fn at(course: &Course, bench: &Bench) -> Arc<Self> {
        let guide = Arc::new(Self {
            tap: bench.tap.clone(),
            ground: bench.ground.clone(),
            scenario: course.scenario,
            looks: bench.tap.looks(),
            inner: Mutex::new(Inner {
                digests: Digests::default(),
                own: None,
                states: Vec::new(),
                met: false,
                before: 0,
            }),
        });
        bench.tap.tell_between(guide.clone());
        guide
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this process is a child.
    pub fn become_child(&self, own: Own) {
        let (folder, index) = (own.folder.clone(), own.index);
        std::thread::spawn(move || {
            std::thread::sleep(LONGEST);
            let outcome = Outcome {
                wrong: vec![format!("it hangs: nothing more in {} s", LONGEST.as_secs())],
                ..Outcome::default()
            };
            leave(&folder, index, outcome, Vec::new())
        });
        let mut inner = self.inner();
        inner.own = Some(own);
        inner.states.clear();
        inner.before = self.looks.load(Ordering::SeqCst);
    }

    /// The job of the child that this process is.
    pub fn child(&self) -> Option<usize> {
        self.inner().own.as_ref().map(|own| own.index)
    }

    /// States that the run went through.
    pub fn states(&self) -> Vec<u64> {
        self.inner().states.clone()
    }

    /// Ends the child that this process is.
    pub fn leave(&self, mut outcome: Outcome) -> ! {
        let inner = self.inner();
        let Some(own) = &inner.own else { std::process::exit(1) };
        outcome.looks = self.looks.load(Ordering::SeqCst).saturating_sub(inner.before);
        outcome.met = inner.met;
        if inner.met && !outcome.wrong.is_empty() {
            let met = "it had come to a state from which another run ended well";
            outcome.wrong.push(met.to_owned());
        }
        leave(&own.folder, own.index, outcome, inner.states.clone())
    }

    /// Ends the child: it goes on as another run did, or as the undisturbed one when there was nothing to do.
    pub fn leave_as_others(&self, acted: usize) -> ! {
        self.leave(Outcome {
            acted,
            ..Outcome::default()
        })
    }
}

impl Between for Guide {
    fn reached(&self, command: &str, turn: Option<Turn>, rest: Option<String>) {
        let Some(rest) = rest else { return };
        let run = Course::read_journal(&self.tap, &self.ground.files);
        let mut inner = self.inner();
        let world = inner.digests.of(&self.ground, &run);
        let mut hasher = DefaultHasher::new();
        (command, turn, rest, world).hash(&mut hasher);
        let state = hasher.finish();
        let Some(own) = &inner.own else {
            return inner.states.push(state);
        };
        if !own.good.contains(&state) {
            return inner.states.push(state);
        }
        let whole = own.whole;
        inner.met = true;
        drop(inner);
        if !whole {
            self.leave_as_others(self.tap.acted());
        }
    }

    fn ended(&self, ended: &Ended) {
        // Who passed there did not end well by the same command alone.
        if !self.scenario.is_well(ended) {
            self.inner().states.clear();
        }
    }
}

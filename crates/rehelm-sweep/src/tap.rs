//! Between every process of a run and the world: counts what they write, lets things happen to it, looks at the cluster
//! after each write, and keeps the history.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rehelm_core::journal::{Event, Record};
use rehelm_sim::Sim;

use crate::answer;
use crate::call::{Actor, Call};
use crate::invariants::Watchman;
use crate::process::Process;
use crate::run::Ended;
use crate::turn::Turn;
use crate::twist::{Act, FileAct, FileOp, Twist};

/// What kube's client wants of errors.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One run's tap. Clones are handles to the same one.
#[derive(Clone)]
pub struct Tap(Arc<Inner>);

struct Inner {
    sim: Sim,
    state: Mutex<State>,
}

/// Who is told how far a run is.
pub trait Between: Send + Sync {
    /// A command begins, or one of its steps or undos. `rest` is what the twist says of itself ([`Twist::rest`]); None as well
    /// when something is wrong already.
    fn reached(&self, command: &str, turn: Option<Turn>, rest: Option<String>);

    /// A command ended.
    fn ended(&self, ended: &Ended);
}

struct State {
    between: Option<Arc<dyn Between>>,
    command: String,
    twist: Box<dyn Twist>,
    watchman: Watchman,
    calls: usize,
    writes: usize,
    files: usize,
    written: Vec<String>,
    processes: usize,
    step: String,
    history: Vec<String>,
    /// Every write that was sent, for whoever enumerates them.
    sent: Vec<Call>,
    /// Every class of call that was made.
    classes: BTreeMap<String, usize>,
    turns: Vec<Turn>,
    samples: BTreeMap<String, Call>,
}

impl Tap {
    /// A tap on a cluster.
    pub fn new(sim: Sim, twist: Box<dyn Twist>, watchman: Watchman) -> Self {
        Self(Arc::new(Inner {
            sim,
            state: Mutex::new(State {
                between: None,
                command: String::new(),
                twist,
                watchman,
                calls: 0,
                writes: 0,
                files: 0,
                written: Vec::new(),
                processes: 0,
                step: String::new(),
                history: Vec::new(),
                sent: Vec::new(),
                classes: BTreeMap::new(),
                turns: Vec::new(),
                samples: BTreeMap::new(),
            }),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new process of the tool.
    pub fn process(&self) -> Process {
        let mut state = self.state();
        state.processes += 1;
        let number = state.processes;
        state.twist.process(number);
        drop(state);
        self.actor(Actor::Tool)
    }

    /// Somebody who asks through the tap.
    pub fn actor(&self, actor: Actor) -> Process {
        Process::new(self.clone(), actor)
    }

    /// Adds a line to the history.
    pub fn tell(&self, line: impl Into<String>) {
        self.state().history.push(line.into());
    }

    /// Everything that happened, in order.
    pub fn history(&self) -> Vec<String> {
        self.state().history.clone()
    }

    /// Writes that were counted.
    pub fn writes(&self) -> Vec<Call> {
        self.state().sent.clone()
    }

    /// Classes of calls, with how many there were of each.
    pub fn classes(&self) -> BTreeMap<String, usize> {
        self.state().classes.clone()
    }

    /// Steps and undos that were begun, in their order.
    pub fn turns(&self) -> Vec<Turn> {
        self.state().turns.clone()
    }

    /// A call of each class; Helm's where it makes some.
    pub fn samples(&self) -> BTreeMap<String, Call> {
        self.state().samples.clone()
    }

    /// Writes to files that were counted: the event of each record, the path of everything else.
    pub fn files(&self) -> Vec<String> {
        self.state().written.clone()
    }

    /// How often the twist had something to do.
    pub fn acted(&self) -> usize {
        self.state().twist.acted()
    }

    /// What the watchman and the twist have to say, and how often rules were asked.
    pub fn watched(&self) -> (Vec<String>, usize) {
        let state = self.state();
        let mut broken = state.watchman.broken().to_vec();
        broken.extend(state.twist.broken());
        (broken, state.watchman.looks())
    }

    /// The command that runs from now on, for the watchman and the history.
    pub fn command(&self, name: &str) {
        let mut state = self.state();
        state.step = name.to_owned();
        state.command = name.to_owned();
        state.watchman.command(name);
        state.history.push(format!("$ {name}"));
        self.reached(state, None);
    }

    /// From now on somebody is told how far the run is.
    pub fn tell_between(&self, between: Arc<dyn Between>) {
        self.state().between = Some(between);
    }

    /// Counts how often rules were asked.
    pub fn looks(&self) -> Arc<AtomicUsize> {
        self.state().watchman.counter()
    }

    /// The command ended.
    pub fn ended(&self, ended: &Ended) {
        let between = self.state().between.clone();
        if let Some(between) = between {
            between.ended(ended);
        }
    }

    /// Whoever is told may look at everything: nothing is locked then.
    fn reached(&self, state: MutexGuard<'_, State>, turn: Option<Turn>) {
        let Some(between) = state.between.clone() else { return };
        let sound = state.watchman.broken().is_empty() && state.twist.broken().is_empty();
        let rest = state.twist.rest(&self.0.sim).filter(|_| sound);
        // Who may break fewer rules has not met who may break more.
        let rest = rest.map(|rest| format!("{rest} {:?}", state.watchman.excused()));
        let command = state.command.clone();
        drop(state);
        between.reached(&command, turn, rest);
    }

    /// Gives the watchman a look at the cluster as it is now.
    pub fn look(&self, why: &str) {
        let mut state = self.state();
        let state = &mut *state;
        let objects = self.0.sim.shared_objects();
        for line in state.watchman.look(&objects, why) {
            state.history.push(format!("BROKEN {line}"));
        }
    }

    pub(crate) fn meet(&self, call: &mut Call) -> Act {
        let mut state = self.state();
        state.calls += 1;
        call.number = state.calls;
        call.step = state.step.clone();
        *state.classes.entry(call.class()).or_default() += 1;
        if call.write > 0 && call.actor != Actor::Rival {
            state.writes += 1;
            call.write = state.writes;
            state.sent.push(call.clone());
        }
        if call.actor == Actor::Helm || !state.samples.contains_key(&call.class()) {
            state.samples.insert(call.class(), call.clone());
        }
        let act = state.twist.call(call, &self.0.sim);
        match &act {
            Act::Pass => {}
            other => state.history.push(format!("  [{call}: {}]", answer::words(other))),
        }
        act
    }

    pub(crate) fn wrote(&self, call: &Call, status: u16) {
        let mut state = self.state();
        let state = &mut *state;
        state
            .history
            .push(format!("  write {} ({}) {call} → {status}", call.write, call.step));
        let objects = self.0.sim.shared_objects();
        for line in state.watchman.wrote(call, status, &objects) {
            state.history.push(format!("BROKEN {line}"));
        }
        if (200..300).contains(&status) {
            state.twist.wrote(call, &self.0.sim);
        }
    }

    /// The cluster behind it.
    pub(crate) fn sim(&self) -> &Sim {
        &self.0.sim
    }

    /// A write to a file of the run: what becomes of it.
    pub(crate) fn file(&self, path: &str, line: Option<&str>) -> FileAct {
        let mut guard = self.state();
        let state = &mut *guard;
        state.files += 1;
        let record = line.and_then(|line| serde_json::from_str::<Record>(line).ok());
        let told = record.as_ref().map(answer::record);
        let op = FileOp {
            number: state.files,
            path: path.to_owned(),
            line: line.map(str::to_owned),
            begins: record.as_ref().and_then(|record| Turn::begun_by(&record.event)),
        };
        let event = told.as_ref().and_then(|told| told.split(' ').next());
        state.written.push(event.unwrap_or(path).to_owned());
        let before = state.twist.acted();
        let act = state.twist.file(&op, &self.0.sim);
        if state.twist.acted() > before
            && let Some(rules) = state.twist.interfered()
        {
            state.history.push("  somebody else interferes".to_owned());
            state.watchman.excuse(&self.0.sim.shared_objects(), &rules);
        }
        if act != FileAct::Pass {
            state.history.push(format!("  [file {} {path}: {act:?}]", op.number));
        } else if let (Some(record), Some(told)) = (record, told) {
            state.history.push(format!("  record {} {told}", record.n));
            state.turns.extend(op.begins);
            match record.event {
                Event::StepStarted { kind, .. } => state.step = kind,
                Event::UndoStarted { step } => state.step = format!("undo {step}"),
                _ => {}
            }
            if op.begins.is_some() {
                self.reached(guard, op.begins);
            }
        }
        act
    }
}

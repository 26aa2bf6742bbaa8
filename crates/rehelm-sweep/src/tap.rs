//! Between every process of a run and the world: counts what they write, lets things happen to it, looks at the cluster
//! after each write, and keeps the history.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use rehelm_core::journal::{Event, Record};
use rehelm_sim::{AnswerBody, Sim};
use tower::Service as _;

use crate::call::{Actor, Call};
use crate::invariants::Watchman;
pub use crate::life::Life;
use crate::twist::{Act, FileAct, FileOp, Moment, Twist};
use crate::{answer, stale};

/// What kube's client wants of errors.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One run's tap. Clones are handles to the same one.
#[derive(Clone)]
pub struct Tap(Arc<Inner>);

struct Inner {
    sim: Sim,
    state: Mutex<State>,
}

struct State {
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
    samples: BTreeMap<String, Call>,
}

/// One process at the tap.
#[derive(Clone)]
pub struct Process {
    tap: Tap,
    actor: Actor,
    /// Its life.
    pub life: Arc<Life>,
    /// Who dies in its place: the tool, while the Helm that it started goes on.
    instead: Option<Arc<Life>>,
}

impl Tap {
    /// A tap on a cluster.
    pub fn new(sim: Sim, twist: Box<dyn Twist>, watchman: Watchman) -> Self {
        Self(Arc::new(Inner {
            sim,
            state: Mutex::new(State {
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
        Process {
            tap: self.clone(),
            actor,
            life: Arc::default(),
            instead: None,
        }
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
        state.watchman.command(name);
        state.history.push(format!("$ {name}"));
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

    fn meet(&self, call: &mut Call) -> Act {
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

    fn wrote(&self, call: &Call, status: u16) {
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
}

impl Process {
    /// The tap that it is at.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// A client of the API server.
    pub fn client(&self) -> kube::Client {
        let process = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let process = process.clone();
            async move { process.request(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// Somebody else who dies with this process.
    #[must_use]
    pub fn as_actor(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// Somebody with a life of its own, at whose writes this process dies.
    #[must_use]
    pub fn survived_by(&self, actor: Actor) -> Self {
        Self {
            life: Arc::default(),
            instead: Some(self.life.clone()),
            ..self.as_actor(actor)
        }
    }

    /// Dead processes wait for ever.
    async fn alive(&self) {
        if self.life.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    async fn die(&self) -> ! {
        self.life.end();
        std::future::pending::<std::convert::Infallible>().await;
        unreachable!("pending for ever")
    }

    async fn request(&self, request: Request<Body>) -> Result<Response<AnswerBody>, BoxError> {
        self.alive().await;
        let (head, body) = request.into_parts();
        let mut bytes = body.collect().await?.to_bytes();
        let mut call = Call::read(self.actor, &head, &bytes);
        let mut act = self.tap.meet(&mut call);
        if let (Act::Die(_), Some(tool)) = (&act, &self.instead) {
            tool.end();
            act = Act::Pass;
        }
        match &act {
            Act::Die(Moment::Unsent) => self.die().await,
            Act::Refuse(code, reason, message) => return Ok(answer::refusal(*code, reason, message, &call)),
            Act::NeverConnected => return Err(answer::never_connected().await),
            Act::Break(why) => return Err((*why).into()),
            Act::KillHelm(false) => return Err(crate::helm::KILLED.into()),
            Act::Hang => std::future::pending().await,
            Act::Delay(time) => self.tap.0.sim.sleep(*time).await,
            Act::Pretend => return Ok(answer::pretended(&self.tap.0.sim, &call)),
            Act::Rewrite(value) => bytes = Bytes::from(value.to_string()),
            _ => {}
        }
        let answered = self.send(head, bytes).await?;
        if call.writes() {
            self.tap.wrote(&call, answered.status().as_u16());
        }
        self.alive().await;
        match act {
            Act::Die(Moment::Unheard) => self.die().await,
            Act::Die(_) => {
                self.life.doom();
                Ok(answered)
            }
            Act::LoseAnswer => Err("the connection broke before the answer came".into()),
            Act::KillHelm(true) => Err(crate::helm::KILLED.into()),
            Act::HangAfter => std::future::pending().await,
            Act::Torn => answer::torn(answered).await,
            Act::Falsify(how) => answer::falsified(answered, how).await,
            Act::Also(method, path, body) => {
                let (head, ()) = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("Content-Type", "application/merge-patch+json")
                    .body(())?
                    .into_parts();
                let mut also = Call::read(self.actor, &head, body.to_string().as_bytes());
                also.step = call.step;
                let did = crate::outside::ask(&self.tap.0.sim, method, head.uri.path(), Some(&body));
                self.tap.wrote(&also, did.map_or(0, |(status, _)| status));
                Ok(answered)
            }
            Act::Stale(versions) => stale::answer(&self.tap.0.sim, &call, answered, versions).await,
            Act::Garble(how) => answer::garbled(answered, how).await,
            _ => Ok(answered),
        }
    }

    async fn send(&self, head: http::request::Parts, bytes: Bytes) -> Result<Response<AnswerBody>, BoxError> {
        let mut service = self.tap.0.sim.service();
        let request = Request::from_parts(head, Body::from(bytes.to_vec()));
        Ok(service.call(request).await?)
    }

    /// A command to the database server: waits for ever for the dead, gives what is to become of it.
    pub async fn database(&self, verb: &'static str, name: &str, writes: bool) -> Act {
        self.alive().await;
        let mut call = Call {
            actor: self.actor,
            write: usize::from(writes),
            number: 0,
            verb,
            resource: "database".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            step: String::new(),
            body: serde_json::Value::Null,
        };
        let act = self.tap.meet(&mut call);
        match act {
            Act::Die(Moment::Unsent) => self.die().await,
            Act::Hang => std::future::pending().await,
            _ => act,
        }
    }

    /// The command was carried out.
    pub async fn database_did(&self, verb: &str, name: &str, act: &Act) {
        self.tap.tell(format!("  database {verb} {name}"));
        self.alive().await;
        match act {
            Act::Die(Moment::Unheard) => self.die().await,
            Act::Die(_) => self.life.doom(),
            _ => {}
        }
    }

    /// A write to a file: what becomes of it. The dead write nothing.
    pub fn file(&self, path: &str, line: Option<&str>) -> FileAct {
        if self.life.is_dead() {
            return FileAct::Die;
        }
        if self.life.is_over() {
            self.life.end();
            return FileAct::Die;
        }
        let mut state = self.tap.state();
        state.files += 1;
        let op = FileOp {
            number: state.files,
            path: path.to_owned(),
            line: line.map(str::to_owned),
        };
        let record = line.and_then(|line| serde_json::from_str::<Record>(line).ok());
        let event = record.as_ref().and_then(|record| {
            let told = answer::record(record);
            told.split(' ').next().map(str::to_owned)
        });
        state.written.push(event.unwrap_or_else(|| path.to_owned()));
        let before = state.twist.acted();
        let act = state.twist.file(&op, &self.tap.0.sim);
        if state.twist.acted() > before
            && let Some(rules) = state.twist.interfered()
        {
            let state = &mut *state;
            state.history.push("  somebody else interferes".to_owned());
            state.watchman.excuse(&self.tap.0.sim.shared_objects(), &rules);
        }
        if act != FileAct::Pass {
            state.history.push(format!("  [file {} {path}: {act:?}]", op.number));
        }
        if matches!(act, FileAct::Die | FileAct::Tear(_) | FileAct::DieAfter) {
            drop(state);
            self.life.end();
            return act;
        }
        if act == FileAct::Pass
            && let Some(record) = record
        {
            let told = answer::record(&record);
            state.history.push(format!("  record {} {told}", record.n));
            match record.event {
                Event::StepStarted { kind, .. } => state.step = kind,
                Event::UndoStarted { step } => state.step = format!("undo {step}"),
                _ => {}
            }
        }
        act
    }
}

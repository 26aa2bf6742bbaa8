//! Somebody else, who edits, deletes or recreates an object that the run touches, when a step or an undo has just begun.
//!
//! The run may go on when that harms nothing, or stop and say so. What must never happen is a write to the stranger's
//! object in the belief that it is the planned one, and damage to anything that the rival left alone.

use std::collections::BTreeSet;

use rehelm_core::object::ObjRef;
use rehelm_core::stale;
use rehelm_sim::Sim;
use serde_json::Value;

use crate::bench::Bench;
use crate::call::{Actor, Call};
use crate::course::{Course, Outcome, Then};
use crate::invariants::Known;
use crate::outside;
use crate::run::{Command, Ended};
use crate::scenario::End;
use crate::turn::Turn;
use crate::twist::{Act, FileAct, FileOp, Twist};

/// What the rival does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Adds a mark.
    Edits,
    /// Deletes it.
    Deletes,
    /// Deletes it and makes a namesake, which neither claims to be of the release nor of this run.
    Recreates,
}

/// One deed of the rival.
#[derive(Clone, Debug)]
pub struct Case {
    /// To what.
    pub object: ObjRef,
    /// What.
    pub how: How,
    /// When this has begun.
    pub turn: Turn,
    /// True when volumes may be handed over by then.
    pub late: bool,
}

impl Case {
    /// By which it is run again.
    pub fn label(&self) -> String {
        let namespace = self.object.namespace.as_deref().unwrap_or("_");
        format!(
            "rival-{:?}-{}.{namespace}.{}@{}",
            self.how, self.object.kind, self.object.name, self.turn
        )
    }
}

/// Every touched object, each deed, before each step and undo of the scenario.
pub fn cases(course: &Course) -> Vec<Case> {
    let plan = &course.ground.base.plan;
    let names = stale::names(plan);
    let mut touched: Vec<ObjRef> = Vec::new();
    let mut seen = BTreeSet::new();
    for step in &plan.steps {
        for object in step.spec.action().touches(&names) {
            if seen.insert(object.key()) {
                touched.push(object);
            }
        }
    }
    let handed = plan.steps.iter().find(|step| step.spec.kind() == "rebind");
    let handed = handed.map_or(u32::MAX, |step| step.number);
    let mut cases = Vec::new();
    for turn in &course.turns {
        for object in &touched {
            for how in [How::Edits, How::Deletes, How::Recreates] {
                cases.push(Case {
                    object: object.clone(),
                    how,
                    turn: *turn,
                    late: *turn > Turn::Step(handed),
                });
            }
        }
    }
    cases
}

/// The rival at the tap.
pub struct Rival {
    case: Case,
    done: bool,
    /// uid of the object that the rival made.
    made: Option<String>,
    meets: bool,
    wrong: Vec<String>,
}

impl Rival {
    /// Waits for its moment.
    pub fn new(case: Case) -> Self {
        Self {
            case,
            done: false,
            made: None,
            meets: false,
            wrong: Vec::new(),
        }
    }

    fn live(&self, sim: &Sim) -> Option<Value> {
        let wanted = &self.case.object;
        let objects = sim.shared_objects();
        let found = objects.iter().find(|o| {
            o["kind"] == wanted.kind.as_str()
                && o["metadata"]["name"] == wanted.name.as_str()
                && o["metadata"]["namespace"].as_str() == wanted.namespace.as_deref()
        });
        found.map(|object| (**object).clone())
    }

    fn act(&mut self, sim: &Sim) {
        let Some(live) = self.live(sim) else { return };
        let Some(path) = outside::path(&live) else { return };
        let ask = |method, body: Option<&Value>| outside::ask(sim, method, &path, body);
        match self.case.how {
            How::Edits => drop(ask("PATCH", Some(&outside::mark()))),
            How::Deletes => drop(ask("DELETE", None)),
            How::Recreates => {
                ask("DELETE", None);
                let collection = path.rsplit_once('/').map_or("", |(collection, _)| collection);
                let mut copy = outside::anew(&live);
                outside::unclaimed(&mut copy);
                if let Some((201, made)) = outside::ask(sim, "POST", collection, Some(&copy)) {
                    self.made = made["metadata"]["uid"].as_str().map(str::to_owned);
                }
            }
        }
        self.done = true;
    }
}

impl Twist for Rival {
    fn call(&mut self, call: &Call, sim: &Sim) -> Act {
        let here = call.writes()
            && call.actor == Actor::Tool
            && call.name == self.case.object.name
            && call.namespace == self.case.object.namespace.clone().unwrap_or_default();
        self.meets = here
            && self.made.is_some()
            && self.live(sim).is_some_and(|live| {
                live["metadata"]["uid"].as_str() == self.made.as_deref()
                    && crate::answer::same_resource(&live, &call.resource)
            });
        Act::Pass
    }

    fn wrote(&mut self, call: &Call, _: &Sim) {
        if std::mem::take(&mut self.meets) && call.verb == "delete" {
            self.wrong.push(format!("wrong-write: {call} hit the rival's namesake"));
        }
    }

    fn file(&mut self, op: &FileOp, sim: &Sim) -> FileAct {
        if !self.done && op.begins == Some(self.case.turn) {
            self.act(sim);
        }
        FileAct::Pass
    }

    fn rest(&self, sim: &Sim) -> Option<String> {
        let case = &self.case;
        let namesake = self.live(sim).is_some_and(|live| {
            let uid = live["metadata"]["uid"].as_str();
            uid.is_some() && uid == self.made.as_deref()
        });
        let rest = || format!("{:?} {} {} {namesake}", case.how, case.object, case.late);
        self.done.then(rest)
    }

    fn acted(&self) -> usize {
        usize::from(self.done)
    }

    fn interfered(&mut self) -> Option<Vec<&'static str>> {
        // A claim that has its volume already, or a whole namespace, is gone for good.
        let for_good = self.case.late || self.case.object.kind == "Namespace";
        Some(if for_good { vec!["data-gone"] } else { Vec::new() })
    }

    fn broken(&self) -> Vec<String> {
        self.wrong.clone()
    }
}

/// What a rollback leaves where it made the namespace, as pictures name it: a namespace is not deleted over a stranger's object.
fn kept_namespace(case: &Case, target: &str) -> Vec<String> {
    if case.how != How::Recreates || case.object.namespace.as_deref() != Some(target) {
        return Vec::new();
    }
    vec![
        format!("Namespace {target}"),
        format!("ConfigMap {target}/kube-root-ca.crt"),
        format!("ServiceAccount {target}/default"),
    ]
}

/// True for the mark on a secret of the old install that is on the one that was made from it, too.
fn travels(case: &Case, line: &str) -> bool {
    let of_secret = case.how == How::Edits && case.object.kind == "Secret";
    of_secret && line.contains(": Secret ") && line.ends_with(" /metadata/annotations")
}

/// The volume of a claim that the rival took away, as pictures name it: it stays on Retain.
fn volume_of(case: &Case, known: &Known) -> Option<String> {
    let claim = (case.object.namespace.clone()?, case.object.name.clone());
    let is_claim = case.object.kind == "PersistentVolumeClaim" && case.how != How::Edits;
    let of = known.volumes.iter().find(|volume| volume.claims.contains(&claim));
    of.filter(|_| is_claim)
        .map(|volume| format!("PersistentVolume {}", volume.name))
}

/// Plays it; then back, when it did not go through.
pub async fn run(course: &Course, case: &Case) -> Outcome {
    judged(course, case, Box::new(Rival::new(case.clone()))).await
}

/// The same with whatever else goes wrong.
pub async fn judged(course: &Course, case: &Case, twist: Box<dyn Twist>) -> Outcome {
    let bench = course.bench(twist, false);
    end(course, case, &bench).await
}

/// Types the commands, and looks at what came of them.
pub async fn end(course: &Course, case: &Case, bench: &Bench) -> Outcome {
    let mut played = Ok(Vec::new());
    let mut then = Then::Resume;
    let mut stuck = false;
    for command in course.scenario.commands {
        match bench.command(*command).await {
            Ended::Exit(0, _) => {}
            Ended::Exit(5, _) if course.scenario.end == End::Original => {}
            Ended::Exit(_, why) if why.trim().is_empty() => played = Err(format!("{command} fails and says nothing")),
            Ended::Exit(..) if !course.scenario.back || Course::state(bench).run.is_empty() => stuck = true,
            Ended::Exit(..) => {
                then = Then::Back;
                match bench.command(Command::Rollback).await {
                    Ended::Exit(0, _) => {}
                    // What the rival took cannot always be brought back; then it is said.
                    Ended::Exit(_, why) if !why.trim().is_empty() => stuck = true,
                    other => played = Err(format!("rollback: {other:?}")),
                }
            }
            other => played = Err(format!("{command}: {other:?}")),
        }
        if then == Then::Back || stuck {
            break;
        }
    }
    let mut outcome = course.judge(bench, played, then);
    let base = &course.ground.base;
    let mut kept = kept_namespace(case, &base.plan.target.namespace);
    kept.extend(volume_of(case, &base.known));
    let about = |line: &String| {
        line.starts_with("not as it should be")
            && (stuck
                || line.contains(&case.object.name)
                || kept.iter().any(|kept| line.contains(kept))
                || travels(case, line))
    };
    outcome.wrong.retain(|line| !about(line));
    outcome
}

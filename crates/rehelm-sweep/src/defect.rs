//! Seeded defects: what a broken tool would do, brought about between the tool and the world, so that no switch for it is in
//! shipped code. Each must be caught: by an invariant, by the comparison at the end, or by a step's own proof.

use rehelm_sim::Sim;
use serde_json::{Value, json};

use crate::call::{Actor, Call};
use crate::course::{Course, Outcome, Then};
use crate::twist::{Act, FileAct, FileOp, Twist};

/// One defect.
#[derive(Clone, Copy)]
pub struct Defect {
    /// Its name.
    pub name: &'static str,
    /// What the broken tool does.
    pub what: &'static str,
    /// The scenario that it shows in.
    pub scenario: &'static str,
    /// What becomes of calls.
    call: fn(&Call, &Sim) -> Act,
    /// What becomes of writes to files.
    file: fn(&FileOp) -> FileAct,
}

fn none(_: &Call, _: &Sim) -> Act {
    Act::Pass
}

fn file(_: &FileOp) -> FileAct {
    FileAct::Pass
}

fn is(call: &Call, class: &str) -> bool {
    call.class() == class && call.actor == Actor::Tool
}

/// Something else that a broken tool writes when it does this for the first time.
fn also(
    call: &Call,
    sim: &Sim,
    class: &str,
    step: &str,
    other: impl Fn(&Value) -> bool,
    method: &'static str,
    body: Value,
) -> Act {
    if !is(call, class) || call.step != step {
        return Act::Pass;
    }
    let objects = sim.shared_objects();
    let found = objects
        .iter()
        .find(|object| other(object))
        .and_then(|object| crate::outside::path(object));
    found.map_or(Act::Pass, |path| Act::Also(method, path, body))
}

fn named(object: &Value, kind: &str, namespace: &str, name: &str) -> bool {
    object["kind"] == kind
        && object["metadata"]["namespace"].as_str().unwrap_or_default() == namespace
        && object["metadata"]["name"]
            .as_str()
            .is_some_and(|n| name.is_empty() || n == name)
}

fn retained(value: &mut Value) {
    value["spec"]["persistentVolumeReclaimPolicy"] = json!("Retain");
}

fn nothing(value: &mut Value) {
    value["items"] = json!([]);
}

/// The patch that hands a volume over, with another claim.
fn handed(call: &Call, change: impl Fn(&mut Value)) -> Act {
    if !is(call, "patch persistentvolumes") || call.body.pointer("/spec/claimRef").is_none() {
        return Act::Pass;
    }
    let mut body = call.body.clone();
    change(&mut body);
    Act::Rewrite(body)
}

/// Workloads that are not stopped, and lists that do not show what still runs.
fn left_running(call: &Call, _: &Sim) -> Act {
    match call.class().as_str() {
        "patch deployments.apps" if call.step == "scale" => Act::Pretend,
        "get deployments.apps" if call.step == "scale" => Act::Falsify(|value| value["spec"]["replicas"] = json!(0)),
        "list pods" | "list volumeattachments.storage.k8s.io" => Act::Falsify(nothing),
        _ => Act::Pass,
    }
}

const EXAMPLE: &str = "example";
const BACK: &str = "example-back";

const fn defect(name: &'static str, what: &'static str, call: fn(&Call, &Sim) -> Act) -> Defect {
    Defect {
        name,
        what,
        scenario: EXAMPLE,
        call,
        file,
    }
}

const fn going_back(name: &'static str, what: &'static str, call: fn(&Call, &Sim) -> Act) -> Defect {
    Defect {
        scenario: BACK,
        ..defect(name, what, call)
    }
}

const fn of_files(name: &'static str, what: &'static str, file: fn(&FileOp) -> FileAct) -> Defect {
    Defect {
        file,
        ..defect(name, what, none)
    }
}

/// All of them.
pub const ALL: [Defect; 23] = [
    defect(
        "retain-skipped",
        "volumes stay on Delete, and every look at them says Retain",
        |call, _| match call.class().as_str() {
            "patch persistentvolumes" if call.step == "retain" => Act::Pretend,
            "get persistentvolumes" => Act::Falsify(retained),
            _ => Act::Pass,
        },
    ),
    defect(
        "claim-cleared",
        "a volume's claimRef is emptied on the way",
        |call, _| handed(call, |body| body["spec"]["claimRef"] = Value::Null),
    ),
    defect(
        "claim-without-uid",
        "a volume names its new claim without the uid",
        |call, _| handed(call, |body| body["spec"]["claimRef"]["uid"] = Value::Null),
    ),
    defect(
        "claim-of-stranger",
        "a volume is given to a claim that nobody planned",
        |call, _| handed(call, |body| body["spec"]["claimRef"]["name"] = json!("somebody-elses")),
    ),
    defect(
        "policy-back-too-early",
        "volumes go back to Delete while they have no claim",
        |call, _| {
            handed(call, |body| {
                body["spec"]["persistentVolumeReclaimPolicy"] = json!("Delete")
            })
        },
    ),
    defect(
        "copy-skipped",
        "a copy that did nothing counts as done",
        |call, _| match call.verb {
            "copy" => Act::Pretend,
            _ => Act::Pass,
        },
    ),
    defect(
        "user-skipped",
        "a database user that was not made counts as made",
        |call, _| match call.verb {
            "ensure user" => Act::Pretend,
            _ => Act::Pass,
        },
    ),
    of_files(
        "image-forgotten",
        "a before-image is believed to be on disk and is not",
        |op| match op.path.contains("before/") {
            true => FileAct::Shadow,
            false => FileAct::Pass,
        },
    ),
    of_files(
        "image-of-another",
        "a before-image is of another object",
        |op| match op.path.contains("before/") {
            true => FileAct::Alter,
            false => FileAct::Pass,
        },
    ),
    of_files(
        "intent-late",
        "a step begins before its intent is in the journal",
        |op| match op.line.as_ref().is_some_and(|line| line.contains("\"step-started\"")) {
            true => FileAct::Shadow,
            false => FileAct::Pass,
        },
    ),
    of_files("outcome-lost", "outcomes are not written to the journal", |op| match op
        .line
        .as_ref()
        .is_some_and(|line| line.contains("\"step-done\""))
    {
        true => FileAct::Pretend,
        false => FileAct::Pass,
    }),
    defect(
        "pods-not-awaited",
        "the old pods are left running, and nobody looks",
        left_running,
    ),
    defect(
        "protection-removed",
        "the old pods are left running, and finalizers taken off claims that wait for them",
        |call, sim| {
            let protected = |object: &Value| {
                named(object, "PersistentVolumeClaim", "notes-old", "")
                    && object.pointer("/metadata/deletionTimestamp").is_some()
            };
            // At every write of the step: a claim waits from the moment that it is deleted.
            let class = call.class();
            match call.writes() && call.resource.starts_with("persistentvolume") {
                true => also(
                    call,
                    sim,
                    &class,
                    "rebind",
                    protected,
                    "PATCH",
                    json!({"metadata": {"finalizers": null}}),
                ),
                false => left_running(call, sim),
            }
        },
    ),
    defect(
        "bystander-stopped",
        "a workload that nobody declared is stopped, too",
        |call, sim| {
            let other = |object: &Value| named(object, "Deployment", "notes-old", "bystander");
            also(
                call,
                sim,
                "patch deployments.apps",
                "scale",
                other,
                "PATCH",
                json!({"spec": {"replicas": 0}}),
            )
        },
    ),
    defect(
        "old-secret-deleted",
        "a secret of the old install is deleted before cleanup",
        |call, sim| {
            let other = |object: &Value| named(object, "Secret", "notes-old", "notes-mail");
            also(
                call,
                sim,
                "patch deployments.apps",
                "scale",
                other,
                "DELETE",
                Value::Null,
            )
        },
    ),
    defect(
        "secret-overwritten",
        "a secret of the old install gets another content",
        |call, sim| {
            let other = |object: &Value| named(object, "Secret", "notes-old", "notes-mail");
            also(
                call,
                sim,
                "create secrets",
                "secrets",
                other,
                "PATCH",
                json!({"data": {"password": "eA=="}}),
            )
        },
    ),
    defect(
        "old-claim-deleted-early",
        "a claim is deleted before its volume is safe",
        |call, sim| {
            let other = |object: &Value| named(object, "PersistentVolumeClaim", "notes-old", "");
            also(call, sim, "create secrets", "secrets", other, "DELETE", Value::Null)
        },
    ),
    defect("volume-deleted", "a volume is deleted", |call, sim| {
        let other = |object: &Value| object["kind"] == "PersistentVolume";
        also(
            call,
            sim,
            "create persistentvolumeclaims",
            "claims",
            other,
            "DELETE",
            Value::Null,
        )
    }),
    defect(
        "secret-with-other-content",
        "a secret is converted wrongly",
        |call, _| {
            if !is(call, "create secrets") {
                return Act::Pass;
            }
            let mut body = call.body.clone();
            body["data"] = json!({"password": "eA=="});
            Act::Rewrite(body)
        },
    ),
    Defect {
        name: "release-incomplete",
        what: "Helm leaves a workload out and says that all is well",
        scenario: EXAMPLE,
        call: |call, _| match call.class().as_str() {
            "create deployments.apps" => Act::Pretend,
            _ => Act::Pass,
        },
        file,
    },
    going_back(
        "undo-skipped",
        "the old workloads are believed to run again",
        |call, _| match call.body.pointer("/spec/replicas") {
            Some(count) if call.writes() && call.namespace == "notes-old" && count != &json!(0) => Act::Pretend,
            _ => Act::Pass,
        },
    ),
    going_back(
        "policy-not-restored",
        "volumes stay on Retain after a rollback",
        |call, _| match call.body.pointer("/spec/persistentVolumeReclaimPolicy") {
            Some(policy) if policy == "Delete" => Act::Pretend,
            _ => Act::Pass,
        },
    ),
    going_back("mark-left", "a mark on a claim is left behind", |call, _| {
        match call.body.pointer("/metadata/annotations/rehelm.dev~1touched") {
            Some(Value::Null) => Act::Pretend,
            _ => Act::Pass,
        }
    }),
];

struct Seeded {
    defect: Defect,
    acted: usize,
}

impl Twist for Seeded {
    fn call(&mut self, call: &Call, sim: &Sim) -> Act {
        let act = (self.defect.call)(call, sim);
        self.acted += usize::from(!matches!(act, Act::Pass));
        act
    }

    fn file(&mut self, op: &FileOp, _: &Sim) -> FileAct {
        let act = (self.defect.file)(op);
        self.acted += usize::from(act != FileAct::Pass);
        act
    }

    fn acted(&self) -> usize {
        self.acted
    }
}

/// What caught a defect; None when nothing did, or when it never showed.
pub async fn caught(course: &Course, defect: Defect) -> (Option<String>, Outcome) {
    let outcome = course
        .run(Box::new(Seeded { defect, acted: 0 }), Then::Resume, false)
        .await;
    if outcome.acted == 0 {
        return (None, outcome);
    }
    let mut by: Vec<String> = Vec::new();
    for wrong in &outcome.wrong {
        let rule = wrong.split(':').next().unwrap_or_default();
        let catcher = match rule {
            "not as it should be" => "comparison at the end".to_owned(),
            rule if crate::invariants::RULES.iter().any(|(name, _)| *name == rule) => format!("invariant {rule}"),
            _ => format!("the tool itself: {wrong}"),
        };
        if !by.contains(&catcher) {
            by.push(catcher);
        }
    }
    ((!by.is_empty()).then(|| by.join("; ")), outcome)
}

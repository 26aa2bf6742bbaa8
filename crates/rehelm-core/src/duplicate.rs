//! A copy of a run in the cluster: what a colleague needs who takes it over on another machine.
//!
//! It is a ConfigMap beside the Lease, in the old install's namespace. Not a Secret, because it holds none: whoever may
//! look at the install can see with `kubectl get configmap` who moves it, since when, where it stands and where the
//! backup is, without a right on secrets. Beside those words it holds, compressed, the journal, the plan, and the
//! before-images of kinds that cannot hold a password (claims, volumes, cluster-scoped objects, services): so much that
//! the run can go on, and in most cases go back, with the cluster alone.
//!
//! It is written when the journal has a new intent, a new note or an end, always in the version that was read. A copy
//! that cannot be written is said once and stops nothing; the journal on disk is what counts. It is deleted directly
//! before a rollback or a cleanup writes its last record: a run that is over leaves nothing.

mod read;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::finding::Finding;
use crate::journal::StepState;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, Cluster, PatchKind, PortError, PortResult, Precondition};
use crate::restore;
use crate::standing::stands;
use crate::steps::StepSpec;
use crate::world::{StepError, StepResult, World};
pub use read::{Found, Relation, read, relation};

/// Version of the copy's form.
pub const FORMAT: u32 = 1;

/// Bytes of the packed parts together, as text: the server takes a mebibyte.
const ROOM: usize = 900 * 1024;

/// Kinds whose before-images go along: none of their fields can hold a password.
const SHOWN: [&str; 8] = [
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
    "Service",
    "PriorityClass",
];

/// Name of the copy for a release.
pub fn reference(namespace: &str, release: &str) -> ObjRef {
    ObjRef::new("v1", "ConfigMap", Some(namespace), &format!("rehelm-{release}"))
}

/// Rights that writing, reading and removing it need.
pub fn rights(copy: &ObjRef) -> Vec<Access> {
    let right = |verb, name| crate::steps::access(verb, "", "configmaps", copy.namespace.as_deref(), name);
    let on_name = ["get", "patch", "delete"].map(|verb| right(verb, Some(copy.name.as_str())));
    std::iter::once(right("create", None)).chain(on_name).collect()
}

/// The writer of the copy, for one command.
pub struct Duplicate {
    by: String,
    place: String,
    version: String,
    state: futures::lock::Mutex<State>,
}

#[derive(Default)]
struct State {
    /// uid and resourceVersion of the copy as it was written last.
    known: Option<Precondition>,
    /// The plan and the before-images are in it.
    whole: bool,
    warned: bool,
}

impl Duplicate {
    /// `by` is who and from which machine, `place` where the backup is, `version` that of rehelm.
    pub fn new(by: String, place: String, version: String) -> Self {
        Self {
            by,
            place,
            version,
            state: futures::lock::Mutex::default(),
        }
    }

    /// Brings the copy up to date; a failure is a warning.
    pub async fn share(&self, world: &World<'_>) {
        let mut state = self.state.lock().await;
        if let Err(error) = self.write(world, &mut state).await {
            state.known = None;
            warn(world, &mut state, &error);
        }
    }

    /// Removes the copy of this run.
    ///
    /// # Errors
    /// When the cluster does not answer or refuses: nobody would look for it again once the run is over.
    pub async fn remove(&self, world: &World<'_>) -> StepResult<()> {
        // Nobody writes it meanwhile.
        let _state = self.state.lock().await;
        Ok(forget(world.source, &place(world), &world.state().run).await?)
    }

    async fn write(&self, world: &World<'_>, state: &mut State) -> StepResult<()> {
        for attempt in 0.. {
            let outcome = self.attempt(world, state).await;
            match outcome {
                Err(StepError::Port(PortError::Conflict(..) | PortError::Exists(_) | PortError::NotFound(_)))
                    if attempt < 3 =>
                {
                    state.known = None;
                }
                other => return other,
            }
        }
        Ok(())
    }

    async fn attempt(&self, world: &World<'_>, state: &mut State) -> StepResult<()> {
        let at = place(world);
        if state.known.is_none() {
            state.whole = false;
            if let Some(live) = world.source.get(&at).await? {
                let run = live.str("/data/run").unwrap_or_default();
                if run != world.state().run {
                    return Err(PortError::Invalid(at.to_string(), format!("it belongs to run {run}")).into());
                }
                state.known = Some(restore::precondition(&live));
            }
        }
        let backed_up = backed_up(world);
        let content = self.content(world, !state.whole)?;
        let written = match &state.known {
            Some(unchanged) => {
                world
                    .source
                    .patch(&at, PatchKind::Merge, &content, unchanged, false)
                    .await?
            }
            None => {
                let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": at.name, "namespace": at.namespace,
                                 "labels": {"app.kubernetes.io/managed-by": "rehelm"}}});
                json_patch::merge(&mut object, &content);
                world.source.create(&Object(object), false).await?
            }
        };
        state.whole = backed_up;
        state.known = Some(restore::precondition(&written));
        Ok(())
    }

    /// What the copy says now; `whole` adds what never changes after the backup.
    fn content(&self, world: &World<'_>, whole: bool) -> StepResult<Value> {
        let (journal, records, tip, run) = {
            let journal = world.journal();
            let bytes = journal.bytes().to_vec();
            (
                bytes,
                journal.records(),
                journal.tip().to_owned(),
                journal.state.clone(),
            )
        };
        let (standing, next) = stands(world.plan, &run);
        let failed = run.failed.as_ref().map(|(step, why)| format!("step {step}: {why}"));
        let data = json!({
            "format": FORMAT.to_string(), "run": run.run, "planDigest": run.plan, "state": standing, "next": next,
            "command": run.command, "step": newest(world), "failed": failed, "by": self.by, "backup": self.place,
            "at": world.clock.now().to_string(), "version": self.version, "records": records.to_string(), "tip": tip,
        });
        let mut packed = Map::new();
        let mut room = ROOM;
        room = put(&mut packed, "journal", &journal, room)?;
        if whole {
            room = put(&mut packed, "plan", world.plan.to_json().as_bytes(), room)?;
            let images = serde_json::to_vec(&images(world)?).map_err(|e| PortError::Other(e.to_string()))?;
            put(&mut packed, "before", &images, room)?;
        }
        Ok(json!({"data": data, "binaryData": packed}))
    }
}

/// Puts a part into the copy while there is room; gives the room that is left.
fn put(packed: &mut Map<String, Value>, name: &str, content: &[u8], room: usize) -> PortResult<usize> {
    let text = Some(pack(content)?).filter(|text| text.len() <= room);
    let left = room - text.as_ref().map_or(0, String::len);
    packed.insert(name.to_owned(), json!(text));
    Ok(left)
}

fn pack(content: &[u8]) -> PortResult<String> {
    let failed = |e: std::io::Error| PortError::Other(e.to_string());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).map_err(failed)?;
    Ok(STANDARD.encode(encoder.finish().map_err(failed)?))
}

fn place(world: &World<'_>) -> ObjRef {
    reference(world.source_namespace(), &world.plan.target.release)
}

/// `12 rebind, in doubt`
fn newest(world: &World<'_>) -> String {
    let state = world.state();
    let open = |n: &u32| !matches!(state.step(*n), StepState::Done | StepState::Undone);
    let mut numbers = state.steps.keys().copied();
    let Some(number) = numbers.clone().find(open).or_else(|| numbers.next_back()) else {
        return String::new();
    };
    let kind = world.plan.steps.iter().find(|s| s.number == number);
    let word = match state.step(number) {
        StepState::Done => "done",
        StepState::Undone => "undone",
        StepState::Undoing => "undo in doubt",
        StepState::InDoubt | StepState::Pending => "in doubt",
    };
    format!("{number} {}, {word}", kind.map_or("?", |s| s.spec.kind()))
}

fn backup<'p>(world: &World<'p>) -> impl Iterator<Item = (u32, &'p crate::steps::backup::Backup)> {
    world.plan.steps.iter().filter_map(|step| match &step.spec {
        StepSpec::Backup(backup) => Some((step.number, backup)),
        _ => None,
    })
}

fn backed_up(world: &World<'_>) -> bool {
    let state = world.state();
    let open = |number| matches!(state.step(number), StepState::Pending | StepState::InDoubt);
    backup(world).all(|(number, _)| !open(number))
}

fn images(world: &World<'_>) -> StepResult<Vec<Value>> {
    let mut images = Vec::new();
    for reference in backup(world).flat_map(|(_, backup)| &backup.objects) {
        if SHOWN.contains(&reference.kind.as_str())
            && let Ok(Object(image)) = world.before(reference)
        {
            images.push(image);
        }
    }
    Ok(images)
}

/// Deletes the copy of a run; one of another run is left alone.
///
/// # Errors
/// When the server does not answer.
pub async fn forget(cluster: &dyn Cluster, at: &ObjRef, run: &str) -> PortResult<()> {
    for attempt in 0.. {
        let Some(live) = cluster.get(at).await?.filter(|live| live.str("/data/run") == Some(run)) else {
            return Ok(());
        };
        match cluster.delete(at, &restore::precondition(&live), false).await {
            Err(PortError::Conflict(..)) if attempt < 3 => {}
            Err(PortError::NotFound(_)) => return Ok(()),
            other => return other,
        }
    }
    Ok(())
}

fn warn(world: &World<'_>, state: &mut State, error: &StepError) {
    if !std::mem::replace(&mut state.warned, true) {
        let finding = Finding::warning("copy-not-written", place(world).to_string());
        world.progress.finding(&finding.arg("why", error.to_string()));
    }
}

#[cfg(test)]
mod tests;

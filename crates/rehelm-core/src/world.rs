//! Everything that a step may touch, and nothing else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::duplicate::Duplicate;
use crate::finding::Finding;
use crate::journal::{Event, Journal, JournalError, Record, RunState, StepState};
use crate::object::{ObjRef, Object};
use crate::plan::{Fill, FillFrom, Phase, Plan};
use crate::ports::{Clock, Cluster, Databases, Files, Helm, PortError, PortResult, ReleaseSpec};
use crate::profile::Profile;

/// Where a run keeps before-images, below its folder.
pub const BEFORE: &str = "backup/before";

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Pods of the old install to end, volumes to be detached.
    pub stop: Duration,
    /// Claims to be bound, deleted objects to be gone.
    pub objects: Duration,
    /// The release's workloads to be ready.
    pub ready: Duration,
    /// How long a pod may show an error that waiting does not mend while everything else is ready.
    pub hopeless: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            stop: Duration::from_secs(300),
            objects: Duration::from_secs(120),
            ready: Duration::from_secs(900),
            hopeless: Duration::from_secs(60),
        }
    }
}

/// Why a step or an undo stopped.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The world did not do what was asked.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What the step found forbids going on.
    #[error("{}", .0.iter().map(|f| format!("{} {}", f.code, f.subject)).collect::<Vec<_>>().join(", "))]
    Refused(Vec<Finding>),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A person asked to stop; everything done so far is in the journal.
    #[error("stopped on request")]
    Stopped,
}

impl StepError {
    /// A refusal for one reason.
    pub fn refused(finding: Finding) -> Self {
        Self::Refused(vec![finding])
    }
}

/// Result of a step.
pub type StepResult<T> = Result<T, StepError>;

/// Readers of the one event stream, and of what is too fleeting for the journal.
pub trait Progress: Send + Sync {
    /// A record was written.
    fn record(&self, record: &Record);
    /// How far the running step is: words' id, done, of how many.
    fn tick(&self, what: &str, done: u64, of: u64);
    /// Something worth saying that changes nothing.
    fn finding(&self, finding: &Finding);
}

/// Encrypts what only the backup's recipients may read.
pub type Seal = dyn Fn(&[u8]) -> PortResult<Vec<u8>> + Send + Sync;

/// A run: its plan, its journal, and the doors.
pub struct World<'a> {
    /// What will happen.
    pub plan: &'a Plan,
    /// The product.
    pub profile: &'a Profile,
    /// The cluster of the old install.
    pub source: &'a dyn Cluster,
    /// The cluster of the release; the same one when the migration stays inside it.
    pub target: &'a dyn Cluster,
    /// Helm.
    pub helm: &'a dyn Helm,
    /// The database server, when databases are renamed.
    pub databases: Option<&'a dyn Databases>,
    /// Files below `.rehelm/`.
    pub files: &'a dyn Files,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Readers of events.
    pub progress: &'a dyn Progress,
    /// Set by the first Ctrl-C.
    pub stop: &'a AtomicBool,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// age encryption of the backup's secrets.
    pub seal: Option<&'a Seal>,
    /// Consent to drop the copied databases during a rollback.
    pub drop_copies: bool,
    /// What is copied to the cluster for a colleague; None where nobody is to see this run.
    pub copy: Option<&'a Duplicate>,
    /// Wish to take what was written to the copied databases back into the old ones during a rollback.
    pub copy_back: bool,
    /// The run's memory.
    pub journal: Mutex<Journal<'a>>,
}

impl<'a> World<'a> {
    /// Writes one event and shows it.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn write(&self, event: Event) -> StepResult<()> {
        let record = self.journal().write(event)?;
        self.progress.record(&record);
        Ok(())
    }

    /// Brings the copy in the cluster up to date. One that cannot be written is said once and stops nothing.
    pub async fn share(&self) {
        if let Some(copy) = self.copy {
            copy.share(self).await;
        }
    }

    pub(crate) fn journal(&self) -> std::sync::MutexGuard<'_, Journal<'a>> {
        // A poisoned lock means that a thread died while writing; the file itself is append-only and checked.
        self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The state of the run now.
    pub fn state(&self) -> RunState {
        self.journal().state.clone()
    }

    /// Remembers something for this step's undo or resumption; durable when it returns, and in the cluster's copy, too.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub async fn note(&self, step: u32, key: &str, value: Value) -> StepResult<()> {
        self.write(Event::Noted {
            step,
            key: key.to_owned(),
            value,
        })?;
        self.share().await;
        Ok(())
    }

    /// What was remembered.
    pub fn recall(&self, step: u32, key: &str) -> Option<Value> {
        self.journal().state.note(step, key).cloned()
    }

    /// True when the step was begun in an earlier command and its outcome is not known.
    pub fn in_doubt(&self, step: u32) -> bool {
        self.journal().state.step(step) == StepState::InDoubt
    }

    /// True when a step of the phase was begun and not taken back.
    pub fn begun(&self, phase: Phase) -> bool {
        let state = self.state();
        let untouched = |number| matches!(state.step(number), StepState::Pending | StepState::Undone);
        self.plan.phase(phase).any(|step| !untouched(step.number))
    }

    /// Ends the step when a person asked to stop; called between atomic actions.
    ///
    /// # Errors
    /// [`StepError::Stopped`].
    pub fn check_stop(&self) -> StepResult<()> {
        if self.stop.load(Ordering::SeqCst) {
            Err(StepError::Stopped)
        } else {
            Ok(())
        }
    }

    /// Namespace of the release.
    pub fn target_namespace(&self) -> &str {
        &self.plan.target.namespace
    }

    /// The old install's namespace.
    pub fn source_namespace(&self) -> &str {
        &self.plan.source.namespace
    }

    /// Path of an object's before-image.
    pub fn before_path(object: &ObjRef) -> Utf8PathBuf {
        let namespace = object.namespace.as_deref().unwrap_or("_");
        let group = if object.group().is_empty() {
            "core"
        } else {
            object.group()
        };
        Utf8Path::new(BEFORE).join(format!("{group}.{}.{namespace}.{}.json", object.kind, object.name))
    }

    /// The object as it was before rehelm changed it.
    ///
    /// # Errors
    /// When the backup cannot be read.
    pub fn before(&self, object: &ObjRef) -> StepResult<Object> {
        let path = Self::before_path(object);
        let bytes = self
            .files
            .read(&path)?
            .ok_or_else(|| PortError::NotFound(path.to_string()))?;
        let value = serde_json::from_slice(&bytes).map_err(|e| PortError::Other(format!("{path}: {e}")))?;
        Ok(Object(value))
    }

    /// The release with all values; contents of secrets are read from the release's namespace now.
    ///
    /// # Errors
    /// When a secret that a value comes from cannot be read.
    pub async fn release_spec(&self) -> StepResult<ReleaseSpec> {
        let target = &self.plan.target;
        let mut secrets = Vec::new();
        for name in target.fills.iter().filter_map(Fill::secret) {
            let reference = ObjRef::new("v1", "Secret", Some(&target.namespace), name);
            let secret = self
                .target
                .get(&reference)
                .await?
                .ok_or(PortError::NotFound(reference.to_string()))?;
            secrets.push(secret);
        }
        Ok(ReleaseSpec {
            release: target.release.clone(),
            namespace: target.namespace.clone(),
            chart: target.chart.clone(),
            version: (!target.version.is_empty()).then(|| target.version.clone()),
            values: target.values.iter().map(|v| v.path.clone()).collect(),
            private_values: crate::gather::private_values(&target.fills, &secrets),
            flags: target.helm_flags.clone(),
        })
    }
}

impl Fill {
    /// The secret that the value comes from.
    pub fn secret(&self) -> Option<&str> {
        match &self.from {
            FillFrom::Secret { secret, .. } => Some(secret),
            FillFrom::Volume { .. } => None,
        }
    }
}

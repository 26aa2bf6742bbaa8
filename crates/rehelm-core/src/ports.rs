//! The doors to the world. Everything that decides talks only through these traits, so that the same code
//! runs against a real cluster, a simulated one, or a test's own.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::Finding;
use crate::object::{ObjRef, Object};

mod databases;
mod local;
mod memory;

pub use databases::*;
pub use local::{Clock, Files};
pub use memory::MemoryFiles;

/// What went wrong at a door, in the classes that callers act on.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The object (or release, database, file) is not there.
    #[error("{0} not found")]
    NotFound(String),
    /// A create met an existing object.
    #[error("{0} exists already")]
    Exists(String),
    /// A uid or resourceVersion precondition failed: somebody else changed the object.
    #[error("{0} was changed by someone else: {1}")]
    Conflict(String, String),
    /// The server refuses this identity the verb.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The server understood and refused: validation, immutable field, admission.
    #[error("{0} refused: {1}")]
    Invalid(String, String),
    /// No answer, or one that says "later": whether a write was applied is not known.
    #[error("no usable answer: {0}")]
    Unavailable(String),
    /// A wait ran out.
    #[error("waited {waited:?} for {what}")]
    Timeout {
        /// What was awaited.
        what: String,
        /// How long.
        waited: Duration,
    },
    /// The lock is lost: somebody else may be at work, and nothing more is written.
    #[error("the lock is lost: {0}")]
    Fenced(String),
    /// Anything else, with its cause chain in words.
    #[error("{0}")]
    Other(String),
}

impl PortError {
    /// True for [`PortError::NotFound`].
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

/// Result of a call through a port.
pub type PortResult<T> = Result<T, PortError>;

/// Test that the server makes before it applies a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// The object must still be this one, not a namesake.
    pub uid: Option<String>,
    /// The object must be unchanged since it was read.
    pub resource_version: Option<String>,
}

/// How a patch is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7386; `null` deletes.
    Merge,
    /// RFC 6902; `test` operations are preconditions.
    Json,
    /// Server-side apply under this tool's field manager, taking fields over.
    Apply,
}

/// What a list call asks for.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// None lists all namespaces (or a cluster-scoped kind).
    pub namespace: Option<String>,
    /// Label selector in the API's own syntax.
    pub labels: Option<String>,
    /// Field selector in the API's own syntax.
    pub fields: Option<String>,
}

/// Facts about the API server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerFacts {
    /// `gitVersion`, such as `v1.23.4-eks-1`.
    pub version: String,
    /// `group/version` and `group/version/Kind` of everything served, as Helm's capabilities list them.
    pub api_versions: Vec<String>,
    /// uid of the namespace `kube-system`: the cluster's identity.
    pub cluster_uid: String,
    /// URL of the API server.
    pub url: String,
}

/// One question to the authorizer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Access {
    /// `get`, `create`, …
    pub verb: String,
    /// API group; empty for core.
    pub group: String,
    /// Plural, with subresource: `deployments/scale`. What begins with `/` is a path that is no resource.
    pub resource: String,
    /// None for cluster-scoped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// None for all names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Where an API kind is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKind {
    /// Plural resource name.
    pub plural: String,
    /// True when its objects live in namespaces.
    pub namespaced: bool,
}

/// A kind whose objects can be listed, in the version that the server prefers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKind {
    /// `v1`, `apps/v1`, …
    pub api_version: String,
    /// `Deployment`, …
    pub kind: String,
    /// `deployments`, …
    pub plural: String,
    /// True when its objects live in namespaces.
    pub namespaced: bool,
}

/// A command that ended. It has no `Debug`, because what it said may be anything.
#[derive(Clone)]
pub struct Executed {
    /// Its standard output, at most the first 64 KiB.
    pub stdout: String,
    /// Its exit code.
    pub code: i32,
}

/// A Kubernetes API server.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Version, served APIs, identity.
    async fn facts(&self) -> PortResult<ServerFacts>;
    /// Where a kind is served; NotFound when the server does not know it (a CRD that is missing).
    async fn kind(&self, api_version: &str, kind: &str) -> PortResult<ApiKind>;
    /// Every kind that can be listed, groups in the server's order.
    async fn listed_kinds(&self) -> PortResult<Vec<ListedKind>>;
    /// One object; None when absent.
    async fn get(&self, object: &ObjRef) -> PortResult<Option<Object>>;
    /// All objects of a kind that match, in the server's order. An unknown kind gives an empty list.
    async fn list(&self, api_version: &str, kind: &str, select: &Select) -> PortResult<Vec<Object>>;
    /// Creates; `dry_run` lets the server check and discard.
    async fn create(&self, object: &Object, dry_run: bool) -> PortResult<Object>;
    /// Patches one object (see [`PatchKind`]); the precondition travels with the patch.
    async fn patch(
        &self,
        object: &ObjRef,
        kind: PatchKind,
        patch: &Value,
        precondition: &Precondition,
        dry_run: bool,
    ) -> PortResult<Object>;
    /// Deletes in the background propagation; Ok when it is already gone. Does not wait for finalizers.
    async fn delete(&self, object: &ObjRef, precondition: &Precondition, dry_run: bool) -> PortResult<()>;
    /// Sets `spec.replicas` through the scale subresource.
    async fn scale(&self, object: &ObjRef, replicas: i32) -> PortResult<()>;
    /// Calls `until` with the object now and after each change (None when absent) until it says true or time is up.
    async fn wait(
        &self,
        object: &ObjRef,
        timeout: Duration,
        until: &(dyn for<'a> Fn(Option<&'a Object>) -> bool + Send + Sync),
    ) -> PortResult<Option<Object>>;
    /// Calls `until` with the whole list now and after each change until it says true or time is up.
    async fn wait_list(
        &self,
        api_version: &str,
        kind: &str,
        select: &Select,
        timeout: Duration,
        until: &(dyn for<'a> Fn(&'a [Object]) -> bool + Send + Sync),
    ) -> PortResult<Vec<Object>>;
    /// SelfSubjectAccessReview.
    async fn can_i(&self, access: &Access) -> PortResult<bool>;
    /// Runs a command in a container of a pod (the first one when none is named) and waits for its end; None where nothing
    /// runs in containers, as in a simulation.
    async fn exec(&self, pod: &ObjRef, container: Option<&str>, command: &[String]) -> PortResult<Option<Executed>> {
        let _ = (pod, container, command);
        Ok(None)
    }
}

/// A chart to render or install, and with what. Its `Debug` form shows no private value.
#[derive(Clone)]
pub struct ReleaseSpec {
    /// Release name.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// `oci://…`, a folder, a packed chart.
    pub chart: String,
    /// Chart version; None for folders and files.
    pub version: Option<String>,
    /// Values files in order.
    pub values: Vec<String>,
    /// Values that come last and may hold secrets; they never touch argv and any file of them is private and removed.
    pub private_values: Option<Value>,
    /// Extra Helm flags from the configuration, such as `--plain-http`.
    pub flags: Vec<String>,
}

impl fmt::Debug for ReleaseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { release, namespace, .. } = self;
        write!(f, "ReleaseSpec({release} in {namespace})")
    }
}

/// What a render saw and gave.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Every document, hooks included, `kind: List` flattened, namespace filled in where the kind has one.
    pub objects: Vec<Object>,
    /// CRDs of the chart's `crds/` folder.
    pub crds: Vec<Object>,
    /// What was odd about it: a document that is no object, a Helm too old to look things up in the cluster.
    pub notes: Vec<Finding>,
}

/// Chart metadata.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChartFacts {
    /// `name` of Chart.yaml.
    pub name: String,
    /// `version` of Chart.yaml.
    pub version: String,
    /// `kubeVersion` of Chart.yaml, a Masterminds constraint.
    pub kube_version: Option<String>,
    /// `sha256:…` of the packed chart's content (OCI manifest digest, or a hash over the folder's files).
    pub digest: String,
}

/// One revision of a release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseState {
    /// Revision, from 1.
    pub revision: u32,
    /// Helm's status word: `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// `name-version` of the chart.
    pub chart: String,
    /// Objects of the stored manifest, without hooks.
    pub manifest: Vec<Object>,
}

/// Helm, the program.
#[async_trait]
pub trait Helm: Send + Sync {
    /// `v3.17.2`, from the program itself.
    async fn version(&self) -> PortResult<String>;
    /// Name, version, constraint and digest of a chart.
    async fn chart(&self, spec: &ReleaseSpec) -> PortResult<ChartFacts>;
    /// Renders as the cluster would, `lookup` and capabilities true; `planned` objects count as existing already.
    async fn render(&self, spec: &ReleaseSpec, planned: &[Object]) -> PortResult<Rendered>;
    /// `helm upgrade --install` (without `--wait`); `dry_run` asks the server only.
    async fn install(&self, spec: &ReleaseSpec, dry_run: bool) -> PortResult<()>;
    /// Ends an install that outlived the process that started it; Ok when there is none. Call it while holding the lease.
    async fn end_leftover(&self) -> PortResult<()>;
    /// The newest revision of a release; None when there is none.
    async fn release(&self, namespace: &str, release: &str) -> PortResult<Option<ReleaseState>>;
    /// Makes Helm forget a release without touching any of its objects; Ok when there is none.
    async fn delete_release_record(&self, namespace: &str, release: &str) -> PortResult<()>;
}

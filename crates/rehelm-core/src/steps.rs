//! The kinds of steps: the list, and what every kind must be able to do.
//!
//! One file per kind. Each says what the step assumes, does it in a way that is safe to repeat (it looks at the
//! cluster and does what is missing), proves that it worked, and takes it back. The word a person sees in the plan
//! is the file's name.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::ObjRef;
use crate::ports::Access;
use crate::world::{StepResult, World};

pub mod adopt;
mod asked;
pub mod backup;
pub mod claims;
pub mod copy;
pub mod displace;
pub mod dry_run;
pub mod images;
pub mod namespace;
pub mod ready;
pub mod rebind;
pub mod recreate;
pub mod release;
pub mod retain;
pub mod retire;
pub mod scale;
pub mod secrets;
pub mod switch;

/// How a step is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By its own `undo`.
    Yes,
    /// There is nothing to take back: it only reads, or what it leaves behind is wanted.
    Nothing,
    /// It cannot be taken back.
    Never,
}

/// What every kind of step can do. Contexts in which it runs are journaled by the executor, not by the step.
#[async_trait]
pub trait Action: Send + Sync {
    /// How it is taken back.
    fn undo_kind(&self) -> Undo;

    /// Objects that it changes, creates or deletes.
    fn touches(&self, world: &Names) -> Vec<ObjRef>;

    /// The lines that a person would type instead.
    fn commands(&self, names: &Names) -> Vec<String>;

    /// Rights that doing it needs: its precheck, its run, its verification.
    fn rights(&self, names: &Names) -> Vec<Access>;

    /// Objects whose before-images its undo cannot do without.
    fn images(&self) -> Vec<ObjRef> {
        Vec::new()
    }

    /// Rights that taking it back needs.
    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let _ = names;
        Vec::new()
    }

    /// Looks whether the step could be done, without changing anything; called for all steps of a phase before the
    /// first of them begins. Steps that depend on earlier ones of the same phase look at what is there already.
    ///
    /// # Errors
    /// What forbids it.
    async fn precheck(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        let _ = (world, number);
        Ok(())
    }

    /// Does it, or what is missing of it.
    ///
    /// # Errors
    /// What went wrong; the step can be repeated.
    async fn run(&self, world: &World<'_>, number: u32) -> StepResult<()>;

    /// Proves that it is done, by reading.
    ///
    /// # Errors
    /// What is not as it should be.
    async fn verify(&self, world: &World<'_>, number: u32) -> StepResult<()>;

    /// Takes it back, or what is left to take back.
    ///
    /// # Errors
    /// What went wrong; the undo can be repeated.
    async fn undo(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        let _ = (world, number);
        Ok(())
    }
}

/// Names that commands and rights speak of.
#[derive(Clone, Debug)]
pub struct Names {
    /// Namespace of the old install.
    pub source: String,
    /// Namespace of the release.
    pub target: String,
    /// Release.
    pub release: String,
    /// Chart reference.
    pub chart: String,
    /// Chart version.
    pub version: String,
    /// Values files.
    pub values: Vec<String>,
    /// Kustomize folders.
    pub kustomize: Vec<String>,
}

/// A step with everything that it needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepSpec {
    /// Before-images and secrets into the backup.
    Backup(backup::Backup),
    /// The release's namespace.
    Namespace(namespace::Namespace),
    /// Secrets converted and applied.
    Secrets(secrets::Secrets),
    /// Reclaim policy to Retain.
    Retain(retain::Retain),
    /// Claims of the release, waiting.
    Claims(claims::Claims),
    /// Cluster-scoped objects become the release's.
    Adopt(adopt::Adopt),
    /// Objects with immutable differences replaced.
    Recreate(recreate::Recreate),
    /// Everything that the switch will write, asked of the server.
    DryRun(dry_run::DryRun),
    /// Images of the release.
    Images(images::Images),
    /// The old install stopped.
    Scale(scale::Scale),
    /// Singletons of the old install taken out of the way.
    Displace(displace::Displace),
    /// Databases copied under new names.
    Copy(copy::Copy),
    /// Volumes handed over.
    Rebind(rebind::Rebind),
    /// Helm.
    Release(release::Release),
    /// Everything up.
    Ready(ready::Ready),
    /// Addresses and names.
    Switch(switch::Switch),
    /// The old install removed.
    Retire(retire::Retire),
}

impl StepSpec {
    /// The word in the plan.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Backup(_) => "backup",
            Self::Namespace(_) => "namespace",
            Self::Secrets(_) => "secrets",
            Self::Retain(_) => "retain",
            Self::Claims(_) => "claims",
            Self::Adopt(_) => "adopt",
            Self::Recreate(_) => "recreate",
            Self::DryRun(_) => "dry-run",
            Self::Images(_) => "images",
            Self::Scale(_) => "scale",
            Self::Displace(_) => "displace",
            Self::Copy(_) => "copy",
            Self::Rebind(_) => "rebind",
            Self::Release(_) => "release",
            Self::Ready(_) => "ready",
            Self::Switch(_) => "switch",
            Self::Retire(_) => "retire",
        }
    }

    /// What the step can do.
    pub fn action(&self) -> &dyn Action {
        match self {
            Self::Backup(s) => s,
            Self::Namespace(s) => s,
            Self::Secrets(s) => s,
            Self::Retain(s) => s,
            Self::Claims(s) => s,
            Self::Adopt(s) => s,
            Self::Recreate(s) => s,
            Self::DryRun(s) => s,
            Self::Images(s) => s,
            Self::Scale(s) => s,
            Self::Displace(s) => s,
            Self::Copy(s) => s,
            Self::Rebind(s) => s,
            Self::Release(s) => s,
            Self::Ready(s) => s,
            Self::Switch(s) => s,
            Self::Retire(s) => s,
        }
    }

    /// True from the step that ends the old install's service …
    pub fn begins_outage(&self) -> bool {
        matches!(self, Self::Scale(_))
    }

    /// … to the step after which the release serves.
    pub fn ends_outage(&self) -> bool {
        matches!(self, Self::Ready(_))
    }
}

/// One question to the authorizer, from its parts.
pub(crate) fn access(verb: &str, group: &str, resource: &str, namespace: Option<&str>, name: Option<&str>) -> Access {
    Access {
        verb: verb.to_owned(),
        group: group.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.map(str::to_owned),
    }
}

/// Rights for several verbs on one resource.
pub(crate) fn accesses(verbs: &[&str], group: &str, resource: &str, namespace: Option<&str>) -> Vec<Access> {
    verbs
        .iter()
        .map(|verb| access(verb, group, resource, namespace, None))
        .collect()
}

/// Rights to speak with what is inside a pod (`pods/exec`, `pods/portforward`). Web sockets begin with a `get`; API servers from
/// 1.35 on ask for `create` as well.
pub(crate) fn inside_pods(resource: &str, namespace: &str) -> Vec<Access> {
    accesses(&["get", "create"], "", resource, Some(namespace))
}

/// Rights on one object, by its name. A list or a watch of one name is a wait for that object.
pub(crate) fn on(object: &ObjRef, verbs: &[&str]) -> Vec<Access> {
    let (group, resource) = (object.group(), plural(&object.kind));
    let namespace = object.namespace.as_deref();
    verbs
        .iter()
        .map(|verb| access(verb, group, &resource, namespace, Some(&object.name)))
        .collect()
}

/// The right to make an object; the server does not know its name then.
pub(crate) fn create(object: &ObjRef) -> Access {
    access(
        "create",
        object.group(),
        &plural(&object.kind),
        object.namespace.as_deref(),
        None,
    )
}

/// Rights that [`crate::restore::to_image`] needs, whatever became of the object.
pub(crate) fn brought_back(object: &ObjRef) -> Vec<Access> {
    let mut rights = on(object, &["get", "patch", "delete", "list", "watch"]);
    rights.push(create(object));
    rights
}

/// Plural of a kind the way the built-in kinds form it, for the question about rights.
pub(crate) fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if lower.ends_with("ss") || lower.ends_with('x') || lower.ends_with("ch") {
        format!("{lower}es")
    } else if let Some(stem) = lower.strip_suffix('y').filter(|s| !s.ends_with(['a', 'e', 'o', 'u'])) {
        format!("{stem}ies")
    } else if lower.ends_with('s') {
        lower
    } else {
        format!("{lower}s")
    }
}

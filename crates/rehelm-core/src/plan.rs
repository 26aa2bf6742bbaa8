//! What will happen, in so much detail that carrying it out chooses nothing.
//!
//! A plan is made once, read by people, saved, and carried out later. It is bound to what it was made from: the
//! cluster's identity, the objects' uids and relevant fields, the chart's digest, the values' hashes. It holds no
//! secret content, only names of secrets and keys. The same input gives the same bytes.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::object::ObjRef;
use crate::steps::StepSpec;

/// Version of the plan's format; a reader refuses a newer one.
pub const FORMAT: u32 = 1;

/// The part of a migration that a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// While the old install serves its users.
    Prepare,
    /// The outage.
    Migrate,
    /// After the outage, reading only.
    Verify,
    /// Later, irreversible.
    Cleanup,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepare => "prepare",
            Self::Migrate => "migrate",
            Self::Verify => "verify",
            Self::Cleanup => "cleanup",
        })
    }
}

/// What becomes of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Cluster-scoped, on both sides: becomes the release's where it stands.
    Adopt,
    /// Namespaced, on both sides: the release makes its own, the old one stays until cleanup.
    Move,
    /// On both sides, but a field differs that the server does not let anyone change.
    Recreate,
    /// Only in the release.
    New,
    /// Only in the old install: removed by cleanup.
    Retire,
    /// Outlives the migration: CRDs, volumes, classes that claims still use.
    Keep,
    /// Not declared: never scaled, changed or deleted.
    Leave,
}

/// One object and its fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The object of the old install, or of the release when it is new.
    pub object: ObjRef,
    /// Its counterpart in the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<ObjRef>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Why: immutable fields that differ, or a reason's word id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// The live object that the plan speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Hash over the fields that matter, to notice changes between plan and execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// Where the old install is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceInfo {
    /// kubeconfig context.
    pub context: String,
    /// Namespace of the install.
    pub namespace: String,
    /// Kustomize folders or manifest files, as configured.
    pub kustomize: Vec<String>,
    /// Hash over the built manifests.
    pub build: String,
}

/// A file or folder that the release is made with, and what it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ValuesFile {
    /// Path as configured.
    pub path: String,
    /// `sha256:…`
    pub digest: String,
}

/// A value that rehelm adds to the user's values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// Dotted path in the chart's values.
    pub value: String,
    /// Where its content comes from.
    pub from: FillFrom,
}

/// Source of a [`Fill`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FillFrom {
    /// A key of a converted secret in the release's namespace; the content is read when it is needed.
    Secret {
        /// Secret name.
        secret: String,
        /// Key of its data.
        key: String,
    },
    /// A fact of today's volume, which is no secret.
    Volume {
        /// The claim whose volume was read.
        claim: String,
        /// What was read.
        text: String,
    },
}

/// What the release will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetInfo {
    /// Namespace of the release.
    pub namespace: String,
    /// Release name.
    pub release: String,
    /// Chart reference as configured.
    pub chart: String,
    /// Name in Chart.yaml.
    pub chart_name: String,
    /// Version of the chart.
    pub version: String,
    /// `sha256:…` of the chart.
    pub digest: String,
    /// Values files in order.
    pub values: Vec<ValuesFile>,
    /// Values that rehelm adds last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<Fill>,
    /// Extra Helm flags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub helm_flags: Vec<String>,
    /// The post-renderer among them and everything that lies beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_renderer: Option<ValuesFile>,
}

/// The cluster that the plan was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterInfo {
    /// uid of the namespace `kube-system`.
    pub uid: String,
    /// `gitVersion`.
    pub version: String,
}

/// A profile as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileInfo {
    /// Its name.
    pub name: String,
    /// `sha256:…` of its files.
    pub digest: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// From 1, in the order of execution.
    pub number: u32,
    /// Part of the migration.
    pub phase: Phase,
    /// What is done, with everything that it needs to know.
    pub spec: StepSpec,
}

/// Seconds, from … to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Range {
    /// At least.
    pub from: u32,
    /// At most.
    pub to: u32,
}

/// The whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// Product profile.
    pub profile: ProfileInfo,
    /// `in-cluster`.
    pub scenario: String,
    /// The cluster.
    pub cluster: ClusterInfo,
    /// The old install.
    pub source: SourceInfo,
    /// The release.
    pub target: TargetInfo,
    /// Every object and its fate, sorted.
    pub objects: Vec<Entry>,
    /// What the server calls the resources of kinds whose plural is not formed as the built-in ones form theirs, by kind and
    /// group: `Mouse.example.com` → `mice`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plurals: BTreeMap<String, String>,
    /// The steps in order.
    pub steps: Vec<Step>,
    /// What the checks said, errors that were waived included.
    pub findings: Vec<Finding>,
    /// Codes that a person waived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<String>,
    /// Preconditions that a person confirmed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<String>,
    /// Estimated outage.
    pub outage_seconds: Range,
}

/// Why a saved plan cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Not JSON, or not a plan.
    #[error("not a plan: {0}")]
    Unreadable(String),
    /// Written by a newer rehelm.
    #[error("the plan has format {0}, this rehelm reads up to {FORMAT}")]
    Newer(u32),
}

impl Plan {
    /// The saved form: JSON with a final line break. The same plan gives the same bytes.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a saved plan.
    ///
    /// # Errors
    /// When it is no plan, or a newer one.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(|e| PlanError::Unreadable(e.to_string()))?;
        if head.format > FORMAT {
            return Err(PlanError::Newer(head.format));
        }
        serde_json::from_str(text).map_err(|e| PlanError::Unreadable(e.to_string()))
    }

    /// `sha256:…` of the saved form.
    pub fn digest(&self) -> String {
        crate::digest::of_bytes(self.to_json().as_bytes())
    }

    /// The steps of one phase.
    pub fn phase(&self, phase: Phase) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |s| s.phase == phase)
    }

    /// How many objects have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.objects.iter().filter(|e| e.verdict == verdict).count()
    }

    /// The entry of a live object of the old install.
    pub fn entry(&self, object: &ObjRef) -> Option<&Entry> {
        let key = object.key();
        self.objects.iter().find(|e| e.object.key() == key)
    }
}

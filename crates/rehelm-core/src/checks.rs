//! What could go wrong, looked at before anything is changed (`rehelm check`).
//!
//! One file per topic. [`run`] is pure: the same observation gives the same findings in the same order. Every check
//! gives at least one finding, [`Severity::Ok`](crate::finding::Severity::Ok) when it passed, so that a report shows
//! what was looked at. The code of a finding is the check's id; `--accept ID` waives it.
//!
//! Error: the migration would fail or lose something. Warning: something that users rely on would change. Info: worth
//! knowing. Findings never hold a secret's content.

use crate::finding::Finding;
use crate::gather::Gathered;
use crate::plan::Entry;
use crate::ports::DatabaseFacts;
use crate::profile::Profile;

mod access;
mod around;
mod at;
mod capacity;
mod carried;
mod claims;
mod databases;
mod doors;
mod drift;
mod hygiene;
mod images;
mod leftovers;
mod losses;
mod ownership;
mod places;
mod references;
mod settings;
mod strangers;
mod versions;
mod volumes;

#[cfg(test)]
mod authorizer;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use access::{missing_findings, rights};
pub use around::{Around, look};
pub(crate) use at::{At, Report};

/// What the checks know beside the observation.
#[derive(Clone, Debug, Default)]
pub struct CheckInput {
    /// Operating system that rehelm runs on: `linux`, `macos`, `windows`.
    pub client_os: String,
    /// Version of kubectl; None when it was not found.
    pub kubectl_version: Option<String>,
    /// Documented preconditions that a person confirmed, by id.
    pub confirmed: Vec<String>,
    /// The database server; None when none is configured, Err when it does not answer, with the reason.
    pub databases: Option<Result<DatabaseLook, String>>,
    /// More of the cluster than a plan needs.
    pub around: Around,
}

/// What the database server said.
#[derive(Clone, Debug)]
pub struct DatabaseLook {
    /// Version and topology.
    pub facts: DatabaseFacts,
    /// Names of its databases.
    pub names: Vec<String>,
}

/// Every check with its topic. `right-missing` comes from [`rights`], all others from [`run`].
pub const CODES: &[(&str, &str)] = &[
    ("versions", "kubernetes-documented"),
    ("versions", "kubernetes-chart"),
    ("versions", "helm-version"),
    ("versions", "helm-render-without-lookup"),
    ("versions", "client-os"),
    ("versions", "kubectl-version"),
    ("versions", "chart-name"),
    ("versions", "chart-version"),
    ("versions", "image-version-differs"),
    ("versions", "api-not-served"),
    ("places", "not-confirmed"),
    ("places", "release-name"),
    ("places", "same-namespace"),
    ("places", "namespace-state"),
    ("places", "pod-security"),
    ("access", "right-missing"),
    ("drift", "declared-missing"),
    ("drift", "declared-differs"),
    ("drift", "replicas-drifted"),
    ("drift", "object-terminating"),
    ("drift", "object-owned"),
    ("drift", "object-finalizer"),
    ("ownership", "foreign-release"),
    ("ownership", "gitops-owner"),
    ("ownership", "autoscaler"),
    ("ownership", "scaled-object"),
    ("ownership", "immutable-conflict"),
    ("claims", "claim-unbound"),
    ("claims", "claim-fields"),
    ("claims", "claim-class"),
    ("claims", "claim-access-modes"),
    ("claims", "claim-volume-mode"),
    ("claims", "claim-size"),
    ("claims", "claim-missing-in-release"),
    ("volumes", "volume-claim-ref"),
    ("volumes", "volume-class-missing"),
    ("volumes", "volume-affinity"),
    ("volumes", "volume-twice"),
    ("volumes", "volume-delete-policy"),
    ("volumes", "volume-in-tree"),
    ("strangers", "claim-used-by-stranger"),
    ("strangers", "stranger-uses"),
    ("images", "image-registry-differs"),
    ("images", "pull-secret-missing"),
    ("images", "pull-secret-lost"),
    ("images", "image-floating"),
    ("secrets", "secret-missing-in-release"),
    ("secrets", "secret-key-missing"),
    ("secrets", "tls-secret"),
    ("secrets", "secret-overwritten"),
    ("secrets", "secret-invented"),
    ("secrets", "secret-newer"),
    ("secrets", "secret-type"),
    ("references", "config-missing-in-release"),
    ("references", "service-account-missing"),
    ("losses", "workload-lost"),
    ("losses", "replicas-differ"),
    ("losses", "resources-differ"),
    ("losses", "resources-null"),
    ("losses", "scheduling-differs"),
    ("losses", "env-lost"),
    ("losses", "env-differs"),
    ("losses", "mount-lost"),
    ("losses", "probe-lost"),
    ("settings", "config-lost"),
    ("settings", "config-differs"),
    ("settings", "host-lost"),
    ("settings", "ingress-annotation-lost"),
    ("settings", "service-port-lost"),
    ("settings", "service-type-differs"),
    ("capacity", "quota"),
    ("capacity", "quota-needs-resources"),
    ("capacity", "limit-range"),
    ("capacity", "nodes-ready"),
    ("capacity", "node-room"),
    ("ingress", "ingress-class-missing"),
    ("ingress", "ingress-class-default"),
    ("ingress", "ingress-class-shared"),
    ("ingress", "ingress-controller-other"),
    ("ingress", "singleton-twice"),
    ("databases", "database-embedded"),
    ("databases", "database-host"),
    ("databases", "database-access"),
    ("databases", "database-topology"),
    ("databases", "database-source"),
    ("databases", "database-left"),
    ("leftovers", "release-left"),
    ("leftovers", "object-left"),
    ("leftovers", "claim-left"),
    ("leftovers", "secret-left"),
    ("leftovers", "volume-left"),
    ("leftovers", "mark-left"),
    ("hygiene", "cluster-admin-default"),
    ("hygiene", "host-path"),
];

/// Runs all checks but [`rights`]; in the order of [`CODES`], topic by topic.
pub fn run(gathered: &Gathered, entries: &[Entry], profile: &Profile, input: &CheckInput) -> Vec<Finding> {
    let at = At::new(gathered, entries, profile, input);
    let mut report = Report::default();
    versions::check(&at, &mut report);
    places::check(&at, &mut report);
    drift::check(&at, &mut report);
    ownership::check(&at, &mut report);
    claims::check(&at, &mut report);
    volumes::check(&at, &mut report);
    strangers::check(&at, &mut report);
    images::check(&at, &mut report);
    references::check(&at, &mut report);
    carried::check(&at, &mut report);
    losses::check(&at, &mut report);
    settings::check(&at, &mut report);
    capacity::check(&at, &mut report);
    doors::check(&at, &mut report);
    databases::check(&at, &mut report);
    leftovers::check(&at, &mut report);
    hygiene::check(&at, &mut report);
    report.findings()
}

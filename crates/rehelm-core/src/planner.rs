//! From what is to what will happen. [`plan`] reads from top to bottom as the order of a migration.
//!
//! Pure and deterministic: the same observation gives the same plan, byte for byte.

mod data;
mod objects;
mod running;

use crate::finding::{Finding, Severity};
use crate::gather::{Gathered, Request};
use crate::object::Object;
use crate::plan::{ClusterInfo, Entry, FORMAT, Phase, Plan, ProfileInfo, SourceInfo, Step, TargetInfo};
use crate::profile::Profile;
use crate::steps::StepSpec;
use crate::steps::dry_run::DryRun;
use crate::steps::ready::Ready;

pub use data::moving_claims;
pub use running::release_workloads;

/// What the planner knows of the databases.
#[derive(Clone, Debug, Default)]
pub struct DatabaseView {
    /// Name → size in bytes, of those that exist.
    pub sizes: std::collections::BTreeMap<String, u64>,
    /// True when a server is configured and answered.
    pub reachable: bool,
}

/// Makes the plan. `findings` are what the checks said; they become part of it.
pub fn plan(
    request: &Request,
    gathered: &Gathered,
    profile: &Profile,
    databases: &DatabaseView,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
) -> Plan {
    let observed = &gathered.observed;
    let mut steps = Vec::new();
    let mut add = |phase: Phase, spec: Option<StepSpec>| {
        if let Some(spec) = spec {
            let number = u32::try_from(steps.len()).unwrap_or(u32::MAX) + 1;
            steps.push(Step { number, phase, spec });
        }
    };
    let moving = moving_claims(observed, profile);

    use Phase::{Cleanup, Migrate, Prepare};
    add(Prepare, Some(objects::backup(observed, &entries, &moving, request)));
    add(Prepare, Some(objects::namespace(observed)));
    add(Prepare, objects::secrets(observed, request));
    add(Prepare, data::retain(&moving));
    add(Prepare, data::waiting_claims(observed, &moving));
    add(Prepare, objects::adopt(&entries));
    add(Prepare, objects::recreate(observed, &entries, true));
    add(Prepare, running::images(observed));
    add(
        Prepare,
        Some(StepSpec::DryRun(DryRun {
            objects: observed.rendered.len(),
        })),
    );

    add(Migrate, Some(running::scale(observed, profile, &moving)));
    add(Migrate, objects::displace(observed, profile));
    add(Migrate, data::copy(profile, databases));
    add(Migrate, data::rebind(observed, &moving));
    add(Migrate, objects::recreate(observed, &entries, false));
    add(Migrate, Some(objects::release(observed, &entries)));
    add(
        Migrate,
        Some(StepSpec::Ready(Ready {
            workloads: release_workloads(observed),
            checks: running::checks(profile, crate::exec_checks::When::AfterStart),
        })),
    );
    add(Migrate, running::switch_step(observed, profile));

    add(Cleanup, Some(objects::retire(observed, profile, &entries, databases)));

    Plan {
        format: FORMAT,
        profile: ProfileInfo {
            name: profile.about.name.clone(),
            digest: profile.digest.clone(),
        },
        scenario: "in-cluster".into(),
        cluster: ClusterInfo {
            uid: observed.facts.cluster_uid.clone(),
            version: observed.facts.version.clone(),
        },
        source: SourceInfo {
            context: request.context.clone(),
            namespace: observed.places.source.clone(),
            kustomize: request.kustomize.clone(),
            build: build_digest(&request.declared),
        },
        target: TargetInfo {
            namespace: observed.places.target.clone(),
            release: observed.places.release.clone(),
            chart: request.release.chart.clone(),
            chart_name: observed.chart.name.clone(),
            version: observed.chart.version.clone(),
            digest: observed.chart.digest.clone(),
            values: request.values.clone(),
            fills: gathered.fills.clone(),
            helm_flags: request.release.flags.clone(),
            // Whoever can read files names it.
            post_renderer: None,
        },
        outage_seconds: running::outage(observed, profile, databases),
        objects: entries,
        plurals: gathered.plurals.clone(),
        steps,
        findings: findings.into_iter().filter(|f| f.severity != Severity::Ok).collect(),
        accepted: request.accepted.clone(),
        confirmed: request.confirmed.clone(),
    }
}

/// Hash over the built manifests.
pub fn build_digest(declared: &[Object]) -> String {
    let all: Vec<serde_json::Value> = declared.iter().map(|o| o.0.clone()).collect();
    crate::digest::of_value(&serde_json::Value::Array(all))
}

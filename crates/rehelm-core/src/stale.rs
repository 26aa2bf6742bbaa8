//! Is the plan still about this cluster, these objects, this chart, these values?
//!
//! Objects that a step of this run has touched already are left out: the steps themselves know what they did.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::gather;
use crate::journal::StepState;
use crate::object::{ObjKey, ObjRef};
use crate::plan::{Phase, Plan, ValuesFile, Verdict};
use crate::server;
use crate::steps::Names;
use crate::world::{StepResult, World};

/// What the plan's inputs are now.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Hash over the built manifests.
    pub build: String,
    /// Values files with their hashes.
    pub values: Vec<ValuesFile>,
    /// The post-renderer with the hash of its folder.
    pub post_renderer: Option<ValuesFile>,
}

/// Names that the plan's commands and rights speak of.
pub fn names(plan: &Plan) -> Names {
    Names {
        source: plan.source.namespace.clone(),
        target: plan.target.namespace.clone(),
        release: plan.target.release.clone(),
        chart: plan.target.chart.clone(),
        version: plan.target.version.clone(),
        values: plan.target.values.iter().map(|v| v.path.clone()).collect(),
        kustomize: plan.source.kustomize.clone(),
    }
}

/// Everything in which the world differs from what the plan was made from.
///
/// # Errors
/// When the cluster or Helm does not answer.
pub async fn differences(world: &World<'_>, inputs: &Inputs) -> StepResult<Vec<Finding>> {
    let plan = world.plan;
    let mut findings = Vec::new();
    let facts = world.source.facts().await?;
    if facts.cluster_uid != plan.cluster.uid {
        // Nothing else can be compared with another cluster.
        let finding = Finding::error("stale-cluster", plan.source.context.clone());
        return Ok(vec![
            finding.arg("plan", &plan.cluster.uid).arg("now", facts.cluster_uid),
        ]);
    }
    if inputs.build != plan.source.build {
        findings.push(Finding::error("stale-kustomize", plan.source.kustomize.join(", ")));
    }
    for file in &plan.target.values {
        match inputs.values.iter().find(|v| v.path == file.path) {
            Some(now) if now.digest == file.digest => {}
            _ => findings.push(Finding::error("stale-values", file.path.clone())),
        }
    }
    if inputs.values.len() != plan.target.values.len() {
        findings.push(Finding::error("stale-values", "values files".to_owned()));
    }
    if inputs.post_renderer != plan.target.post_renderer {
        let either = plan.target.post_renderer.as_ref().or(inputs.post_renderer.as_ref());
        let path = either.map(|file| file.path.clone()).unwrap_or_default();
        findings.push(Finding::error("stale-post-renderer", path));
    }
    if world.profile.digest != plan.profile.digest {
        findings.push(Finding::error("stale-profile", plan.profile.name.clone()));
    }
    findings.extend(chart(world).await?);
    findings.extend(objects(world).await?);
    Ok(findings)
}

async fn chart(world: &World<'_>) -> StepResult<Option<Finding>> {
    let plan = world.plan;
    // The switch over, the chart does not matter any more.
    if world.state().phases.contains_key(&Phase::Migrate) {
        return Ok(None);
    }
    let spec = crate::ports::ReleaseSpec {
        release: plan.target.release.clone(),
        namespace: plan.target.namespace.clone(),
        chart: plan.target.chart.clone(),
        version: Some(plan.target.version.clone()).filter(|v| !v.is_empty()),
        values: Vec::new(),
        private_values: None,
        flags: plan.target.helm_flags.clone(),
    };
    let now = world.helm.chart(&spec).await?;
    Ok((now.digest != plan.target.digest).then(|| {
        Finding::error("stale-chart", plan.target.chart.clone())
            .arg("plan", &plan.target.digest)
            .arg("now", now.digest)
    }))
}

async fn objects(world: &World<'_>) -> StepResult<Vec<Finding>> {
    let plan = world.plan;
    let touched = touched(world);
    let bound: Vec<_> = plan
        .objects
        .iter()
        .filter(|e| e.uid.is_some() && !matches!(e.verdict, Verdict::Leave))
        .filter(|e| !touched.contains(&e.object.key()))
        .collect();
    let references: Vec<ObjRef> = bound.iter().map(|e| e.object.clone()).collect();
    let live = gather::live_by_reference(world.source, &references).await?;
    let mut findings = Vec::new();
    for entry in bound {
        let subject = entry.object.to_string();
        match live.get(&entry.object.key()) {
            None => findings.push(Finding::error("stale-gone", subject)),
            Some(now) if Some(now.uid()) != entry.uid.as_deref() => {
                findings.push(Finding::error("stale-replaced", subject));
            }
            Some(now) if Some(server::fingerprint(now)) != entry.fingerprint => {
                findings.push(Finding::error("stale-changed", subject));
            }
            Some(_) => {}
        }
    }
    Ok(findings)
}

/// Identities of everything that a step of this run has begun to change.
fn touched(world: &World<'_>) -> BTreeSet<ObjKey> {
    let state = world.state();
    let names = names(world.plan);
    world
        .plan
        .steps
        .iter()
        .filter(|s| state.step(s.number) != StepState::Pending)
        .flat_map(|s| s.spec.action().touches(&names))
        .map(|r| r.key())
        .collect()
}

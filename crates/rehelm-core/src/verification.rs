//! Does the release hold everything that the old install held? Reads only; each statement is a finding, passed or not.

use std::collections::BTreeSet;

use crate::databases;
use crate::finding::{Finding, Severity};
use crate::journal::StepState;
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::ports::{Databases, Select};
use crate::steps::secrets::CarriedSecret;
use crate::steps::{StepSpec, copy, rebind, secrets};
use crate::world::{StepResult, World};

/// Looks at everything that the migration promised.
///
/// # Errors
/// When the cluster does not answer; what is wrong comes as findings.
pub async fn verify(world: &World<'_>) -> StepResult<Vec<Finding>> {
    let mut findings = vec![release(world).await?];
    for step in &world.plan.steps {
        match &step.spec {
            StepSpec::Ready(ready) => findings.extend(workloads(world, &ready.workloads).await?),
            StepSpec::Rebind(step) => findings.extend(volumes(world, step).await?),
            StepSpec::Secrets(step) => findings.extend(carried(world, step).await?),
            StepSpec::Copy(step_spec) => findings.extend(copies(world, step.number, step_spec).await?),
            StepSpec::Switch(step) => findings.extend(ingresses(world, &step.hosts).await?),
            _ => {}
        }
    }
    Ok(findings)
}

/// True when nothing failed.
pub fn passed(findings: &[Finding]) -> bool {
    findings.iter().all(|f| f.severity != Severity::Error)
}

async fn release(world: &World<'_>) -> StepResult<Finding> {
    let target = &world.plan.target;
    let state = world.helm.release(&target.namespace, &target.release).await?;
    let status = state.as_ref().map_or("absent", |s| s.status.as_str());
    let code = "verify-release";
    let finding = if status == "deployed" {
        Finding::ok(code, &target.release)
    } else {
        Finding::error(code, &target.release)
    };
    Ok(finding.arg("status", status))
}

async fn workloads(world: &World<'_>, wanted: &[ObjRef]) -> StepResult<Vec<Finding>> {
    let select = Select {
        namespace: Some(world.target_namespace().to_owned()),
        ..Select::default()
    };
    let kinds: BTreeSet<(&str, &str)> = wanted
        .iter()
        .map(|w| (w.api_version.as_str(), w.kind.as_str()))
        .collect();
    let mut live = Vec::new();
    for (api, kind) in kinds {
        live.extend(world.target.list(api, kind, &select).await?);
    }
    let is_ready = |w: &&ObjRef| live.iter().any(|l| l.is(w) && pods::ready(l));
    let (up, down): (Vec<&ObjRef>, Vec<&ObjRef>) = wanted.iter().partition(is_ready);
    if down.is_empty() {
        return Ok(vec![
            Finding::ok("verify-workloads", world.target_namespace()).arg("count", up.len()),
        ]);
    }
    let pods = world.target.list("v1", "Pod", &select).await?;
    let mut findings: Vec<Finding> = down
        .iter()
        .map(|w| Finding::error("verify-workload", w.to_string()))
        .collect();
    findings.extend(pods.iter().filter_map(pods::explain));
    Ok(findings)
}

/// Whether each volume is where it was handed to, held by that very claim.
pub(crate) async fn volumes(world: &World<'_>, step: &rebind::Rebind) -> StepResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for v in &step.volumes {
        let claim = world.target.get(&v.to).await?;
        let volume = world
            .target
            .get(&ObjRef::new("v1", "PersistentVolume", None, &v.volume))
            .await?;
        let good = match (&claim, &volume) {
            (Some(c), Some(p)) => {
                c.str("/status/phase") == Some("Bound")
                    && c.str("/spec/volumeName") == Some(p.name())
                    && p.str("/spec/claimRef/uid") == Some(c.uid())
                    && p.uid() == v.volume_uid
            }
            _ => false,
        };
        let phase = claim
            .as_ref()
            .and_then(|c| c.str("/status/phase"))
            .unwrap_or("absent")
            .to_owned();
        let finding = if good {
            Finding::ok("verify-volume", v.to.to_string())
        } else {
            Finding::error("verify-volume", v.to.to_string())
        };
        findings.push(finding.arg("volume", &v.volume).arg("phase", phase));
    }
    Ok(findings)
}

async fn carried(world: &World<'_>, step: &secrets::Secrets) -> StepResult<Vec<Finding>> {
    let wanted = step.converted(world).await?;
    let select = Select {
        namespace: Some(world.target_namespace().to_owned()),
        ..Select::default()
    };
    let live = world.target.list("v1", "Secret", &select).await?;
    let mut findings: Vec<Finding> = wanted
        .iter()
        .filter(|w| !live.iter().any(|l| l.name() == w.name() && secrets::same_content(l, w)))
        .map(|w| Finding::error("verify-secret", w.reference().to_string()))
        .collect();
    if findings.is_empty() {
        let carried: &[CarriedSecret] = &step.secrets;
        findings.push(Finding::ok("verify-secrets", world.target_namespace()).arg("count", carried.len()));
    }
    Ok(findings)
}

async fn copies(world: &World<'_>, number: u32, step: &copy::Copy) -> StepResult<Vec<Finding>> {
    let mut findings = Vec::new();
    let Some(server) = world.databases else {
        return Ok(vec![Finding::error(
            "database-not-configured",
            world.profile.about.name.clone(),
        )]);
    };
    for d in &step.databases {
        findings.push(database(world, server, number, d).await?);
    }
    Ok(findings)
}

/// The old database must still be what was copied. The new one was proven equal before the release wrote to it; from
/// then on it may hold more.
async fn database(
    world: &World<'_>,
    server: &dyn Databases,
    number: u32,
    d: &copy::CopiedDatabase,
) -> StepResult<Finding> {
    let recorded = world.recall(number, &format!("proof {}", d.to));
    let done = world.state().step(number) == StepState::Done;
    let names = server.list().await?;
    if !done || recorded.is_none() || !names.contains(&d.to) {
        return Ok(Finding::error("verify-database", d.to.clone()).arg("from", &d.from));
    }
    let copied = recorded
        .and_then(|p| serde_json::from_value(p).ok())
        .unwrap_or_default();
    let old = server.prove(&d.from, None).await?;
    let differ = databases::differences(&copied, &old);
    if !differ.is_empty() {
        let finding = Finding::error("verify-database-source-changed", d.from.clone());
        return Ok(finding.arg("collections", differ.join(", ")));
    }
    Ok(Finding::ok("verify-database", d.to.clone())
        .arg("from", &d.from)
        .arg("collections", copied.len()))
}

/// Every host has an ingress of the release whose service has pods that serve.
async fn ingresses(world: &World<'_>, hosts: &[String]) -> StepResult<Vec<Finding>> {
    let select = Select {
        namespace: Some(world.target_namespace().to_owned()),
        ..Select::default()
    };
    let ingresses = world.target.list("networking.k8s.io/v1", "Ingress", &select).await?;
    let services = world.target.list("v1", "Service", &select).await?;
    let pods = world.target.list("v1", "Pod", &select).await?;
    let serving = |name: &str| {
        services.iter().find(|s| s.name() == name).is_some_and(|service| {
            let selector = serde_json::json!({"matchLabels": service.get("/spec/selector")});
            pods.iter()
                .any(|p| pods::pod_ready(p) && pods::selects(&selector, &pods::labels(p)))
        })
    };
    let mut findings = Vec::new();
    for host in hosts {
        let backends: BTreeSet<String> = ingresses.iter().flat_map(|i| backends(i, host)).collect();
        let good = !backends.is_empty() && backends.iter().all(|b| serving(b));
        let finding = if good {
            Finding::ok("verify-host", host)
        } else {
            Finding::error("verify-host", host)
        };
        findings.push(finding.arg("services", backends.into_iter().collect::<Vec<_>>().join(", ")));
    }
    Ok(findings)
}

fn backends(ingress: &Object, host: &str) -> Vec<String> {
    let rules = ingress
        .get("/spec/rules")
        .and_then(|r| r.as_array())
        .into_iter()
        .flatten();
    rules
        .filter(|r| r.get("host").and_then(|h| h.as_str()) == Some(host))
        .filter_map(|r| r.pointer("/http/paths")?.as_array())
        .flatten()
        .filter_map(|p| p.pointer("/backend/service/name")?.as_str().map(str::to_owned))
        .collect()
}

//! Steps about what runs: images, stopping, coming up, the address, and how long that may take.

use super::DatabaseView;
use crate::exec_checks::{ExecCheck, When};
use crate::inventory::{Claim, Observed};
use crate::object::{ObjRef, Object};
use crate::plan::Range;
use crate::pods;
use crate::profile::Profile;
use crate::server;
use crate::steps::StepSpec;
use crate::steps::images::{Images, Unproven};
use crate::steps::scale::{Scale, Stopped};
use crate::steps::switch::{self, Door, Switch};

pub(super) fn images(observed: &Observed) -> Option<StepSpec> {
    let running = observed
        .pods
        .iter()
        .filter(|p| pods::pod_ready(p))
        .filter_map(pods::pod_spec)
        .flat_map(pods::images);
    let on_nodes = observed
        .nodes
        .iter()
        .filter_map(|n| n.get("/status/images")?.as_array())
        .flatten()
        .filter_map(|i| i.get("names")?.as_array())
        .flatten()
        .filter_map(|n| n.as_str().map(str::to_owned));
    let known: std::collections::BTreeSet<String> = running.chain(on_nodes).collect();
    let mut proven = std::collections::BTreeSet::new();
    let mut unproven: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for spec in observed.rendered.iter().filter_map(pods::pod_spec) {
        for image in pods::images(spec) {
            if known.contains(&image) {
                proven.insert(image);
                continue;
            }
            let pulls = unproven.entry(image).or_default();
            let there = |s: &String| observed.secrets.iter().any(|o| o.name() == s);
            pulls.extend(pods::pull_secrets(spec).into_iter().filter(there));
            pulls.sort();
            pulls.dedup();
        }
    }
    let unproven = unproven
        .into_iter()
        .map(|(image, pull_secrets)| Unproven { image, pull_secrets })
        .collect();
    Some(StepSpec::Images(Images {
        proven: proven.len(),
        unproven,
    }))
}

pub(super) fn scale(observed: &Observed, profile: &Profile, moving: &[&Claim]) -> StepSpec {
    let mut workloads: Vec<Stopped> = observed
        .workloads(profile)
        .map(|w| Stopped {
            object: w.reference(),
            uid: w.uid().to_owned(),
            replicas: w.get("/spec/replicas").and_then(serde_json::Value::as_i64),
        })
        .collect();
    workloads.sort_by(|a, b| a.object.cmp(&b.object));
    let autoscalers = observed
        .autoscalers
        .iter()
        .filter(|h| {
            let (kind, name) = (h.str("/spec/scaleTargetRef/kind"), h.str("/spec/scaleTargetRef/name"));
            workloads
                .iter()
                .any(|w| Some(w.object.kind.as_str()) == kind && Some(w.object.name.as_str()) == name)
        })
        .map(|h| h.reference().to_string())
        .collect();
    let volumes = moving
        .iter()
        .filter_map(|c| c.volume.as_ref())
        .map(|v| v.name().to_owned())
        .collect();
    let mut declared: Vec<ObjRef> = observed
        .declared
        .iter()
        .map(Object::reference)
        .filter(|r| !workloads.iter().any(|w| w.object.key() == r.key()) && r.kind != "PersistentVolumeClaim")
        .filter(|r| observed.live(r).is_some())
        .collect();
    declared.sort();
    declared.dedup();
    StepSpec::Scale(Scale {
        workloads,
        autoscalers,
        volumes,
        declared,
        checks: checks(profile, When::BeforeStop),
    })
}

/// What is asked of containers then.
pub fn checks(profile: &Profile, when: When) -> Vec<ExecCheck> {
    let all = profile.workloads.exec_checks.iter();
    all.filter(|check| check.at(when)).cloned().collect()
}

/// Workloads of the release that have to come up; hooks are Helm's own business.
pub fn release_workloads(observed: &Observed) -> Vec<ObjRef> {
    let mut workloads: Vec<ObjRef> = observed
        .rendered
        .iter()
        .filter(|o| server::stop(o).is_some() && o.annotation("helm.sh/hook").is_none())
        .map(Object::reference)
        .collect();
    workloads.sort();
    workloads.dedup();
    workloads
}

pub(super) fn switch_step(observed: &Observed, profile: &Profile) -> Option<StepSpec> {
    let services: Vec<Door> = profile
        .ingress
        .services
        .iter()
        .filter_map(|name| {
            let from = ObjRef::new("v1", "Service", Some(&observed.places.source), name);
            let to = from.in_namespace(&observed.places.target);
            let rendered = observed.rendered.iter().any(|r| r.reference().key() == to.key());
            let live = observed.live(&from)?;
            rendered.then(|| Door {
                from: from.clone(),
                to,
                addresses: switch::addresses(live),
            })
        })
        .collect();
    let mut hosts: Vec<String> = observed
        .rendered
        .iter()
        .filter(|o| o.kind() == "Ingress")
        .filter_map(|o| o.get("/spec/rules")?.as_array())
        .flatten()
        .filter_map(|rule| rule.get("host")?.as_str().map(str::to_owned))
        .collect();
    hosts.sort();
    hosts.dedup();
    (!services.is_empty()).then_some(StepSpec::Switch(Switch { services, hosts }))
}

/// Seconds that the old install will not serve: pods ending, data copied, Helm, pods starting. The parts were
/// measured on the testbed; the upper end allows full grace periods and images that have to be pulled.
pub(super) fn outage(observed: &Observed, profile: &Profile, databases: &DatabaseView) -> Range {
    let workloads = observed.workloads(profile).count() as u64;
    let grace = observed
        .workloads(profile)
        .filter_map(|w| w.get("/spec/template/spec/terminationGracePeriodSeconds")?.as_u64())
        .max()
        .unwrap_or(30);
    let bytes: u64 = profile
        .databases
        .renames
        .iter()
        .filter_map(|r| databases.sizes.get(&r.from))
        .sum();
    let megabytes = bytes / 1_000_000;
    let from = 3 + megabytes / 50 + 1 + 6 + 5 + workloads / 10;
    let to = grace + 10 + megabytes / 5 + 5 + 30 + 60 + workloads * 5;
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Range {
        from: narrow(from),
        to: narrow(to),
    }
}

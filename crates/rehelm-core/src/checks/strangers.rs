//! What is not the product's and yet uses what will move or go.

use std::collections::BTreeSet;

use serde_json::Value;

use super::at::{At, Report, list, some};
use crate::finding::Finding;
use crate::object::Object;
use crate::plan::Verdict;
use crate::pods;
use crate::server;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    holders(at, report);
    users(at, report);
}

/// Pods that mount a claim that moves and that nobody will stop.
fn holders(at: &At<'_>, report: &mut Report) {
    let stopped: Vec<&Object> = at.observed.workloads(at.profile).collect();
    let mut count = 0;
    let mut found = Vec::new();
    for claim in at.moving() {
        count += 1;
        let holds = |pod: &&Object| {
            !pods::finished(pod)
                && pods::pod_spec(pod).is_some_and(|s| pods::claims(s).contains(claim.name()))
                && !stopped.iter().any(|w| runs(w, pod))
        };
        let strangers: Vec<&str> = at.observed.pods.iter().filter(holds).map(Object::name).collect();
        if !strangers.is_empty() {
            found.push(
                Finding::error("claim-used-by-stranger", claim.claim.reference().to_string())
                    .arg("count", strangers.len())
                    .arg("pods", some(strangers)),
            );
        }
    }
    report.check("claim-used-by-stranger", "claims", count, found);
}

/// Pods of a CronJob carry no label of it: the name of their Job, which is made of the CronJob's, has to do.
fn runs(workload: &Object, pod: &Object) -> bool {
    if server::stop(workload) == Some(server::Stop::Suspend) {
        let job = pod.str("/metadata/ownerReferences/0/name").unwrap_or_default();
        return job
            .strip_prefix(workload.name())
            .is_some_and(|rest| rest.starts_with('-'));
    }
    pods::belongs(pod, workload)
}

/// Objects outside the product that name a declared object which cleanup will remove.
fn users(at: &At<'_>, report: &mut Report) {
    let going: BTreeSet<(String, String)> = at
        .entries
        .iter()
        .filter(|e| matches!(e.verdict, Verdict::Move | Verdict::Retire))
        .map(|e| (e.object.kind.clone(), e.object.name.clone()))
        .collect();
    let all = &at.observed.undeclared;
    let found = all.iter().filter_map(|stranger| {
        let used: Vec<String> = names(stranger)
            .into_iter()
            .filter(|name| going.contains(name))
            .map(|(kind, name)| format!("{kind}/{name}"))
            .collect();
        (!used.is_empty())
            .then(|| Finding::warning("stranger-uses", stranger.reference().to_string()).arg("objects", some(used)))
    });
    report.check("stranger-uses", "other objects", all.len(), found);
}

/// Services, config maps and claims that an object names. Secrets are looked at by the planner itself.
fn names(object: &Object) -> BTreeSet<(String, String)> {
    let mut out = BTreeSet::new();
    let mut add = |kind: &str, name: Option<&Value>| {
        if let Some(name) = name.and_then(Value::as_str).filter(|n| !n.is_empty()) {
            out.insert((kind.to_owned(), name.to_owned()));
        }
    };
    if object.kind() == "Ingress" {
        let spec = &object.0["spec"];
        add("Service", spec.pointer("/defaultBackend/service/name"));
        for path in list(spec, "rules").flat_map(|r| r.get("http").into_iter().flat_map(|h| list(h, "paths"))) {
            add("Service", path.pointer("/backend/service/name"));
        }
    }
    if object.kind() == "HorizontalPodAutoscaler" {
        let kind = object.str("/spec/scaleTargetRef/kind").unwrap_or_default().to_owned();
        add(&kind, object.get("/spec/scaleTargetRef/name"));
    }
    if let Some(spec) = pods::pod_spec(object) {
        for name in pods::claims(spec) {
            add("PersistentVolumeClaim", Some(&Value::String(name)));
        }
        for name in super::references::config_uses(spec).into_iter().map(|u| u.0) {
            add("ConfigMap", Some(&Value::String(name)));
        }
        add("ServiceAccount", spec.get("serviceAccountName"));
    }
    out
}

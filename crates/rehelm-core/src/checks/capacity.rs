//! Is there room for the release: quotas and limits of its namespace, nodes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::at::{At, Report, containers, list, some, text};
use crate::finding::Finding;
use crate::inventory;
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::quantity;

/// Thousandths by resource: `requests.cpu`, `limits.memory`, `pods`.
type Amounts = BTreeMap<String, i128>;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let kind = |kind: &'static str| at.observed.quotas.iter().filter(move |q| q.kind() == kind);
    let (quotas, limits): (Vec<&Object>, Vec<&Object>) =
        (kind("ResourceQuota").collect(), kind("LimitRange").collect());
    let needed = needed(at);
    let found = quotas.iter().flat_map(|quota| over(quota, &needed));
    report.check("quota", at.target(), quotas.len(), found);
    unspecified(at, report, &quotas, &limits);
    outside(at, report, &limits);
    nodes(at, report, &needed);
}

/// What the release will use that is not there yet.
fn needed(at: &At<'_>) -> Amounts {
    let mut sum = Amounts::new();
    let mut add = |name: String, amount: i128| *sum.entry(name).or_default() += amount;
    for object in &at.observed.rendered {
        let elsewhere = object.namespace().is_some_and(|ns| ns != at.target());
        if elsewhere || object.namespace().is_none() || at.observed.live(&object.reference()).is_some() {
            continue;
        }
        let reference = object.reference();
        let plural = crate::steps::plural(object.kind());
        let name = match reference.group() {
            "" => plural.clone(),
            group => format!("{plural}.{group}"),
        };
        add(format!("count/{name}"), 1_000);
        if reference.group().is_empty() {
            add(plural, 1_000);
        }
        if object.str("/spec/type") == Some("LoadBalancer") {
            add("services.loadbalancers".into(), 1_000);
        }
        if let Some(storage) = object.get("/spec/resources/requests/storage").and_then(quantity::of) {
            add("requests.storage".into(), storage);
        }
        let Some(spec) = pods::pod_spec(object) else { continue };
        let pods = pod_count(at, object);
        add("pods".into(), pods * 1_000);
        for (name, amount) in of_pod(spec) {
            add(name, amount * pods);
        }
    }
    for claim in waiting(at) {
        add("count/persistentvolumeclaims".into(), 1_000);
        add("persistentvolumeclaims".into(), 1_000);
        if let Some(storage) = claim.get("/spec/resources/requests/storage").and_then(quantity::of) {
            add("requests.storage".into(), storage);
        }
    }
    // Quotas know requests by their bare names, too.
    for resource in ["cpu", "memory"] {
        let asked = sum.get(&format!("requests.{resource}")).copied();
        sum.extend(asked.map(|a| (resource.to_owned(), a)));
    }
    sum
}

/// Claims that move although the chart does not render them: the plan makes them, and quotas count them.
fn waiting<'a>(at: &At<'a>) -> impl Iterator<Item = &'a Object> {
    let (observed, target) = (at.observed, at.target());
    let moving = inventory::moving_claims(observed, at.profile);
    let rendered = |name: &str| {
        let mut claims = observed.rendered.iter().filter(|o| o.kind() == "PersistentVolumeClaim");
        claims.any(|claim| claim.name() == name)
    };
    let there = |name: &str| {
        let place = ObjRef::new("v1", "PersistentVolumeClaim", Some(target), name);
        observed.live(&place).is_some()
    };
    observed
        .claims
        .iter()
        .filter(move |claim| moving.contains(claim.name()) && !rendered(claim.name()) && !there(claim.name()))
        .map(|claim| &claim.claim)
}

fn pod_count(at: &At<'_>, workload: &Object) -> i128 {
    match workload.kind() {
        "DaemonSet" => at.observed.nodes.len() as i128,
        "CronJob" => 0,
        "Job" => i128::from(workload.get("/spec/parallelism").and_then(Value::as_i64).unwrap_or(1)),
        _ => i128::from(workload.get("/spec/replicas").and_then(Value::as_i64).unwrap_or(1)),
    }
}

/// A pod's own use: its containers together, or its largest init container where that is more.
fn of_pod(spec: &Value) -> Amounts {
    let mut sum = Amounts::new();
    for container in list(spec, "containers") {
        for (name, amount) in of_container(container) {
            *sum.entry(name).or_default() += amount;
        }
    }
    for container in list(spec, "initContainers") {
        for (name, amount) in of_container(container) {
            let have = sum.entry(name).or_default();
            *have = (*have).max(amount);
        }
    }
    sum
}

fn of_container(container: &Value) -> Amounts {
    let mut out = Amounts::new();
    for part in ["limits", "requests"] {
        let map = container
            .pointer(&format!("/resources/{part}"))
            .and_then(Value::as_object);
        for (name, value) in map.into_iter().flatten() {
            if let Some(amount) = quantity::of(value) {
                out.insert(format!("{part}.{name}"), amount);
                if part == "limits" {
                    out.entry(format!("requests.{name}")).or_insert(amount);
                }
            }
        }
    }
    // A request of its own wins over the one that a limit implies.
    out
}

fn over(quota: &Object, needed: &Amounts) -> Vec<Finding> {
    let hard = quota.get("/spec/hard").and_then(Value::as_object);
    let scoped = quota.get("/spec/scopes").is_some() || quota.get("/spec/scopeSelector").is_some();
    let mut found = Vec::new();
    for (name, limit) in hard.into_iter().flatten() {
        let used = quota.0["status"]["used"].get(name).and_then(quantity::of).unwrap_or(0);
        let (Some(limit), Some(more)) = (quantity::of(limit), needed.get(name)) else {
            continue;
        };
        if used + more > limit {
            let new = if scoped { Finding::warning } else { Finding::error };
            found.push(
                new("quota".to_owned(), quota.reference().to_string())
                    .arg("resource", name)
                    .arg("hard", quantity::show(limit))
                    .arg("used", quantity::show(used))
                    .arg("needed", quantity::show(*more)),
            );
        }
    }
    found
}

/// Where a quota limits a resource, a pod that does not say how much it takes is refused.
fn unspecified(at: &At<'_>, report: &mut Report, quotas: &[&Object], limits: &[&Object]) {
    let limited: BTreeSet<String> = quotas
        .iter()
        .filter(|q| q.get("/spec/scopes").is_none() && q.get("/spec/scopeSelector").is_none())
        .filter_map(|q| q.get("/spec/hard")?.as_object())
        .flat_map(|hard| hard.keys())
        .map(|name| match name.as_str() {
            "cpu" | "memory" => format!("requests.{name}"),
            _ => name.clone(),
        })
        .filter(|name| ["requests.cpu", "requests.memory", "limits.cpu", "limits.memory"].contains(&name.as_str()))
        .collect();
    let defaulted = |name: &str| {
        let (part, resource) = name.split_once('.').unwrap_or_default();
        let field = if part == "limits" { "default" } else { "defaultRequest" };
        ranges(limits, "Container")
            .any(|range| range[field].get(resource).is_some() || range["default"].get(resource).is_some())
    };
    let mut found = Vec::new();
    for (workload, spec) in at.rendered_pods() {
        let lacks =
            |name: &&String| !defaulted(name) && containers(spec).any(|c| !of_container(c).contains_key(name.as_str()));
        let lacking: Vec<&String> = limited.iter().filter(lacks).collect();
        if !lacking.is_empty() {
            let finding = Finding::error("quota-needs-resources", workload.reference().to_string());
            found.push(finding.arg("resources", some(lacking)));
        }
    }
    report.check("quota-needs-resources", at.target(), quotas.len(), found);
}

fn ranges<'a>(limits: &'a [&'a Object], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    limits
        .iter()
        .flat_map(|l| list(&l.0["spec"], "limits"))
        .filter(move |r| text(r, "type") == kind)
}

/// Containers above or below what the namespace allows.
fn outside(at: &At<'_>, report: &mut Report, limits: &[&Object]) {
    let mut found = Vec::new();
    for (workload, spec) in at.rendered_pods() {
        let mut fields = BTreeSet::new();
        for range in ranges(limits, "Container") {
            for container in containers(spec) {
                let amounts = of_container(container);
                let bound = |part: &str| range[part].as_object().cloned().unwrap_or_default();
                for (name, max) in bound("max") {
                    let have = amounts.get(&format!("limits.{name}"));
                    if have.zip(quantity::of(&max)).is_some_and(|(h, m)| *h > m) {
                        fields.insert(format!("limits.{name}"));
                    }
                }
                for (name, min) in bound("min") {
                    let have = amounts.get(&format!("requests.{name}"));
                    if have.zip(quantity::of(&min)).is_some_and(|(h, m)| *h < m) {
                        fields.insert(format!("requests.{name}"));
                    }
                }
            }
        }
        if !fields.is_empty() {
            let finding = Finding::error("limit-range", workload.reference().to_string());
            found.push(finding.arg("fields", some(fields)));
        }
    }
    report.check("limit-range", at.target(), limits.len(), found);
}

fn nodes(at: &At<'_>, report: &mut Report, needed: &Amounts) {
    let all = &at.observed.nodes;
    let conditions = |n: &Object| {
        n.get("/status/conditions")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let ready = |n: &&Object| {
        conditions(n)
            .iter()
            .any(|c| text(c, "type") == "Ready" && text(c, "status") == "True")
    };
    let able: Vec<&Object> = all.iter().filter(ready).collect();
    let idle: Vec<&str> = all.iter().filter(|n| !ready(n)).map(Object::name).collect();
    let finding = (able.is_empty() || !idle.is_empty()).then(|| {
        let new = if able.is_empty() {
            Finding::error
        } else {
            Finding::warning
        };
        new("nodes-ready", "nodes")
            .arg("nodes", some(&idle))
            .arg("ready", able.len())
    });
    report.check("nodes-ready", "nodes", all.len(), finding);

    let room = |resource: &str| -> i128 {
        let amount = |n: &&Object| n.get(&format!("/status/allocatable/{resource}")).and_then(quantity::of);
        able.iter().filter_map(amount).sum()
    };
    let found = [("cpu", "requests.cpu"), ("memory", "requests.memory"), ("pods", "pods")]
        .into_iter()
        .filter_map(|(resource, name)| {
            let (want, have) = (needed.get(name).copied().unwrap_or(0), room(resource));
            // Nodes that do not say what they have are not counted against the release.
            (have > 0 && want > have).then(|| {
                Finding::error("node-room", "nodes")
                    .arg("resource", resource)
                    .arg("needed", quantity::show(want))
                    .arg("there", quantity::show(have))
            })
        });
    report.check("node-room", "nodes", all.len(), found);
}

//! Workloads that would come up otherwise than they run today, with the values that would keep today's state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::at::{At, Pair, Report, container_pairs, list, some, text};
use crate::finding::Finding;
use crate::object::Object;
use crate::plan::Verdict;
use crate::pods;
use crate::quantity;

/// Fields of a pod spec that the chart might not carry over.
const SCHEDULING: [&str; 9] = [
    "affinity",
    "hostAliases",
    "hostNetwork",
    "nodeSelector",
    "priorityClassName",
    "runtimeClassName",
    "securityContext",
    "tolerations",
    "topologySpreadConstraints",
];

/// Fields of a container that say whether it serves.
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let count = at.workloads().count();
    lost(at, report, count);
    replicas(at, report, count);
    resources(at, report, count);
    each(at, report, count, "scheduling-differs", scheduling);
    each(at, report, count, "env-lost", |today, chart| {
        per_container(today, chart, env_lost)
    });
    each(at, report, count, "env-differs", |today, chart| {
        per_container(today, chart, |t, c| env_differs(at, t, c))
    });
    each(at, report, count, "mount-lost", |today, chart| {
        per_container(today, chart, mounts_lost)
    });
    each(at, report, count, "probe-lost", |today, chart| {
        per_container(today, chart, probes_lost)
    });
}

/// One warning for a list of workloads, with the lines for the values file.
fn together(code: &str, mut lines: BTreeMap<String, (String, Value)>) -> Option<Finding> {
    let names = some(lines.keys());
    let count = lines.len();
    lines.retain(|_, (_, value)| !value.is_null());
    let values: Vec<String> = lines.values().map(|(key, value)| format!("{key}: {value}")).collect();
    (count > 0).then(|| {
        Finding::warning(code, "workloads")
            .arg("count", count)
            .arg("workloads", names)
            .arg("values", values.join("\n"))
    })
}

/// Runs today, and the release has no such workload.
fn lost(at: &At<'_>, report: &mut Report, count: usize) {
    let lost = at
        .workloads()
        .filter(|p| p.rendered.is_none() && at.verdict(p.declared) == Some(Verdict::Retire))
        .filter(|p| !at.profile.never_stops(p.declared.kind(), p.declared.name()))
        .map(|p| {
            (
                p.declared.name().to_owned(),
                (at.values_key(p.declared), json!({(at.fields().enabled.as_str()): true})),
            )
        });
    report.check(
        "workload-lost",
        "workloads",
        count,
        together("workload-lost", lost.collect()),
    );
}

fn replicas(at: &At<'_>, report: &mut Report, count: usize) {
    let number = |o: &Object| o.get("/spec/replicas").and_then(Value::as_i64);
    let scaled = |pair: &Pair<'_>| {
        at.observed.autoscalers.iter().any(|h| {
            h.str("/spec/scaleTargetRef/name") == Some(pair.declared.name())
                && h.str("/spec/scaleTargetRef/kind") == Some(pair.declared.kind())
        })
    };
    let differing = at.workloads().filter(|p| !scaled(p)).filter_map(|pair| {
        let chart = number(pair.rendered?).unwrap_or(1);
        // A workload that was stopped already counts as declared.
        let today = number(pair.today)
            .filter(|n| *n > 0)
            .or_else(|| number(pair.declared))
            .unwrap_or(1);
        let line = (
            at.values_key(pair.declared),
            json!({(at.fields().replicas.as_str()): today}),
        );
        (today != chart && pair.declared.kind() != "DaemonSet").then(|| (pair.declared.name().to_owned(), line))
    });
    report.check(
        "replicas-differ",
        "workloads",
        count,
        together("replicas-differ", differing.collect()),
    );
}

fn resources(at: &At<'_>, report: &mut Report, count: usize) {
    let (mut differing, mut null) = (BTreeMap::new(), BTreeMap::new());
    for pair in at.workloads() {
        let Some(rendered) = pair.rendered else { continue };
        for (i, (today, chart)) in container_pairs(pair.today, rendered).into_iter().enumerate() {
            let (have, want) = (amounts(today), amounts(chart));
            if have == want {
                continue;
            }
            let to = if want.is_empty() { &mut null } else { &mut differing };
            // The chart's values speak of a workload's one container.
            let value = match i {
                0 => json!({(at.fields().resources.as_str()): today.get("resources")}),
                _ => Value::Null,
            };
            let line = (at.values_key(pair.declared), value);
            to.entry(pair.declared.name().to_owned()).or_insert(line);
        }
    }
    report.check(
        "resources-differ",
        "workloads",
        count,
        together("resources-differ", differing),
    );
    report.check("resources-null", "workloads", count, together("resources-null", null));
}

/// Requests and limits as numbers, by `requests.cpu` and the like.
fn amounts(container: &Value) -> BTreeMap<String, Option<i128>> {
    let part = |name: &'static str| {
        let map = container
            .pointer(&format!("/resources/{name}"))
            .and_then(Value::as_object);
        let items = map.map(Map::iter).into_iter().flatten();
        items
            .map(move |(k, v)| (format!("{name}.{k}"), quantity::of(v)))
            .collect::<Vec<_>>()
    };
    let mut all: BTreeMap<_, _> = part("limits").into_iter().chain(part("requests")).collect();
    // The server fills in a request where only a limit is given.
    for (name, limit) in all.clone() {
        if let Some(resource) = name.strip_prefix("limits.") {
            all.entry(format!("requests.{resource}")).or_insert(limit);
        }
    }
    all
}

/// One warning for all workloads that differ in the same fields.
fn each(at: &At<'_>, report: &mut Report, count: usize, code: &str, of: impl Fn(&Object, &Object) -> Vec<String>) {
    let mut by_fields: BTreeMap<Vec<String>, Vec<&Object>> = BTreeMap::new();
    for pair in at.workloads() {
        let fields = pair.rendered.map(|chart| of(pair.today, chart)).unwrap_or_default();
        by_fields.entry(fields).or_default().push(pair.declared);
    }
    by_fields.remove(&Vec::new());
    let found = by_fields.into_iter().map(|(fields, workloads)| {
        let subject = match workloads.as_slice() {
            [one] => one.reference().to_string(),
            many => format!("{} workloads", many.len()),
        };
        Finding::warning(code, subject)
            .arg("fields", some(fields))
            .arg("workloads", some(workloads.iter().map(|w| w.name())))
            .arg("keys", some(workloads.iter().map(|w| at.values_key(w))))
            .arg("env", at.fields().env.as_str())
    });
    report.check(code, "workloads", count, found);
}

fn scheduling(today: &Object, chart: &Object) -> Vec<String> {
    let (Some(today), Some(chart)) = (pods::pod_spec(today), pods::pod_spec(chart)) else {
        return Vec::new();
    };
    let given = |spec: &Value, field: &str| spec.get(field).filter(|v| !blank(v)).cloned();
    let differs = |field: &&str| given(today, field).is_some_and(|have| Some(have) != given(chart, field));
    SCHEDULING.into_iter().filter(differs).map(str::to_owned).collect()
}

fn blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn per_container(today: &Object, chart: &Object, of: impl Fn(&Value, &Value) -> BTreeSet<String>) -> Vec<String> {
    let pairs = container_pairs(today, chart);
    let alone = pairs.len() == 1;
    pairs
        .into_iter()
        .flat_map(|(t, c)| {
            let name = text(t, "name").to_owned();
            let say = move |field| if alone { field } else { format!("{name}: {field}") };
            of(t, c).into_iter().map(say)
        })
        .collect()
}

fn env_lost(today: &Value, chart: &Value) -> BTreeSet<String> {
    let names = |c: &Value| -> BTreeSet<String> { list(c, "env").map(|e| text(e, "name").to_owned()).collect() };
    // What comes from a whole secret or config map may well be the same.
    let added = |c: &Value| list(c, "envFrom").count();
    if added(chart) > added(today) {
        return BTreeSet::new();
    }
    &names(today) - &names(chart)
}

fn env_differs(at: &At<'_>, today: &Value, chart: &Value) -> BTreeSet<String> {
    // Of duplicates the last one counts.
    let values = |c: &Value| -> BTreeMap<String, Option<String>> {
        list(c, "env")
            .map(|e| {
                let plain = e.get("valueFrom").is_none().then(|| text(e, "value").to_owned());
                (text(e, "name").to_owned(), plain)
            })
            .collect()
    };
    let chart = values(chart);
    let differs = |(name, value): &(String, Option<String>)| {
        chart
            .get(name)
            .is_some_and(|c| *c != value.as_deref().map(|v| at.moved(v)))
    };
    values(today)
        .into_iter()
        .filter(differs)
        .map(|(name, _)| name)
        .collect()
}

fn mounts_lost(today: &Value, chart: &Value) -> BTreeSet<String> {
    let paths = |c: &Value| -> BTreeSet<String> {
        list(c, "volumeMounts")
            .map(|m| text(m, "mountPath").trim_end_matches('/').to_owned())
            .collect()
    };
    &paths(today) - &paths(chart)
}

fn probes_lost(today: &Value, chart: &Value) -> BTreeSet<String> {
    let lacks = |probe: &&str| today.get(*probe).is_some_and(|v| !blank(v)) && chart.get(*probe).is_none_or(blank);
    PROBES.into_iter().filter(lacks).map(str::to_owned).collect()
}

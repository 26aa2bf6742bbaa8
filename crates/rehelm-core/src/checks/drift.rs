//! Is the install still what Kustomize declares? Compared where something is declared; defaults do not count.

use serde_json::Value;

use super::at::{At, Report, some};
use crate::finding::Finding;
use crate::pods;
use crate::quantity;

/// Finalizers that the server's own controllers put on and take off again.
const USUAL_FINALIZERS: [&str; 5] = [
    "kubernetes.io/",
    "service.kubernetes.io/",
    "foregroundDeletion",
    "orphan",
    "customresourcecleanup.apiextensions.k8s.io",
];

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    missing(at, report);
    let count = at.live().count();
    let found = at.pairs().filter_map(|pair| {
        let live = at.observed.live(&pair.declared.reference())?;
        if live.kind() == "Secret" {
            return None;
        }
        let fields = differences(&pair.declared.0, &live.0);
        (!fields.is_empty()).then(|| {
            Finding::warning("declared-differs", live.reference().to_string())
                .arg("count", fields.len())
                .arg("fields", some(fields))
        })
    });
    report.check("declared-differs", "objects", count, found.collect::<Vec<_>>());
    replicas(at, report);
    marks(at, report, count);
}

fn missing(at: &At<'_>, report: &mut Report) {
    let found = at
        .observed
        .declared
        .iter()
        .filter(|d| at.observed.live(&d.reference()).is_none())
        .map(|d| {
            let needed = d.kind() == "PersistentVolumeClaim" || pods::pod_spec(d).is_some();
            let new = if needed { Finding::error } else { Finding::warning };
            new("declared-missing".to_owned(), d.reference().to_string())
        });
    report.check("declared-missing", "objects", at.observed.declared.len(), found);
}

fn replicas(at: &At<'_>, report: &mut Report) {
    let mut count = 0;
    let mut found = Vec::new();
    for pair in at.workloads() {
        let number = |o: &crate::object::Object| o.get("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let (declared, live) = (number(pair.declared), number(pair.today));
        count += 1;
        if declared != live {
            let new = if live == 0 { Finding::warning } else { Finding::info };
            found.push(
                new("replicas-drifted".to_owned(), pair.declared.reference().to_string())
                    .arg("declared", declared)
                    .arg("live", live),
            );
        }
    }
    report.check("replicas-drifted", "workloads", count, found);
}

fn marks(at: &At<'_>, report: &mut Report, count: usize) {
    let terminating = at.live().filter(|o| o.is_terminating());
    let found = terminating.map(|o| Finding::error("object-terminating", o.reference().to_string()));
    report.check("object-terminating", "objects", count, found);

    let found = at.live().filter_map(|o| {
        let owner = o.get("/metadata/ownerReferences/0")?;
        let name = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        let finding = Finding::warning("object-owned", o.reference().to_string());
        Some(finding.arg("owner", format!("{}/{}", name("kind"), name("name"))))
    });
    report.check("object-owned", "objects", count, found);

    let found = at.live().filter_map(|o| {
        let odd: Vec<&str> = o
            .get("/metadata/finalizers")?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .filter(|f| !USUAL_FINALIZERS.iter().any(|usual| f.starts_with(usual)))
            .collect();
        let finding = Finding::info("object-finalizer", o.reference().to_string());
        (!odd.is_empty()).then(|| finding.arg("finalizers", odd.join(", ")))
    });
    report.check("object-finalizer", "objects", count, found);
}

/// Declared fields that live otherwise, as paths. What the server fills in or drops because it is empty is equal;
/// so are quantities of the same size. Replica counts are another check's business.
fn differences(declared: &Value, live: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for part in ["labels", "annotations"] {
        let at = |value: &'_ Value| value.get("metadata").and_then(|m| m.get(part)).cloned();
        walk(&at(declared), &at(live), &format!("metadata.{part}"), &mut out);
    }
    for (key, value) in declared.as_object().into_iter().flatten() {
        if !matches!(key.as_str(), "metadata" | "status" | "apiVersion" | "kind") {
            walk(&Some(value.clone()), &live.get(key).cloned(), key, &mut out);
        }
    }
    out
}

fn walk(declared: &Option<Value>, live: &Option<Value>, path: &str, out: &mut Vec<String>) {
    // The release's mark may be there from a preparation already; replicas are reported apart.
    if matches!(path, "metadata.labels.app.kubernetes.io/managed-by" | "spec.replicas") {
        return;
    }
    match (declared, live) {
        (None, _) => {}
        (Some(d), _) if empty(d) && live.as_ref().is_none_or(empty) => {}
        (Some(Value::Object(d)), Some(l)) if l.is_object() => {
            for (key, value) in d {
                walk(
                    &Some(value.clone()),
                    &l.get(key).cloned(),
                    &format!("{path}.{key}"),
                    out,
                );
            }
        }
        (Some(Value::Array(d)), Some(Value::Array(l))) => lists(d, l, path, out),
        (Some(d), Some(l)) if d == l || same_quantity(d, l, path) => {}
        _ => out.push(path.to_owned()),
    }
}

fn lists(declared: &[Value], live: &[Value], path: &str, out: &mut Vec<String>) {
    let name = |v: &Value| v.get("name").and_then(Value::as_str).map(str::to_owned);
    let named = |list: &[Value]| list.iter().all(|v| name(v).is_some());
    if !named(declared) || !named(live) {
        if declared.len() != live.len() {
            out.push(path.to_owned());
            return;
        }
        for (i, (d, l)) in declared.iter().zip(live).enumerate() {
            walk(&Some(d.clone()), &Some(l.clone()), &format!("{path}[{i}]"), out);
        }
        return;
    }
    for item in declared {
        let key = name(item);
        // Of duplicate names, which the server keeps in some lists, the last one counts.
        let last = declared.iter().rfind(|d| name(d) == key);
        let found = live.iter().rfind(|l| name(l) == key).cloned();
        walk(
            &last.cloned(),
            &found,
            &format!("{path}[{}]", key.unwrap_or_default()),
            out,
        );
    }
    for item in live.iter().filter(|l| !declared.iter().any(|d| name(d) == name(l))) {
        out.push(format!("{path}[+{}]", name(item).unwrap_or_default()));
    }
    out.dedup();
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(empty),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(true) => false,
    }
}

fn same_quantity(a: &Value, b: &Value, path: &str) -> bool {
    let about = ["resources", "capacity", "sizeLimit", "hard", "limits", "requests"];
    if !about.iter().any(|word| path.contains(word)) {
        return false;
    }
    let (a, b) = (quantity::of(a), quantity::of(b));
    a.is_some() && a == b
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_spellings_are_no_drift() {
        let declared = json!({"metadata": {"labels": {"a": "b"}, "creationTimestamp": null}, "status": {},
            "spec": {"replicas": 3, "strategy": {}, "template": {"spec": {"containers": [{"name": "c", "image": "i:1",
                "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}}]}}}});
        let live = json!({"metadata": {"labels": {"a": "b", "more": "x"}, "uid": "1"}, "status": {"x": 1},
            "spec": {"replicas": 5, "strategy": {"type": "RollingUpdate"}, "template": {"spec": {"dnsPolicy": "Default",
                "containers": [{"name": "c", "image": "i:1", "imagePullPolicy": "Always",
                    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]}}}});
        assert_eq!(differences(&declared, &live), Vec::<String>::new());
    }

    #[test]
    fn what_somebody_changed_is_named() {
        let declared = json!({"spec": {"containers": [{"name": "c", "image": "i:1", "args": ["a"],
            "env": [{"name": "A", "value": "1"}]}]}});
        let live = json!({"spec": {"containers": [{"name": "c", "image": "i:2", "args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}]}});
        assert_eq!(
            differences(&declared, &live),
            [
                "spec.containers[c].image",
                "spec.containers[c].args",
                "spec.containers[c].env[+B]"
            ]
        );
    }
}

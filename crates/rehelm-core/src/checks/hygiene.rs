//! What is no obstacle and worth knowing while one looks anyway.

use super::at::{At, Report, containers, list, some, text};
use crate::finding::Finding;
use crate::object::Object;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let bindings: Vec<&Object> = at
        .live()
        .chain(&at.observed.rendered)
        .filter(|o| o.kind() == "ClusterRoleBinding")
        .collect();
    let default = |o: &&&Object| {
        let account = |s: &serde_json::Value| text(s, "kind") == "ServiceAccount" && text(s, "name") == "default";
        o.str("/roleRef/name") == Some("cluster-admin") && list(&o.0, "subjects").any(account)
    };
    let mut names: Vec<String> = bindings
        .iter()
        .filter(default)
        .map(|o| o.reference().to_string())
        .collect();
    names.dedup();
    let found = names
        .into_iter()
        .map(|name| Finding::info("cluster-admin-default", name));
    report.check("cluster-admin-default", "bindings", bindings.len(), found);

    let pods: Vec<_> = at.rendered_pods().collect();
    let on_host = |spec: &serde_json::Value| {
        let path = list(spec, "volumes").any(|v| v.get("hostPath").is_some());
        let privileged = containers(spec).any(|c| c.pointer("/securityContext/privileged") == Some(&true.into()));
        path || privileged || spec.get("hostNetwork") == Some(&true.into())
    };
    let close: Vec<&str> = pods
        .iter()
        .filter(|(_, spec)| on_host(spec))
        .map(|(o, _)| o.name())
        .collect();
    let finding = (!close.is_empty()).then(|| {
        Finding::info("host-path", "workloads")
            .arg("count", close.len())
            .arg("workloads", some(&close))
    });
    report.check("host-path", "workloads", pods.len(), finding);
}

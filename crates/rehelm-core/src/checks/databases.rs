//! The databases: which server the product uses, whether the release's pods will reach it, whether copies can be made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::DatabaseLook;
use super::at::{At, Report, some};
use crate::finding::Finding;
use crate::mongo_uri::ConnectionString;
use crate::object::Object;
use crate::pods;
use crate::secrets;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let hosts = hosts(at);
    embedded(at, report, &hosts);
    reachable(at, report, &hosts);
    server(at, report);
}

/// Host names of all connection strings, with the secrets that name them. Contents stay here.
fn hosts(at: &At<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(key) = &at.profile.databases.connection_string_key else {
        return out;
    };
    for secret in &at.observed.converted {
        let parsed = secret.0["data"]
            .get(key)
            .and_then(Value::as_str)
            .and_then(secrets::decode)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| ConnectionString::parse(&text).ok());
        for host in parsed.into_iter().flat_map(|uri| uri.hosts()) {
            out.entry(host.name).or_default().insert(secret.name().to_owned());
        }
    }
    out
}

/// A server inside the product's own manifests: it is in use when the connection strings lead to one of its services.
fn embedded(at: &At<'_>, report: &mut Report, hosts: &BTreeMap<String, BTreeSet<String>>) {
    let code = "database-embedded";
    let server = at.profile.databases.embedded_server.as_deref().and_then(|short| {
        at.pairs()
            .find(|p| format!("{}/{}", p.declared.kind(), p.declared.name()) == short)
    });
    let finding = server.map(|pair| {
        let runs = pair.today.get("/spec/replicas").and_then(Value::as_i64).unwrap_or(1) > 0;
        let services = services_of(at, pair.today);
        let named = |host: &&String| services.contains(host.split('.').next().unwrap_or_default());
        let used: Vec<&String> = hosts.keys().filter(named).collect();
        let (new, how): (fn(String, String) -> Finding, _) = match (used.is_empty(), runs) {
            (true, _) => (Finding::warning, "none"),
            (false, false) => (Finding::warning, "stopped"),
            (false, true) => (Finding::error, "used"),
        };
        new(code.to_owned(), pair.declared.reference().to_string())
            .arg("use", how)
            .arg("hosts", some(used))
    });
    report.one(code, "databases", finding);
}

/// Names under which a workload's pods are reached in their namespace.
fn services_of(at: &At<'_>, workload: &Object) -> BTreeSet<String> {
    let labels: BTreeMap<&str, &str> = workload
        .get("/spec/template/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
        .collect();
    let selects = |service: &&Object| {
        let selector = service.get("/spec/selector").cloned().unwrap_or_default();
        pods::selects(&serde_json::json!({"matchLabels": selector}), &labels)
    };
    let services = at
        .observed
        .declared
        .iter()
        .filter(|d| d.kind() == "Service")
        .filter(selects);
    services
        .map(|s| s.name().to_owned())
        .chain([workload.name().to_owned()])
        .collect()
}

/// A short name is looked up in the pod's own namespace, which is another one after the migration.
fn reachable(at: &At<'_>, report: &mut Report, hosts: &BTreeMap<String, BTreeSet<String>>) {
    let found = hosts.iter().filter_map(|(host, secrets)| {
        let problem = |new: fn(String, String) -> Finding, why: &str| {
            Some(
                new("database-host".into(), host.clone())
                    .arg("why", why)
                    .arg("secrets", some(secrets)),
            )
        };
        let parts: Vec<&str> = host.split('.').collect();
        let rendered = at.rendered("Service").any(|s| s.name() == parts[0]);
        match parts.as_slice() {
            _ if host.contains(':') || host.parse::<std::net::IpAddr>().is_ok() => None,
            ["localhost"] => None,
            [_] if !rendered => problem(Finding::error, "short"),
            [service, namespace, ..] if *namespace == at.source() => {
                let goes = at
                    .observed
                    .declared
                    .iter()
                    .any(|d| d.kind() == "Service" && d.name() == *service);
                let kept = at.profile.cleanup.keep.contains_key(&format!("Service/{service}"));
                if goes && !kept {
                    problem(Finding::warning, "old-namespace")
                } else {
                    None
                }
            }
            _ => None,
        }
    });
    report.check(
        "database-host",
        "connection strings",
        hosts.len(),
        found.collect::<Vec<_>>(),
    );
}

fn server(at: &At<'_>, report: &mut Report) {
    let renames = &at.profile.databases.renames;
    let look: Result<&DatabaseLook, String> = match &at.input.databases {
        None => Err("not-configured".into()),
        Some(answer) => answer.as_ref().map_err(Clone::clone),
    };
    let finding = look
        .as_ref()
        .err()
        .filter(|_| !renames.is_empty())
        .map(|why| Finding::error("database-access", "databases").arg("why", why));
    report.one("database-access", "databases", finding);
    let Ok(look) = look else {
        // Nothing to ask, or nobody: said above. What was not looked at must not look like passed.
        for code in ["database-topology", "database-source", "database-left"] {
            report.one(
                code,
                "databases",
                (!renames.is_empty()).then(|| Finding::unlooked(code, "databases")),
            );
        }
        return;
    };
    let members = look.facts.replica_set.len();
    let single = (members < 2).then(|| Finding::warning("database-topology", "databases").arg("members", members));
    report.one("database-topology", "databases", single);
    let there = |name: &String| look.names.contains(name);
    let found = renames
        .iter()
        .filter(|r| !there(&r.from))
        .map(|r| Finding::error("database-source", &r.from));
    report.check("database-source", "databases", renames.len(), found);
    let found = renames
        .iter()
        .filter(|r| there(&r.to))
        .map(|r| Finding::error("database-left", &r.to).arg("from", &r.from));
    report.check("database-left", "databases", renames.len(), found);
}

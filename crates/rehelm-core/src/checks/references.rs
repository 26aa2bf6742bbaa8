//! Everything that the release's pods and ingresses name must be there: secrets and config maps with their keys,
//! service accounts. Found by reading the render, never from a list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::at::{At, Report, containers, list, some, text};
use crate::finding::Finding;
use crate::object::Object;
use crate::pods::{self, ALL_KEYS};
use crate::secrets;

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    let secrets = keys_of(
        at.rendered("Secret")
            .filter(|o| o.namespace().is_none_or(|ns| ns == at.target()))
            .chain(&at.observed.converted)
            .chain(&at.observed.target_secrets),
    );
    pod_secrets(at, report, &secrets);
    tls(at, report, &secrets);
    config_maps(at, report);
    accounts(at, report);
}

type Keys<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// Keys by name; what several places give comes together in one object.
fn keys_of<'a>(objects: impl Iterator<Item = &'a Object>) -> Keys<'a> {
    let mut out = Keys::new();
    for object in objects {
        let mut keys = secrets::keys(object);
        let binary = object.get("/binaryData").and_then(Value::as_object);
        keys.extend(binary.into_iter().flat_map(|m| m.keys().cloned()));
        out.entry(object.name()).or_default().extend(keys);
    }
    out
}

fn pod_secrets(at: &At<'_>, report: &mut Report, there: &Keys<'_>) {
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut keyless: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for (workload, spec) in at.rendered_pods() {
        for used in pods::secret_uses(spec).into_iter().filter(|u| u.required) {
            count += 1;
            let user = format!("{}/{}", workload.kind(), workload.name());
            match there.get(used.secret.as_str()) {
                None => missing.entry(used.secret).or_default().push(user),
                Some(keys) if used.key != ALL_KEYS && !keys.contains(&used.key) => {
                    keyless.entry((used.secret, used.key)).or_default().push(user);
                }
                Some(_) => {}
            }
        }
    }
    let subject = |secret: &str| format!("Secret/{}/{secret}", at.target());
    let found = missing.into_iter().map(|(secret, mut users)| {
        users.dedup();
        Finding::error("secret-missing-in-release", subject(&secret)).arg("users", some(users))
    });
    report.check("secret-missing-in-release", "secrets", count, found);
    let found = keyless.into_iter().map(|((secret, key), mut users)| {
        users.dedup();
        Finding::error("secret-key-missing", subject(&secret))
            .arg("key", key)
            .arg("users", some(users))
    });
    report.check("secret-key-missing", "secrets", count, found);
}

/// Certificates that ingresses name. Without one, users see the controller's own: an error where they have one today.
fn tls(at: &At<'_>, report: &mut Report, there: &Keys<'_>) {
    let named = |o: &Object| -> BTreeSet<String> {
        list(&o.0["spec"], "tls")
            .map(|t| text(t, "secretName").to_owned())
            .filter(|n| !n.is_empty())
            .collect()
    };
    let today: BTreeSet<String> = at.live().filter(|o| o.kind() == "Ingress").flat_map(named).collect();
    let wanted: BTreeSet<String> = at.rendered("Ingress").flat_map(named).collect();
    let found = wanted.iter().filter_map(|name| {
        let new = if today.is_empty() {
            Finding::warning
        } else {
            Finding::error
        };
        let keys = there.get(name.as_str());
        let lacking: Vec<&str> = ["tls.crt", "tls.key"]
            .into_iter()
            .filter(|k| keys.is_none_or(|keys| !keys.contains(*k)))
            .collect();
        (!lacking.is_empty()).then(|| {
            new("tls-secret".to_owned(), format!("Secret/{}/{name}", at.target())).arg("keys", lacking.join(", "))
        })
    });
    report.check("tls-secret", "certificates", wanted.len(), found);
}

fn config_maps(at: &At<'_>, report: &mut Report) {
    let live = at.observed.live.values();
    let live = live.filter(|o| o.kind() == "ConfigMap" && o.namespace() == Some(at.target()));
    let there = keys_of(at.rendered("ConfigMap").chain(live));
    let mut missing: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for (workload, spec) in at.rendered_pods() {
        for (name, key) in config_uses(spec) {
            count += 1;
            let keys = there.get(name.as_str());
            if name != "kube-root-ca.crt" && keys.is_none_or(|keys| key != ALL_KEYS && !keys.contains(&key)) {
                let users = missing.entry((name, key)).or_default();
                users.push(format!("{}/{}", workload.kind(), workload.name()));
            }
        }
    }
    let found = missing.into_iter().map(|((name, key), users)| {
        Finding::error("config-missing-in-release", format!("ConfigMap/{}/{name}", at.target()))
            .arg("key", key)
            .arg("users", some(users))
    });
    report.check("config-missing-in-release", "config maps", count, found);
}

/// Config maps and keys that a pod spec cannot do without.
pub(super) fn config_uses(spec: &Value) -> BTreeSet<(String, String)> {
    let mut uses = BTreeSet::new();
    let mut add = |source: &Value, key: &str| {
        let optional = source.get("optional").and_then(Value::as_bool).unwrap_or(false);
        let name = text(source, "name");
        if !name.is_empty() && !optional {
            uses.insert((name.to_owned(), key.to_owned()));
        }
    };
    for container in containers(spec) {
        for reference in list(container, "env").filter_map(|e| e.pointer("/valueFrom/configMapKeyRef")) {
            add(reference, text(reference, "key"));
        }
        for reference in list(container, "envFrom").filter_map(|e| e.get("configMapRef")) {
            add(reference, ALL_KEYS);
        }
    }
    let projected = list(spec, "volumes")
        .filter_map(|v| v.get("projected"))
        .flat_map(|p| list(p, "sources"));
    for source in list(spec, "volumes")
        .chain(projected)
        .filter_map(|v| v.get("configMap"))
    {
        let mut any = false;
        for item in list(source, "items") {
            any = true;
            add(source, text(item, "key"));
        }
        if !any {
            add(source, ALL_KEYS);
        }
    }
    uses
}

fn accounts(at: &At<'_>, report: &mut Report) {
    let there = |name: &str| {
        let live = at.observed.live.values();
        let mut live = live.filter(|o| o.namespace() == Some(at.target()));
        at.rendered("ServiceAccount").any(|o| o.name() == name)
            || live.any(|o| o.kind() == "ServiceAccount" && o.name() == name)
    };
    let wanted: BTreeSet<&str> = at
        .rendered_pods()
        .map(|(_, spec)| text(spec, "serviceAccountName"))
        .filter(|n| !n.is_empty() && *n != "default")
        .collect();
    let found = wanted.iter().filter(|n| !there(n)).map(|name| {
        Finding::error(
            "service-account-missing",
            format!("ServiceAccount/{}/{name}", at.target()),
        )
    });
    report.check("service-account-missing", "service accounts", wanted.len(), found);
}

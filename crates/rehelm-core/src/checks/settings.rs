//! Configuration and doors that would be other than today: config maps, hosts, services.

use std::collections::BTreeSet;

use serde_json::Value;

use super::at::{At, Pair, Report, list, some};
use crate::finding::Finding;
use crate::object::Object;

/// Annotations that tools leave behind and no controller reads.
const IDLE_ANNOTATIONS: [&str; 4] = [
    "kubectl.kubernetes.io/",
    "meta.helm.sh/",
    "rehelm.dev/",
    "kustomize.toolkit.fluxcd.io/",
];

pub(super) fn check(at: &At<'_>, report: &mut Report) {
    each(at, report, "ConfigMap", "config-lost", |today, chart| {
        &keys(today, "/data") - &keys(chart, "/data")
    });
    each(at, report, "ConfigMap", "config-differs", |today, chart| {
        let differs = |k: &String| {
            let value = |o: &Object| {
                o.0["data"]
                    .get(k)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            at.moved(&value(today)) != value(chart)
        };
        keys(today, "/data")
            .intersection(&keys(chart, "/data"))
            .filter(|k| differs(k))
            .cloned()
            .collect()
    });
    hosts(at, report);
    each(at, report, "Ingress", "ingress-annotation-lost", annotations_lost);
    each(at, report, "Service", "service-port-lost", |today, chart| {
        &ports(today) - &ports(chart)
    });
    each(at, report, "Service", "service-type-differs", |today, chart| {
        let mut fields: BTreeSet<String> = [
            ("type", "ClusterIP"),
            ("externalTrafficPolicy", "Cluster"),
            ("loadBalancerIP", ""),
            ("loadBalancerClass", ""),
            ("sessionAffinity", "None"),
        ]
        .into_iter()
        .filter(|(field, default)| {
            let value = |o: &Object| o.str(&format!("/spec/{field}")).unwrap_or(default).to_owned();
            value(today) != value(chart)
        })
        .map(|(field, _)| field.to_owned())
        .collect();
        if today.str("/spec/type") == Some("LoadBalancer") {
            fields.extend(annotations_lost(today, chart));
        }
        fields
    });
}

fn each(at: &At<'_>, report: &mut Report, kind: &str, code: &str, of: impl Fn(&Object, &Object) -> BTreeSet<String>) {
    let all: Vec<Pair<'_>> = at.pairs().filter(|p| p.declared.kind() == kind).collect();
    let found = all.iter().filter_map(|pair| {
        let fields = of(pair.today, pair.rendered?);
        (!fields.is_empty())
            .then(|| Finding::warning(code, pair.declared.reference().to_string()).arg("fields", some(fields)))
    });
    report.check(code, kind, all.len(), found);
}

fn keys(object: &Object, pointer: &str) -> BTreeSet<String> {
    let map = object.get(pointer).and_then(Value::as_object);
    map.into_iter().flat_map(|m| m.keys().cloned()).collect()
}

fn annotations_lost(today: &Object, chart: &Object) -> BTreeSet<String> {
    let idle = |key: &String| IDLE_ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix));
    let (today, chart) = (
        keys(today, "/metadata/annotations"),
        keys(chart, "/metadata/annotations"),
    );
    (&today - &chart).into_iter().filter(|k| !idle(k)).collect()
}

fn ports(service: &Object) -> BTreeSet<String> {
    let spec = service.0.get("spec").unwrap_or(&Value::Null);
    list(spec, "ports")
        .filter_map(|p| p.get("port").map(ToString::to_string))
        .collect()
}

/// Host names that today's ingresses serve and that no object of the release names, in whatever form.
fn hosts(at: &At<'_>, report: &mut Report) {
    let of = |o: &Object| -> Vec<String> {
        let spec = o.0.get("spec").unwrap_or(&Value::Null);
        list(spec, "rules")
            .filter_map(|r| r.get("host")?.as_str().map(str::to_owned))
            .collect()
    };
    let ingresses = at.pairs().filter(|p| p.declared.kind() == "Ingress");
    let today: BTreeSet<String> = ingresses.flat_map(|p| of(p.today)).collect();
    let doors = |o: &&Object| o.kind().starts_with("Ingress") || o.kind().ends_with("Route");
    let rendered: Vec<String> = at
        .observed
        .rendered
        .iter()
        .filter(doors)
        .map(|o| o.0.get("spec").map(Value::to_string).unwrap_or_default())
        .collect();
    let lost = today
        .iter()
        .filter(|host| !rendered.iter().any(|text| text.contains(host.as_str())));
    let found = lost.map(|host| Finding::warning("host-lost", host));
    report.check("host-lost", "hosts", today.len(), found);
}

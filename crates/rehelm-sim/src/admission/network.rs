//! Services, Ingresses and their classes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::look::{At, Causes};
use super::{metadata, names};
use crate::meta;
use crate::refusal::Cause;

pub(super) fn service(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    if let Some(old) = old {
        address_update(object, old, causes);
    }
    let kind = spec.child("type");
    let headless = spec.child("clusterIP").text() == "None";
    let ports = spec.child("ports");
    if ports.is_empty() && !headless && kind.text() != "ExternalName" {
        causes.required(&ports, "");
    }
    match kind.text() {
        "LoadBalancer" if headless => {
            causes.invalid(
                &spec.child("clusterIPs").named("spec.clusterIPs[0]".to_owned()),
                "may not be set to 'None' for LoadBalancer services",
            );
        }
        "NodePort" if headless => {
            causes.invalid(
                &spec.child("clusterIPs").named("spec.clusterIPs[0]".to_owned()),
                "may not be set to 'None' for NodePort services",
            );
        }
        "ExternalName" => {
            let name = spec.child("externalName");
            if name.is_empty() {
                causes.required(&name, "");
            } else {
                causes.rule(&name, names::subdomain);
            }
        }
        _ => {}
    }
    address(&spec, causes);
    let many = ports.value.as_array().is_some_and(|list| list.len() > 1);
    let (mut taken, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for port in ports.items() {
        let name = port.child("name");
        if many && name.is_empty() {
            causes.required(&name, "");
        } else if !name.is_empty() {
            causes.rule(&name, names::label);
            if !taken.insert(name.text()) {
                causes.duplicate(&name);
            }
        }
        let number = port.child("port");
        if number.is_set() {
            causes.port(&number);
        } else {
            causes.0.push(Cause::invalid(
                &number.path,
                &0.into(),
                "must be between 1 and 65535, inclusive",
            ));
        }
        causes.one_of(&port.child("protocol"), &["SCTP", "TCP", "UDP"]);
        causes.port(&port.child("targetPort"));
    }
    let selector = spec.child("selector");
    metadata::labels(Some(selector.value), "spec.selector", &mut causes.0);
    causes.one_of(&spec.child("sessionAffinity"), &["ClientIP", "None"]);
    causes.one_of(&kind, &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]);
    for port in ports.items() {
        let protocol = port.child("protocol").text();
        let key = (
            if protocol.is_empty() { "TCP" } else { protocol },
            port.child("port").number(),
        );
        if !seen.insert(key) {
            let value = serde_json::json!({
                "Name": "",
                "Protocol": key.0,
                "AppProtocol": null,
                "Port": key.1.unwrap_or(0),
                "TargetPort": 0,
                "NodePort": 0,
            });
            causes.0.push(Cause::duplicate(&port.path, &value));
        }
    }
}

/// Both forms of the address agree, and it is one.
fn address(spec: &At<'_>, causes: &mut Causes) {
    let (one, all) = (spec.child("clusterIP"), spec.child("clusterIPs"));
    for (at, address) in all.items().enumerate() {
        let headless = at == 0 && address.text() == "None";
        if !headless && address.text().parse::<std::net::IpAddr>().is_err() {
            causes.invalid(
                &address,
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            );
        }
    }
    if all.items().next().is_some_and(|first| first.text() != one.text()) {
        causes.invalid(&all, "first value must match `clusterIP`");
    }
}

fn address_update(object: &Value, old: &Value, causes: &mut Causes) {
    let text = |object: &Value, pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if text(object, "/spec/type") == "ExternalName" || text(old, "/spec/type") == "ExternalName" {
        return;
    }
    let address = At::new(object.pointer("/spec/clusterIPs"), "spec.clusterIPs[0]");
    if text(old, "/spec/clusterIP") != text(object, "/spec/clusterIP") {
        causes.invalid(&address, "may not change once set");
    }
    let first = |object: &Value| text(object, "/spec/ipFamilies/0");
    if !first(old).is_empty() && first(old) != first(object) {
        let families = At::new(object.pointer("/spec/ipFamilies"), "spec.ipFamilies[0]");
        causes.invalid(&families, "may not change once set");
    }
}

/// Only balancers have addresses outside.
pub(super) fn service_status(object: &Value, causes: &mut Causes) {
    let kind = object.pointer("/spec/type").and_then(Value::as_str).unwrap_or_default();
    let addresses = At::new(
        object.pointer("/status/loadBalancer/ingress"),
        "status.loadBalancer.ingress",
    );
    if !addresses.is_empty() && kind != "LoadBalancer" {
        causes.forbidden(&addresses, "may only be used when `spec.type` is 'LoadBalancer'");
    }
}

pub(super) fn policy(object: &Value, causes: &mut Causes) {
    let types = At::new(object.pointer("/spec/policyTypes"), "spec.policyTypes");
    for one in types.items() {
        causes.one_of(&one, &["Ingress", "Egress"]);
    }
}

pub(super) fn ingress(object: &Value, old: Option<&Value>, causes: &mut Causes) {
    let spec = At::new(object.get("spec"), "spec");
    let (backend, rules) = (spec.child("defaultBackend"), spec.child("rules"));
    if rules.is_empty() && !backend.is_set() {
        let value = if rules.is_set() {
            rules.value.clone()
        } else {
            Value::Null
        };
        causes.0.push(Cause::invalid(
            "spec",
            &value,
            "either `defaultBackend` or `rules` must be specified",
        ));
    }
    if backend.is_set() {
        self::backend(&backend, causes);
    }
    for rule in rules.items() {
        host(&rule.child("host"), causes);
        let http = rule.child("http");
        let paths = http.child("paths");
        if http.is_set() && paths.is_empty() {
            causes.required(&paths, "");
        }
        for path in paths.items() {
            ingress_path(&path, causes);
        }
    }
    for tls in spec.child("tls").items() {
        for one in tls.child("hosts").items() {
            host(&one, causes);
        }
        let secret = tls.child("secretName");
        if !secret.is_empty() {
            causes.rule(&secret, names::subdomain);
        }
    }
    causes.rule(&spec.child("ingressClassName"), names::subdomain);
    const CLASS: &str = "kubernetes.io/ingress.class";
    let named = spec.child("ingressClassName");
    if let (None, Some(class)) = (old, meta::annotation(object, CLASS))
        && named.is_set()
        && named.text() != class
    {
        let why = "must match `ingressClassName` when both are specified";
        causes
            .0
            .push(Cause::invalid(&format!("annotations.{CLASS}"), &class.into(), why));
    }
}

fn host(at: &At<'_>, causes: &mut Causes) {
    if at.is_empty() {
        return;
    }
    if at.text().parse::<std::net::IpAddr>().is_ok() {
        causes.invalid(at, "must be a DNS name, not an IP address");
    }
    if !at.text().contains('*') {
        causes.rule(at, names::subdomain);
    } else if at
        .text()
        .strip_prefix("*.")
        .is_none_or(|rest| !names::subdomain(rest).is_empty())
    {
        let why = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                   consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character \
                   (e.g. '*.example.com', regex used for validation is \
                   '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
        causes.invalid(at, why);
    }
}

fn ingress_path(at: &At<'_>, causes: &mut Causes) {
    let kind = at.child("pathType");
    if !kind.is_set() {
        causes.required(&kind, "pathType must be specified");
        return;
    }
    let path = at.child("path");
    let absolute = path.text().starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if !absolute {
                let value = path.text().into();
                causes
                    .0
                    .push(Cause::invalid(&path.path, &value, "must be an absolute path"));
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.text().contains(part) {
                    causes.invalid(&path, &format!("must not contain '{part}'"));
                }
            }
            for end in ["/..", "/."] {
                if path.text().ends_with(end) {
                    causes.invalid(&path, &format!("cannot end with '{end}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !absolute {
                causes.invalid(&path, "must be an absolute path");
            }
        }
        _ => causes.one_of(&kind, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    backend(&at.child("backend"), causes);
}

fn backend(at: &At<'_>, causes: &mut Causes) {
    let (resource, service) = (at.child("resource"), at.child("service"));
    let wrong = |why: &str| Cause::invalid(&at.path, &"".into(), why);
    if resource.is_set() && service.is_set() {
        causes.0.push(wrong("cannot set both resource and service backends"));
    } else if service.is_set() {
        let name = service.child("name");
        if name.is_empty() {
            causes.required(&name, "");
        } else {
            causes.rule(&name, names::label_1035);
        }
        let (by_name, by_number) = (
            service.child("port").child("name"),
            service.child("port").child("number"),
        );
        match (by_name.is_empty(), by_number.number().unwrap_or(0) == 0) {
            (false, false) => causes.0.push(wrong("cannot set both port name & port number")),
            (false, true) => causes.rule(&by_name, names::port_name),
            (true, false) => causes.port(&by_number),
            (true, true) => causes.required(at, "port name or number is required"),
        }
    } else if !resource.is_set() {
        causes.0.push(wrong("resource or service backend is required"));
    }
}

//! What is shown of Services, endpoints and Ingresses.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{int, list, plain, text};
use crate::timeline::Time;

/// At most three of a list.
const SHOWN: usize = 3;

fn joined(all: &[String], hidden: usize) -> String {
    let shown = all[..all.len().min(SHOWN)].join(",");
    let hidden = hidden + all.len().saturating_sub(SHOWN);
    match hidden {
        0 => shown,
        _ => format!("{shown} + {hidden} more..."),
    }
}

/// Addresses that the load balancer has.
pub(super) fn load_balancer(object: &Value, _: Time) -> Value {
    addresses(object).into()
}

fn addresses(object: &Value) -> String {
    let each = list(object, "/status/loadBalancer/ingress").iter();
    let each = each.filter_map(|one| {
        let mut names = [text(one, "/ip"), text(one, "/hostname")].into_iter();
        names.find(|name| !name.is_empty())
    });
    each.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(",")
}

pub(super) fn external_ip(service: &Value, _: Time) -> Value {
    let own: Vec<String> = list(service, "/spec/externalIPs")
        .iter()
        .map(|ip| plain(Some(ip)))
        .collect();
    match text(service, "/spec/type") {
        "ClusterIP" | "NodePort" if own.is_empty() => "<none>".into(),
        "ClusterIP" | "NodePort" => own.join(",").into(),
        "LoadBalancer" => {
            let given = Some(addresses(service)).filter(|given| !given.is_empty());
            let all: Vec<String> = given.into_iter().chain(own).collect();
            if all.is_empty() {
                return "<pending>".into();
            }
            all.join(",").into()
        }
        "ExternalName" => text(service, "/spec/externalName").into(),
        _ => "<unknown>".into(),
    }
}

pub(super) fn service_ports(service: &Value, _: Time) -> Value {
    let each = list(service, "/spec/ports").iter().map(|port| {
        let (number, protocol) = (int(port, "/port"), text(port, "/protocol"));
        match int(port, "/nodePort") {
            0 => format!("{number}/{protocol}"),
            node => format!("{number}:{node}/{protocol}"),
        }
    });
    super::or_none(each.collect::<Vec<_>>().join(",")).into()
}

pub(super) fn endpoints(endpoints: &Value, _: Time) -> Value {
    let subsets = list(endpoints, "/subsets");
    if subsets.is_empty() {
        return "<none>".into();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let addresses = list(subset, "/addresses");
        let ports = list(subset, "/ports");
        if ports.is_empty() {
            all.extend(addresses.iter().map(|address| text(address, "/ip").to_owned()));
        }
        for port in ports {
            let port = int(port, "/port");
            all.extend(addresses.iter().map(|address| match text(address, "/ip") {
                ip if ip.contains(':') => format!("[{ip}]:{port}"),
                ip => format!("{ip}:{port}"),
            }));
        }
    }
    joined(&all, 0).into()
}

pub(super) fn slice_ports(slice: &Value, _: Time) -> Value {
    let each = list(slice, "/ports")
        .iter()
        .map(|port| match (port.get("port"), port.get("name")) {
            (Some(number), _) if !number.is_null() => number.to_string(),
            (_, Some(name)) => plain(Some(name)),
            _ => "*".to_owned(),
        });
    unset(&each.collect::<Vec<_>>()).into()
}

pub(super) fn slice_endpoints(slice: &Value, _: Time) -> Value {
    let each = list(slice, "/endpoints").iter();
    let each = each
        .flat_map(|endpoint| list(endpoint, "/addresses"))
        .map(|address| plain(Some(address)));
    unset(&each.collect::<Vec<_>>()).into()
}

fn unset(all: &[String]) -> String {
    if all.is_empty() {
        "<unset>".to_owned()
    } else {
        joined(all, 0)
    }
}

pub(super) fn hosts(ingress: &Value, _: Time) -> Value {
    let rules = list(ingress, "/spec/rules");
    let hosts = rules
        .iter()
        .map(|rule| text(rule, "/host"))
        .filter(|host| !host.is_empty());
    let hosts: Vec<String> = hosts.map(str::to_owned).collect();
    if hosts.is_empty() {
        return "*".into();
    }
    // Beyond three hosts, rules without a host are counted, too.
    let more = if hosts.len() > SHOWN {
        rules.len() - hosts.len()
    } else {
        0
    };
    joined(&hosts, more).into()
}

pub(super) fn ingress_ports(ingress: &Value, _: Time) -> Value {
    if list(ingress, "/spec/tls").is_empty() {
        "80"
    } else {
        "80, 443"
    }
    .into()
}

pub(super) fn cidrs(object: &Value, _: Time) -> Value {
    let each = list(object, "/spec/cidrs").iter().map(|cidr| plain(Some(cidr)));
    each.collect::<Vec<_>>().join(",").into()
}

pub(super) fn parameters(class: &Value, _: Time) -> Value {
    let Some(parameters) = class.pointer("/spec/parameters") else {
        return "<none>".into();
    };
    let group = match text(parameters, "/apiGroup") {
        "" => String::new(),
        group => format!(".{group}"),
    };
    format!("{}{group}/{}", text(parameters, "/kind"), text(parameters, "/name")).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn services_and_what_is_behind_them() {
        let service = json!({"spec": {"type": "LoadBalancer", "ports": [
            {"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}});
        assert_eq!(external_ip(&service, Time(0)), "<pending>");
        assert_eq!(service_ports(&service, Time(0)), "80:30080/TCP,53/UDP");
        let behind = json!({"subsets": [{"ports": [{"port": 80}],
            "addresses": [{"ip": "a"}, {"ip": "b"}, {"ip": "c"}, {"ip": "d"}]}]});
        assert_eq!(endpoints(&behind, Time(0)), "a:80,b:80,c:80 + 1 more...");
        assert_eq!(endpoints(&json!({}), Time(0)), "<none>");
        assert_eq!(hosts(&json!({"spec": {"rules": [{"host": "x"}, {}]}}), Time(0)), "x");
    }
}

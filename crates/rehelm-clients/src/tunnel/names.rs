//! Names of servers, as programs in a cluster write them.

use std::net::IpAddr;

/// Port of a server that names none.
pub(super) const USUAL: u16 = 27017;

/// What a name may mean, in the order in which it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A Service.
    Service { namespace: String, name: String },
    /// A pod by its host name; behind a Service without an address of its own when one is named.
    Pod {
        namespace: String,
        name: String,
        service: Option<String>,
    },
    /// A pod by its address.
    Address(String),
}

/// `host:port`, `[address]:port`, or without the port.
pub(super) fn split(member: &str) -> (&str, u16) {
    let (host, port) = match member.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().unwrap_or(USUAL)),
        _ => (member, USUAL),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// True for names that a cluster may give out: without dots, or such as the cluster's own DNS has them.
pub fn may_be_inside(host: &str) -> bool {
    host != "localhost" && host.parse::<IpAddr>().is_err() && !meanings(host, "").is_empty()
}

/// What a name may mean, seen from a namespace.
pub(super) fn meanings(host: &str, home: &str) -> Vec<Meaning> {
    let service = |name: &str, namespace: &str| Meaning::Service {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    };
    let pod = |name: &str, namespace: &str, of: Option<&str>| Meaning::Pod {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        service: of.map(str::to_owned),
    };
    if host.parse::<IpAddr>().is_ok() {
        return vec![Meaning::Address(host.to_owned())];
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let labels: Vec<&str> = host.split('.').collect();
    // What follows `svc` is the cluster's own domain.
    match labels[..] {
        [name] => vec![service(name, home), pod(name, home, None)],
        [name, namespace, "svc", ..] => vec![service(name, namespace)],
        [name, of, namespace, "svc", ..] => vec![pod(name, namespace, Some(of))],
        [name, other] => vec![service(name, other), pod(name, home, Some(other))],
        [name, of, namespace] => vec![pod(name, namespace, Some(of))],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_a_pod_would_read_them() {
        let service = |namespace: &str| Meaning::Service {
            namespace: namespace.into(),
            name: "mongo".into(),
        };
        assert_eq!(meanings("mongo.db.svc", "x"), [service("db")]);
        assert_eq!(meanings("mongo.db.svc.cluster.local.", "x"), [service("db")]);
        assert_eq!(meanings("Mongo", "x")[0], service("x"));
        assert_eq!(meanings("mongo.db", "x")[0], service("db"));
        let member = Meaning::Pod {
            namespace: "db".into(),
            name: "mongo-0".into(),
            service: Some("mongo".into()),
        };
        assert_eq!(
            meanings("mongo-0.mongo.db.svc.cluster.local", "x").first(),
            Some(&member)
        );
        assert_eq!(meanings("mongo-0.mongo", "db")[1], member);
        assert!(may_be_inside("mongo.db.svc") && may_be_inside("mongo"));
        for outside in ["localhost", "127.0.0.1", "shard-00.abcde.mongodb.example.net", "::1"] {
            assert!(!may_be_inside(outside), "{outside}");
        }
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        assert_eq!(split("a.b.svc:27018"), ("a.b.svc", 27018));
        assert_eq!(split("a.b.svc"), ("a.b.svc", 27017));
        assert_eq!(split("[fd00::1]:5"), ("fd00::1", 5));
        assert_eq!(split("fd00::1"), ("fd00::1", 27017));
    }
}

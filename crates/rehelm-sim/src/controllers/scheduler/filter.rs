//! Whether a node suits a pod, in the order of the default plugins; the first that says no gives the reasons.

use std::collections::BTreeSet;

use serde_json::Value;

use super::machines::{Amounts, Machine};
use super::volumes::{Claims, Plan};
use super::{affinity, is_cordoned, labels, spread, volumes};
use crate::controllers::read::{int, list, text};
use crate::meta;
use crate::world::World;

/// Why a node does not suit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unfit {
    pub reasons: Vec<String>,
    /// Whether it would not suit even if other pods were not there.
    pub hopeless: bool,
}

impl Unfit {
    pub fn hopeless(reason: &str) -> Self {
        Self {
            reasons: vec![reason.to_owned()],
            hopeless: true,
        }
    }

    pub fn crowded(reason: &str) -> Self {
        Self {
            reasons: vec![reason.to_owned()],
            hopeless: false,
        }
    }
}

/// A pod that looks for a node, with what is the same for all nodes.
pub(super) struct Search<'a> {
    pub world: &'a World,
    pub pod: &'a Value,
    pub machines: &'a [Machine],
    pub claims: Claims,
    pub requests: Amounts,
}

impl Search<'_> {
    /// What has to be done about claims when the pod goes to this node; or why it cannot.
    pub fn try_node(&self, machine: &Machine) -> Result<Plan, Unfit> {
        let (pod, node) = (self.pod, &*machine.node);
        let cordon = serde_json::json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
        if is_cordoned(node) && !tolerates(pod, &cordon) {
            return Err(Unfit::hopeless("node(s) were unschedulable"));
        }
        let taints = list(node, "/spec/taints").iter();
        let mut repelling = taints.filter(|taint| text(taint, "/effect") != "PreferNoSchedule");
        if let Some(taint) = repelling.find(|taint| !tolerates(pod, taint)) {
            return Err(Unfit::hopeless(&self.untolerated(taint)));
        }
        if !labels::node_wanted(pod, node) {
            return Err(Unfit::hopeless("node(s) didn't match Pod's node affinity/selector"));
        }
        let wanted = ports(pod);
        if !wanted.is_empty() && machine.pods.iter().any(|other| clash(&wanted, &ports(other))) {
            return Err(Unfit::crowded(
                "node(s) didn't have free ports for the requested pod ports",
            ));
        }
        let (reasons, hopeless) = machine.lacks(&self.requests);
        if !reasons.is_empty() {
            return Err(Unfit { reasons, hopeless });
        }
        let plan = volumes::plan(self.world, &self.claims, node)?;
        spread::check(self, node)?;
        affinity::check(self, node)?;
        Ok(plan)
    }

    fn untolerated(&self, taint: &Value) -> String {
        if self.world.options.minor >= 35 {
            return "node(s) had untolerated taint(s)".to_owned();
        }
        let (key, value) = (text(taint, "/key"), text(taint, "/value"));
        if self.world.options.minor >= 24 {
            format!("node(s) had untolerated taint {{{key}: {value}}}")
        } else {
            format!("node(s) had taint {{{key}: {value}}}, that the pod didn't tolerate")
        }
    }
}

fn tolerates(pod: &Value, taint: &Value) -> bool {
    list(pod, "/spec/tolerations").iter().any(|toleration| {
        let (effect, key) = (text(toleration, "/effect"), text(toleration, "/key"));
        let right_effect = effect.is_empty() || effect == text(taint, "/effect");
        let right_key = key.is_empty() || key == text(taint, "/key");
        let exists = text(toleration, "/operator") == "Exists";
        let right_value = exists || !key.is_empty() && text(toleration, "/value") == text(taint, "/value");
        right_effect && right_key && right_value
    })
}

type Ports = BTreeSet<(String, String, i64)>;

/// Ports of the node that a pod takes: address, protocol, port.
fn ports(pod: &Value) -> Ports {
    let containers = list(pod, "/spec/containers").iter();
    let ports = containers.flat_map(|container| list(container, "/ports"));
    ports
        .filter(|port| int(port, "/hostPort") > 0)
        .map(|port| {
            let or = |pointer: &str, default: &str| match text(port, pointer) {
                "" => default.to_owned(),
                text => text.to_owned(),
            };
            (or("/hostIP", "0.0.0.0"), or("/protocol", "TCP"), int(port, "/hostPort"))
        })
        .collect()
}

fn clash(a: &Ports, b: &Ports) -> bool {
    let all = "0.0.0.0";
    a.iter().any(|(ip, protocol, port)| {
        let mut others = b.iter();
        others.any(|(other, p, n)| (p, n) == (protocol, port) && (ip == other || ip == all || other == all))
    })
}

/// Whether all that a pod asks of nodes is this one by name, as the pods of DaemonSets do.
pub(super) fn names_node(pod: &Value) -> Option<BTreeSet<String>> {
    let terms = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    let mut names = BTreeSet::new();
    for term in list(pod, terms) {
        let fields = list(term, "/matchFields");
        let field = fields.iter().find(|field| text(field, "/operator") == "In")?;
        names.extend(
            list(field, "/values")
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
    }
    (!names.is_empty()).then_some(names)
}

/// The value of a label by which nodes are grouped.
pub(super) fn domain<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    meta::label(node, key)
}

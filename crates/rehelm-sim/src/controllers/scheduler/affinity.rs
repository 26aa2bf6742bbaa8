//! Required affinity and anti-affinity between pods (`plugins/interpodaffinity`).

use serde_json::Value;

use super::filter::{Search, Unfit, domain};
use super::volumes::term_means;
use crate::controllers::read::{list, text};
use crate::meta;

const AFFINITY: &str = "/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution";
pub(super) const ANTI: &str = "/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution";

/// Whether a node suits what the pod wants of other pods, and what those that are there want of it.
pub(super) fn check(search: &Search<'_>, node: &Value) -> Result<(), Unfit> {
    let own = meta::namespace(search.pod);
    let wanted = list(search.pod, AFFINITY);
    if !wanted.iter().all(|term| is_near(search, node, own, term, wanted)) {
        return Err(Unfit::hopeless("node(s) didn't match pod affinity rules"));
    }
    let means = |term: &Value, pod: &Value| term_means(search.world, term, own, pod);
    for term in list(search.pod, ANTI) {
        if shares(search, node, text(term, "/topologyKey"), |pod| means(term, pod)) {
            return Err(Unfit::crowded("node(s) didn't match pod anti-affinity rules"));
        }
    }
    let repels = |other: &Value, term: &Value| {
        let key = text(term, "/topologyKey");
        let there = search
            .machines
            .iter()
            .find(|m| meta::name(&m.node) == text(other, "/spec/nodeName"));
        let same = there.is_some_and(|m| domain(&m.node, key).is_some() && domain(&m.node, key) == domain(node, key));
        same && term_means(search.world, term, meta::namespace(other), search.pod)
    };
    let mut others = search.machines.iter().flat_map(|machine| &machine.repelling);
    if others.any(|other| list(other, ANTI).iter().any(|term| repels(other, term))) {
        return Err(Unfit::crowded(
            "node(s) didn't satisfy existing pods anti-affinity rules",
        ));
    }
    Ok(())
}

/// Some pod for which `means` holds is in the node's part of the cluster.
fn shares(search: &Search<'_>, node: &Value, key: &str, means: impl Fn(&Value) -> bool) -> bool {
    let Some(here) = domain(node, key) else { return false };
    let mut near = search
        .machines
        .iter()
        .filter(|machine| domain(&machine.node, key) == Some(here));
    near.any(|machine| machine.pods.iter().any(|pod| means(pod)))
}

/// A term of affinity holds; the first of a group of pods that want each other may go anywhere.
fn is_near(search: &Search<'_>, node: &Value, own: &str, term: &Value, all: &[Value]) -> bool {
    let key = text(term, "/topologyKey");
    if domain(node, key).is_none() {
        return false;
    }
    let means = |term: &Value, pod: &Value| term_means(search.world, term, own, pod);
    if shares(search, node, key, |pod| means(term, pod)) {
        return true;
    }
    let mut pods = search.machines.iter().flat_map(|machine| &machine.pods);
    let alone = !pods.any(|pod| all.iter().all(|term| means(term, pod)));
    alone && all.iter().all(|term| means(term, search.pod))
}

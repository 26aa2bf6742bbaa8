//! Topology spread that must hold (`plugins/podtopologyspread`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::filter::{Search, Unfit, domain};
use super::labels;
use crate::controllers::read::{int, list, text};
use crate::meta;

/// Whether a node keeps the pods of each constraint spread evenly enough.
pub(super) fn check(search: &Search<'_>, node: &Value) -> Result<(), Unfit> {
    let all = list(search.pod, "/spec/topologySpreadConstraints");
    let hard: Vec<&Value> = all
        .iter()
        .filter(|c| text(c, "/whenUnsatisfiable") == "DoNotSchedule")
        .collect();
    for constraint in &hard {
        let key = text(constraint, "/topologyKey");
        let Some(here) = domain(node, key) else {
            let why = "node(s) didn't match pod topology spread constraints (missing required label)";
            return Err(Unfit::hopeless(why));
        };
        let counts = counts(search, constraint, &hard);
        let fewest = counts.values().min().copied().unwrap_or(0);
        let domains = i64::try_from(counts.len()).unwrap_or(i64::MAX);
        let fewest = if domains < int(constraint, "/minDomains") {
            0
        } else {
            fewest
        };
        let itself = i64::from(counts_pod(constraint, search.pod, search.pod));
        let skew = counts.get(here).copied().unwrap_or(0) + itself - fewest;
        if skew > int(constraint, "/maxSkew") {
            return Err(Unfit::crowded("node(s) didn't match pod topology spread constraints"));
        }
    }
    Ok(())
}

/// How many pods each part of the cluster has; of nodes that the pod could be on.
fn counts<'a>(search: &'a Search<'_>, constraint: &Value, hard: &[&Value]) -> BTreeMap<&'a str, i64> {
    let key = text(constraint, "/topologyKey");
    let mut counts = BTreeMap::new();
    for machine in search.machines {
        let node = &*machine.node;
        let labelled = hard
            .iter()
            .all(|other| domain(node, text(other, "/topologyKey")).is_some());
        let heeds = text(constraint, "/nodeAffinityPolicy") != "Ignore";
        if !labelled || heeds && !labels::node_wanted(search.pod, node) {
            continue;
        }
        let Some(here) = domain(node, key) else { continue };
        let pods = machine
            .pods
            .iter()
            .filter(|pod| counts_pod(constraint, search.pod, pod));
        *counts.entry(here).or_insert(0) += i64::try_from(pods.count()).unwrap_or(i64::MAX);
    }
    counts
}

fn counts_pod(constraint: &Value, own: &Value, pod: &Value) -> bool {
    let keys = list(constraint, "/matchLabelKeys").iter().filter_map(Value::as_str);
    let mut keys = keys.filter(|key| meta::label(own, key).is_some());
    meta::namespace(pod) == meta::namespace(own)
        && !meta::is_terminating(pod)
        && labels::selects(constraint.get("labelSelector"), pod)
        && keys.all(|key| meta::label(own, key) == meta::label(pod, key))
}

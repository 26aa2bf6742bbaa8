//! Where a pod goes, or why nowhere: in the scheduler's own words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::filter::{Search, names_node};
use super::machines::{Machine, requests};
use super::volumes::{self, Plan};
use crate::meta;
use crate::world::World;

/// What becomes of a pod.
pub(super) enum Verdict {
    /// Its claims are on their way.
    Wait,
    /// No node suits, and why.
    Nowhere(String),
    /// Its claims are given the node with this place in the list first.
    Claims(usize, Plan),
    /// It gets the node with this place in the list.
    Node(usize),
}

pub(super) fn judge(world: &World, pod: &Value, machines: &[Machine]) -> Verdict {
    if machines.is_empty() {
        return Verdict::Nowhere("no nodes available to schedule pods".to_owned());
    }
    let claims = match volumes::of(world, pod) {
        Ok(claims) => claims,
        Err(why) => return Verdict::Nowhere(early(world.options.minor, machines.len(), &why)),
    };
    if claims.on_their_way(world) {
        return Verdict::Wait;
    }
    let search = Search {
        world,
        pod,
        machines,
        claims,
        requests: requests(pod),
    };
    let named = names_node(pod);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut hopeless, mut best) = (0, None::<(usize, usize, Plan)>);
    for (at, machine) in machines.iter().enumerate() {
        if named
            .as_ref()
            .is_some_and(|names| !names.contains(meta::name(&machine.node)))
        {
            *reasons
                .entry("node(s) didn't satisfy plugin(s) [NodeAffinity]".to_owned())
                .or_default() += 1;
            hopeless += 1;
            continue;
        }
        match search.try_node(machine) {
            Ok(plan) => {
                let load = machine.pods.len();
                if best.as_ref().is_none_or(|(_, least, _)| load < *least) {
                    best = Some((at, load, plan));
                }
            }
            Err(unfit) => {
                hopeless += usize::from(unfit.hopeless);
                for reason in unfit.reasons {
                    *reasons.entry(reason).or_default() += 1;
                }
            }
        }
    }
    match best {
        Some((at, _, plan)) if plan.is_empty() => Verdict::Node(at),
        Some((at, _, plan)) => Verdict::Claims(at, plan),
        None => Verdict::Nowhere(late(world.options.minor, machines.len(), &reasons, hopeless)),
    }
}

/// Refused before any node was looked at.
fn early(minor: u32, nodes: usize, why: &str) -> String {
    match minor {
        34.. => format!("0/{nodes} nodes are available: {why}. not found"),
        24.. => format!(
            "0/{nodes} nodes are available: {why}. preemption: 0/{nodes} nodes are available: {nodes} Preemption is not \
             helpful for scheduling."
        ),
        _ => format!("0/{nodes} nodes are available: {nodes} {why}."),
    }
}

/// Refused by every node.
fn late(minor: u32, nodes: usize, reasons: &BTreeMap<String, usize>, hopeless: usize) -> String {
    let mut counted: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    counted.sort_unstable();
    let why = format!("0/{nodes} nodes are available: {}.", counted.join(", "));
    if minor < 24 {
        return why;
    }
    let claims = if minor >= 34 {
        "no new claims to deallocate, "
    } else {
        ""
    };
    let mut help = Vec::new();
    if nodes > hopeless {
        help.push(format!(
            "{} No preemption victims found for incoming pod",
            nodes - hopeless
        ));
    }
    if hopeless > 0 {
        help.push(format!("{hopeless} Preemption is not helpful for scheduling"));
    }
    help.sort_unstable();
    format!(
        "{why} {claims}preemption: 0/{nodes} nodes are available: {}.",
        help.join(", ")
    )
}

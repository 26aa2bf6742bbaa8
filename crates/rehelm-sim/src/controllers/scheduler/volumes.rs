//! Claims in scheduling (`plugins/volumebinding`, `volumerestrictions`, `volumezone`).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::filter::Unfit;
use super::labels;
use crate::controllers::binder::{change, find, point_at, reaches};
use crate::controllers::read::{list, text};
use crate::controllers::volumes::{
    CLAIMS, CLASSES, VOLUMES, claim_ref, claims_of, class, is_bound, is_for, is_over, modes, notes, phase, pods_of,
    requested, waits_for_consumer,
};
use crate::meta;
use crate::world::World;

/// The claims of a pod.
#[derive(Default)]
pub(super) struct Claims {
    bound: Vec<Arc<Value>>,
    /// Those that wait for their first pod.
    waiting: Vec<Arc<Value>>,
    /// Somebody else uses a claim that only one pod may use.
    taken: bool,
}

/// What has to be done about claims before their pod can have a node.
#[derive(Default)]
pub(super) struct Plan {
    /// Volume and claim.
    bind: Vec<(Arc<Value>, Arc<Value>)>,
    provision: Vec<Arc<Value>>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.bind.is_empty() && self.provision.is_empty()
    }
}

/// The claims of a pod, or what is wrong with them whatever the node.
pub(super) fn of(world: &World, pod: &Value) -> Result<Claims, String> {
    let mut claims = Claims::default();
    let mut immediate = false;
    let named = list(pod, "/spec/volumes")
        .iter()
        .filter_map(|v| v.pointer("/persistentVolumeClaim/claimName"));
    let named: BTreeSet<&str> = named.filter_map(Value::as_str).collect();
    for name in claims_of(pod) {
        let Some(claim) = world.get(CLAIMS, meta::namespace(pod), &name) else {
            return Err(if named.contains(name.as_str()) {
                format!("persistentvolumeclaim \"{name}\" not found")
            } else {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"")
            });
        };
        if phase(&claim) == "Lost" {
            let volume = text(&claim, "/spec/volumeName");
            return Err(format!(
                "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\""
            ));
        }
        if meta::is_terminating(&claim) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        claims.taken |= modes(&claim).contains(&"ReadWriteOncePod")
            && pods_of(world, &claim)
                .iter()
                .any(|other| !text(other, "/spec/nodeName").is_empty() && !is_over(other));
        if is_bound(&claim) {
            claims.bound.push(claim);
        } else if text(&claim, "/spec/volumeName").is_empty() && waits_for_consumer(world, &claim) {
            claims.waiting.push(claim);
        } else {
            immediate = true;
        }
    }
    if immediate {
        return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
    }
    claims.waiting.sort_by_key(|claim| requested(claim));
    Ok(claims)
}

impl Claims {
    /// All claims that wait for a pod were given a node or volume already.
    pub fn on_their_way(&self, world: &World) -> bool {
        let volumes = if self.waiting.is_empty() {
            Vec::new()
        } else {
            world.list(VOLUMES, None)
        };
        let has_volume = |claim: &Value| {
            let mut meant = volumes.iter().filter(|volume| is_for(volume, claim));
            meant.any(|volume| claim_ref(volume).is_some_and(|to| text(to, "/uid") == meta::uid(claim)))
        };
        !self.waiting.is_empty()
            && self
                .waiting
                .iter()
                .all(|claim| meta::annotation(claim, notes::SELECTED_NODE).is_some() || has_volume(claim))
    }
}

/// What has to be done when the pod of these claims goes to a node.
pub(super) fn plan(world: &World, claims: &Claims, node: &Value) -> Result<Plan, Unfit> {
    if claims.taken {
        return Err(Unfit::crowded(
            "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
        ));
    }
    let mut bound = Vec::new();
    for claim in &claims.bound {
        let Some(volume) = world.get(VOLUMES, "", text(claim, "/spec/volumeName")) else {
            return Err(Unfit::hopeless(
                "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            ));
        };
        if !reaches(&volume, node) {
            return Err(Unfit::hopeless("node(s) didn't match PersistentVolume's node affinity"));
        }
        bound.push(volume);
    }
    let mut plan = Plan::default();
    if !claims.waiting.is_empty() {
        plan_waiting(world, claims, node, &mut plan)?;
    }
    if bound.iter().any(|volume| is_elsewhere(volume, node)) {
        return Err(Unfit::hopeless("node(s) had no available volume zone"));
    }
    Ok(plan)
}

fn plan_waiting(world: &World, claims: &Claims, node: &Value, plan: &mut Plan) -> Result<(), Unfit> {
    let conflict = || Unfit::hopeless("node(s) didn't find available persistent volumes to bind");
    let volumes = world.list(VOLUMES, None);
    let mut taken = BTreeSet::new();
    for claim in &claims.waiting {
        match meta::annotation(claim, notes::SELECTED_NODE) {
            Some(chosen) if chosen != meta::name(node) => return Err(conflict()),
            Some(_) => {}
            None => {
                let same = volumes.iter().filter(|volume| class(volume) == class(claim));
                if let Some(volume) = find(claim, same, Some(node), &taken, true) {
                    taken.insert(meta::name(&volume).to_owned());
                    plan.bind.push((volume, claim.clone()));
                    continue;
                }
            }
        }
        let class = world.get(CLASSES, "", class(claim)).ok_or_else(conflict)?;
        let by = text(&class, "/provisioner");
        if by.is_empty() || by == "kubernetes.io/no-provisioner" || !allows(&class, node) {
            return Err(conflict());
        }
        plan.provision.push(claim.clone());
    }
    Ok(())
}

/// `allowedTopologies` of a class.
fn allows(class: &Value, node: &Value) -> bool {
    let terms = list(class, "/allowedTopologies");
    let holds = |rule: &Value| {
        let value = meta::label(node, text(rule, "/key"));
        value.is_some_and(|value| list(rule, "/values").iter().any(|wanted| wanted == value))
    };
    terms.is_empty()
        || terms
            .iter()
            .any(|term| list(term, "/matchLabelExpressions").iter().all(holds))
}

/// A volume's own labels say that it is in a zone or region that the node is not in; several are joined by `__`.
fn is_elsewhere(volume: &Value, node: &Value) -> bool {
    const LABELS: [(&str, &str); 4] = [
        ("topology.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        ("topology.kubernetes.io/region", "topology.kubernetes.io/region"),
        ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
        (
            "failure-domain.beta.kubernetes.io/region",
            "topology.kubernetes.io/region",
        ),
    ];
    if LABELS.iter().all(|(label, _)| meta::label(node, label).is_none()) {
        return false;
    }
    LABELS.iter().any(|(old, new)| {
        let here = meta::label(node, old).or_else(|| meta::label(node, new));
        let there = meta::label(volume, old);
        there.is_some_and(|zones| here.is_none_or(|here| zones.split("__").all(|zone| zone != here)))
    })
}

/// Gives volumes to claims, and the node to claims that get a volume made.
pub(super) fn carry_out(world: &mut World, plan: &Plan, node: &str) {
    for (volume, claim) in &plan.bind {
        point_at(world, volume, claim);
    }
    for claim in &plan.provision {
        change(world, CLAIMS, claim, |claim| {
            meta::set_annotation(claim, notes::SELECTED_NODE, node)
        });
    }
}

/// Whether a selector of labels holds for a pod, and the pod is in one of the namespaces that a term means.
pub(super) fn term_means(world: &World, term: &Value, own: &str, pod: &Value) -> bool {
    let namespaces = list(term, "/namespaces");
    let selector = term.get("namespaceSelector").filter(|selector| !selector.is_null());
    let namespace = meta::namespace(pod);
    let here = match (namespaces.is_empty(), selector) {
        (true, None) => namespace == own,
        (_, selector) => {
            let named = namespaces.iter().any(|name| name == namespace);
            named
                || selector.is_some_and(|selector| {
                    let object = world.get("namespaces", "", namespace);
                    object.is_some_and(|object| labels::selects(Some(selector), &object))
                })
        }
    };
    here && labels::selects(term.get("labelSelector"), pod)
}

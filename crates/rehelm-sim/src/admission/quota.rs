//! ResourceQuotas: what an object uses, and whether that is still to be had.
//!
//! What is used stands in the quota's status, as on a real cluster: admission adds to it, the controller recounts it after
//! deletions and changes of the quota.

mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kinds::Kind;
use crate::meta;
use crate::quantity::Quantity;
use crate::refusal::Refusal;
use crate::world::{World, Writer};

pub(crate) use usage::{counted, in_scope};

/// Amounts by the names that quotas use.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// Id of the resource.
pub(crate) const QUOTAS: &str = "resourcequotas";

/// Amounts in JSON.
pub(crate) fn amounts(value: Option<&Value>) -> Amounts {
    let map = value.and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount)?)))
        .collect()
}

/// Amounts as JSON.
pub(crate) fn written(amounts: &Amounts) -> Value {
    let map: Map<String, Value> = amounts
        .iter()
        .map(|(name, amount)| (name.clone(), amount.to_string().into()))
        .collect();
    Value::Object(map)
}

fn pretty(amounts: &Amounts) -> String {
    let parts: Vec<String> = amounts
        .iter()
        .map(|(name, amount)| format!("{name}={amount}"))
        .collect();
    parts.join(",")
}

/// Takes what an object needs more than before from every quota that counts it, or refuses the object.
pub(super) fn charge(
    world: &mut World,
    kind: &Kind,
    object: &Value,
    old: Option<&Value>,
    dry_run: bool,
) -> Result<(), Refusal> {
    // Changes count for what can become larger; a pod's size is fixed.
    if old.is_some() && !matches!(&*kind.id, "persistentvolumeclaims" | "services") {
        return Ok(());
    }
    let quotas = world.list(QUOTAS, Some(meta::namespace(object)));
    if quotas.is_empty() {
        return Ok(());
    }
    let mut delta = counted(&kind.id, object);
    for (name, before) in old.map(|old| counted(&kind.id, old)).unwrap_or_default() {
        if let Some(amount) = delta.get_mut(&name) {
            *amount = amount.minus(before);
        }
    }
    let refused = |why: &str| Err(Refusal::forbidden(&kind.id, meta::name(object), why));
    let mut charged: Vec<(Arc<Value>, Amounts)> = Vec::new();
    for quota in quotas {
        let hard = amounts(quota.pointer("/status/hard"));
        let used = amounts(quota.pointer("/status/used"));
        let ours: Vec<&String> = hard
            .keys()
            .filter(|name| usage::concerns(&kind.id, name, &delta))
            .collect();
        if ours.is_empty() || !usage::in_scope(&quota, &kind.id, object) {
            continue;
        }
        let name = meta::name(&quota);
        if let Some(missing) = usage::missing(&kind.id, object, &ours) {
            return refused(&format!("failed quota: {name}: must specify {missing}"));
        }
        let unknown: Vec<&str> = ours
            .iter()
            .filter(|name| !used.contains_key(**name))
            .map(|name| name.as_str())
            .collect();
        if !unknown.is_empty() {
            return refused(&format!(
                "status unknown for quota: {name}, resources: {}",
                unknown.join(",")
            ));
        }
        let (mut requested, mut before, mut limits) = (Amounts::new(), Amounts::new(), Amounts::new());
        let mut after = used.clone();
        for name in ours {
            let Some(more) = delta.get(name).filter(|more| !more.is_zero()) else {
                continue;
            };
            let (used, hard) = (used[name], hard[name]);
            let sum = used.plus(*more);
            if sum > hard && !more.is_negative() {
                requested.insert(name.clone(), *more);
                before.insert(name.clone(), used);
                limits.insert(name.clone(), hard);
            }
            if !more.is_negative() {
                after.insert(name.clone(), sum);
            }
        }
        if !requested.is_empty() {
            return refused(&format!(
                "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                pretty(&requested),
                pretty(&before),
                pretty(&limits)
            ));
        }
        if after != used {
            charged.push((quota, after));
        }
    }
    if dry_run || charged.is_empty() {
        return Ok(());
    }
    let kind = world.kind(QUOTAS)?;
    for (quota, after) in charged {
        let mut changed = (*quota).clone();
        meta::child_map(&mut changed, "status").insert("used".to_owned(), written(&after));
        world.replace(&kind, &quota, changed, &Writer::new("kube-apiserver", "status"), false)?;
    }
    Ok(())
}

//! ClusterRoles that gather the rules of others by label. Rules: kubernetes `pkg/controller/clusterroleaggregation`.

use std::time::Duration;

use serde_json::Value;

use super::{Controller, read, selector};
use crate::meta;
use crate::store::Change;
use crate::world::World;

const ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

/// The controller.
pub(crate) struct Aggregation;

impl Controller for Aggregation {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        if &*change.resource != ROLES {
            return Vec::new();
        }
        let all = world.list(ROLES, None);
        let gathering = all
            .iter()
            .filter(|role| role.get("aggregationRule").is_some_and(Value::is_object));
        let concerned = gathering.filter(|role| {
            let itself = meta::uid(role) == meta::uid(&change.object);
            itself || gathers(role, &change.object) || change.old.as_deref().is_some_and(|old| gathers(role, old))
        });
        concerned
            .map(|role| (world.options.timing.sync, meta::name(role).to_owned()))
            .collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let role = world.get(ROLES, "", key)?;
        if !role.get("aggregationRule").is_some_and(Value::is_object) {
            return None;
        }
        let mut rules: Vec<Value> = Vec::new();
        for other in world.list(ROLES, None) {
            if meta::name(&other) == key || !gathers(&role, &other) {
                continue;
            }
            for rule in read::list(&other, "/rules") {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        if rules.as_slice() != read::list(&role, "/rules") {
            let written = world.modify(ROLES, "", key, |role| role["rules"] = rules.into());
            if let Err(refusal) = written {
                tracing::debug!(key, message = refusal.message, "a role's rules could not be gathered");
            }
        }
        None
    }
}

fn gathers(role: &Value, other: &Value) -> bool {
    let selectors = read::list(role, "/aggregationRule/clusterRoleSelectors").iter();
    selectors
        .into_iter()
        .any(|wanted| selector::selects(Some(wanted), other))
}

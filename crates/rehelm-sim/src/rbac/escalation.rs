//! Nobody gives away what they do not have: checked when roles and bindings are written.

use serde_json::{Value, json};

use super::evaluate::{BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, ROLES};
use super::{Identity, Question, evaluate, rules, verdict};
use crate::kinds::Kind;
use crate::meta;
use crate::refusal::Refusal;
use crate::world::World;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Refuses a role with rules, or a binding to a role, that goes beyond what the writer may do.
pub(crate) fn check(
    world: &World,
    identity: &Identity,
    kind: &Kind,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), Refusal> {
    if !world.options.authorize || identity.is_master() || kind.facts.group != GROUP {
        return Ok(());
    }
    // What changes only what the garbage collector changes is none of this.
    let content = ["rules", "aggregationRule", "subjects", "roleRef"];
    if old.is_some_and(|old| content.iter().all(|key| old.get(key) == object.get(key))) {
        return Ok(());
    }
    match &*kind.id {
        ROLES | CLUSTER_ROLES => role(world, identity, kind, object, old),
        BINDINGS | CLUSTER_BINDINGS => binding(world, identity, kind, object),
        _ => Ok(()),
    }
}

fn role(world: &World, identity: &Identity, kind: &Kind, role: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    // The name of an object that is being created is not part of the request.
    let name = if old.is_some() { meta::name(role) } else { "" };
    if may(
        world,
        identity,
        "escalate",
        &kind.facts.plural,
        meta::namespace(role),
        name,
    ) {
        return Ok(());
    }
    let wanted = role.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    confirm(world, identity, meta::namespace(role), &wanted)
        .map_err(|why| Refusal::forbidden(&kind.id, meta::name(role), &why))?;
    let gathers = |role: &Value| role.get("aggregationRule").is_some_and(|rule| !rule.is_null());
    if gathers(role) || old.is_some_and(gathers) {
        let everything = [
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
        ];
        confirm(world, identity, "", &everything).map_err(|_| {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            Refusal::forbidden(&kind.id, meta::name(role), why)
        })?;
    }
    Ok(())
}

fn binding(world: &World, identity: &Identity, kind: &Kind, binding: &Value) -> Result<(), Refusal> {
    let namespace = meta::namespace(binding);
    let role = binding.get("roleRef").unwrap_or(&Value::Null);
    let text = |key: &str| role.get(key).and_then(Value::as_str).unwrap_or_default();
    let plural = if text("kind") == "Role" {
        "roles"
    } else {
        "clusterroles"
    };
    if may(world, identity, "bind", plural, namespace, text("name")) {
        return Ok(());
    }
    let wanted = evaluate::role_rules(world, role, namespace)?;
    confirm(world, identity, namespace, &wanted).map_err(|why| Refusal::forbidden(&kind.id, meta::name(binding), &why))
}

fn may(world: &World, identity: &Identity, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let question = Question {
        verb,
        group: GROUP,
        resource,
        namespace,
        name,
        path: "",
    };
    verdict(world, identity, &question).allowed
}

/// Ok when somebody has all these rules themselves; else why not.
fn confirm(world: &World, identity: &Identity, namespace: &str, wanted: &[Value]) -> Result<(), String> {
    let granted = evaluate::granted(world, identity, namespace);
    let held: Vec<&Value> = granted.rules.iter().map(|grant| &grant.rule).collect();
    let missing = rules::missing(&held, wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = missing.iter().map(rules::compact).collect();
    lines.sort();
    lines.dedup();
    let groups: Vec<&str> = identity.groups.iter().map(String::as_str).collect();
    let mut why = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        identity.name,
        rules::quoted(&groups),
        lines.join("\n")
    );
    if !granted.missing.is_empty() {
        why = format!("{why}; resolution errors: [{}]", granted.missing.join(" "));
    }
    Err(why)
}

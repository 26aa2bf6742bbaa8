//! Which rules somebody has, and by which binding.

use serde_json::Value;

use super::Identity;
use crate::meta;
use crate::refusal::Refusal;
use crate::world::World;

pub(super) const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";
pub(super) const ROLES: &str = "roles.rbac.authorization.k8s.io";
pub(super) const CLUSTER_BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
pub(super) const BINDINGS: &str = "rolebindings.rbac.authorization.k8s.io";

/// A rule that somebody has.
pub(super) struct Grant {
    pub rule: Value,
    /// `ClusterRoleBinding "x" of ClusterRole "y" to Group "z"`.
    pub by: String,
}

/// All that somebody has.
#[derive(Default)]
pub(super) struct Granted {
    pub rules: Vec<Grant>,
    /// What is wrong with roles that bindings name.
    pub missing: Vec<String>,
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Rules for everything cluster-wide, and for a namespace unless that is empty.
pub(super) fn granted(world: &World, identity: &Identity, namespace: &str) -> Granted {
    let mut granted = Granted::default();
    for binding in world.list(CLUSTER_BINDINGS, None) {
        let by = format!("ClusterRoleBinding \"{}\"", meta::name(&binding));
        add(world, identity, &binding, "", &by, &mut granted);
    }
    if !namespace.is_empty() {
        for binding in world.list(BINDINGS, Some(namespace)) {
            let by = format!("RoleBinding \"{}/{namespace}\"", meta::name(&binding));
            add(world, identity, &binding, namespace, &by, &mut granted);
        }
    }
    granted
}

fn add(world: &World, identity: &Identity, binding: &Value, namespace: &str, by: &str, granted: &mut Granted) {
    let subjects = binding.get("subjects").and_then(Value::as_array);
    let mut subjects = subjects.into_iter().flatten();
    let Some(subject) = subjects.find(|subject| is(identity, subject, namespace)) else {
        return;
    };
    let role = binding.get("roleRef").unwrap_or(&Value::Null);
    match role_rules(world, role, namespace) {
        Ok(rules) => {
            let (kind, name) = (text(role, "kind"), text(role, "name"));
            let by = format!("{by} of {kind} \"{name}\" to {}", described(subject, namespace));
            let grants = rules.into_iter().map(|rule| Grant { rule, by: by.clone() });
            granted.rules.extend(grants);
        }
        Err(refusal) => granted.missing.push(refusal.message),
    }
}

/// True when a subject is this user, or a group of theirs.
fn is(identity: &Identity, subject: &Value, namespace: &str) -> bool {
    let name = text(subject, "name");
    match text(subject, "kind") {
        "User" => identity.name == name,
        "Group" => identity.groups.iter().any(|group| group == name),
        "ServiceAccount" => {
            let namespace = Some(text(subject, "namespace"))
                .filter(|n| !n.is_empty())
                .unwrap_or(namespace);
            !namespace.is_empty() && identity.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

fn described(subject: &Value, namespace: &str) -> String {
    let (kind, name) = (text(subject, "kind"), text(subject, "name"));
    if kind != "ServiceAccount" {
        return format!("{kind} \"{name}\"");
    }
    let namespace = Some(text(subject, "namespace"))
        .filter(|n| !n.is_empty())
        .unwrap_or(namespace);
    format!("{kind} \"{name}/{namespace}\"")
}

/// Rules of the role that a binding names.
pub(super) fn role_rules(world: &World, role: &Value, namespace: &str) -> Result<Vec<Value>, Refusal> {
    let name = text(role, "name");
    let (resource, namespace) = match text(role, "kind") {
        "Role" => (ROLES, namespace),
        "ClusterRole" => (CLUSTER_ROLES, ""),
        kind => {
            return Err(Refusal::unexplained(format!(
                "unsupported role reference kind: \"{kind}\""
            )));
        }
    };
    let found = world.get(resource, namespace, name);
    let found = found.ok_or_else(|| {
        let mut refusal = Refusal::not_found(resource, name);
        refusal.message = format!(
            "{}.rbac.authorization.k8s.io \"{name}\" not found",
            text(role, "kind").to_lowercase()
        );
        refusal
    })?;
    let rules = found.get("rules").and_then(Value::as_array);
    Ok(rules.cloned().unwrap_or_default())
}

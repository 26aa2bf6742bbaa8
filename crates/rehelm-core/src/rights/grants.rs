//! Rights that are given away: the server lets nobody write a role with rights, or bind one, beyond their own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::object::Object;
use crate::ports::Access;
use crate::steps::access;

const GROUP: &str = "rbac.authorization.k8s.io";

/// What whoever writes this object must be allowed: a role's own rules, or to bind the role that a binding names.
pub fn granted_by(object: &Object) -> BTreeSet<Access> {
    if object.reference().group() != GROUP {
        return BTreeSet::new();
    }
    match object.kind() {
        "Role" | "ClusterRole" => {
            let rules = object.get("/rules").and_then(Value::as_array);
            rules
                .into_iter()
                .flatten()
                .flat_map(|rule| of_rule(rule, object.namespace()))
                .collect()
        }
        "RoleBinding" | "ClusterRoleBinding" => bound(object).into_iter().collect(),
        _ => BTreeSet::new(),
    }
}

fn bound(binding: &Object) -> Option<Access> {
    let plural = match binding.str("/roleRef/kind")? {
        "Role" => "roles",
        _ => "clusterroles",
    };
    let name = binding.str("/roleRef/name")?;
    Some(access("bind", GROUP, plural, binding.namespace(), Some(name)))
}

fn of_rule(rule: &Value, namespace: Option<&str>) -> Vec<Access> {
    let texts = |key: &str| -> Vec<&str> {
        let list = rule.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let mut rights = Vec::new();
    let names = texts("resourceNames");
    for verb in texts("verbs") {
        for path in texts("nonResourceURLs") {
            rights.push(access(verb, "", path, None, None));
        }
        for group in texts("apiGroups") {
            for resource in texts("resources") {
                if names.is_empty() {
                    rights.push(access(verb, group, resource, namespace, None));
                }
                let named = names
                    .iter()
                    .map(|name| access(verb, group, resource, namespace, Some(name)));
                rights.extend(named);
            }
        }
    }
    rights
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_gives_its_rules_away_and_a_binding_its_role() {
        let role = Object(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
            "rules": [{"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "list"]},
                      {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}),
        );
        let given = granted_by(&role);
        assert_eq!(given.len(), 5);
        assert!(given.contains(&access("get", "", "/metrics", None, None)));
        let binding = Object(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "b", "namespace": "n"}, "roleRef": {"kind": "ClusterRole", "name": "view"}}),
        );
        assert_eq!(
            granted_by(&binding),
            BTreeSet::from([access("bind", GROUP, "clusterroles", Some("n"), Some("view"))])
        );
        let other = Object(json!({"apiVersion": "v1", "kind": "Role", "metadata": {"name": "x"}}));
        assert!(granted_by(&other).is_empty());
    }
}

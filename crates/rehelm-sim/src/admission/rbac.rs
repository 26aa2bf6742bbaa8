//! Roles and bindings.

use serde_json::Value;

use super::look::{At, Causes};
use super::names;
use crate::refusal::Cause;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(object: &Value, namespaced: bool, causes: &mut Causes) {
    for rule in At::new(object.get("rules"), "rules").items() {
        let verbs = rule.child("verbs");
        if verbs.is_empty() {
            causes.required(&verbs, "verbs must contain at least one value");
        }
        let urls = rule.child("nonResourceURLs");
        let (groups, resources) = (rule.child("apiGroups"), rule.child("resources"));
        if !urls.is_empty() {
            if namespaced {
                causes.invalid(&urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if !groups.is_empty() || !resources.is_empty() || !rule.child("resourceNames").is_empty() {
                causes.invalid(
                    &urls,
                    "rules cannot apply to both regular resources and non-resource URLs",
                );
            }
            continue;
        }
        if groups.is_empty() {
            causes.required(&groups, "resource rules must supply at least one api group");
        }
        if resources.is_empty() {
            causes.required(&resources, "resource rules must supply at least one resource");
        }
    }
}

fn supported(at: &At<'_>, known: &[&str], causes: &mut Causes) {
    if !known.contains(&at.text()) {
        causes.0.push(Cause::not_supported(&at.path, &at.text().into(), known));
    }
}

pub(super) fn binding(object: &Value, namespaced: bool, causes: &mut Causes) {
    let role = At::new(object.get("roleRef"), "roleRef");
    supported(&role.child("apiGroup"), &[GROUP], causes);
    let kinds: &[&str] = if namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    supported(&role.child("kind"), kinds, causes);
    let name = role.child("name");
    if name.is_empty() {
        causes.required(&name, "");
    } else {
        causes.rule(&name, names::path_segment);
    }
    for subject in At::new(object.get("subjects"), "subjects").items() {
        let name = subject.child("name");
        if name.is_empty() {
            causes.required(&name, "");
        }
        let group = subject.child("apiGroup");
        match subject.child("kind").text() {
            "ServiceAccount" => {
                if !name.is_empty() {
                    causes.rule(&name, names::subdomain);
                }
                if !group.is_empty() {
                    supported(&group, &[""], causes);
                }
                let namespace = subject.child("namespace");
                if !namespaced && namespace.is_empty() {
                    causes.required(&namespace, "");
                }
            }
            "User" | "Group" => {
                if group.is_set() {
                    supported(&group, &[GROUP], causes);
                }
            }
            _ => supported(&subject.child("kind"), &["ServiceAccount", "User", "Group"], causes),
        }
    }
}

//! Rights as Roles: one Role a namespace and one ClusterRole for each duty, with bindings.
//!
//! Rules are as narrow as the API allows: `create` cannot name its object, and neither can a list of many.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde_json::{Value, json};

use super::{Beside, Duty, of};
use crate::object::Object;
use crate::plan::Plan;
use crate::ports::Access;
use crate::steps::StepSpec;

const API: &str = "rbac.authorization.k8s.io/v1";

/// Who gets the rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `serviceaccount:NAMESPACE/NAME`
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// `user:NAME`
    User(String),
    /// `group:NAME`
    Group(String),
}

/// A subject that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` names nobody: write serviceaccount:NAMESPACE/NAME, user:NAME or group:NAME")]
pub struct SubjectError(String);

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let wrong = || SubjectError(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        if name.is_empty() {
            return Err(wrong());
        }
        match kind {
            "serviceaccount" => {
                let (namespace, name) = name.split_once('/').ok_or_else(wrong)?;
                if namespace.is_empty() || name.is_empty() || name.contains('/') {
                    return Err(wrong());
                }
                Ok(Self::ServiceAccount {
                    namespace: namespace.to_owned(),
                    name: name.to_owned(),
                })
            }
            "user" => Ok(Self::User(name.to_owned())),
            "group" => Ok(Self::Group(name.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl Subject {
    fn manifest(&self) -> Value {
        match self {
            Self::ServiceAccount { namespace, name } => {
                json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
            }
            Self::User(name) => json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}),
            Self::Group(name) => json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}),
        }
    }
}

/// Who has which duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subjects {
    /// A service account of its own for each duty, `rehelm-…` in the old install's namespace; they are made, too.
    Made,
    /// One for all.
    One(Subject),
}

/// Everything to apply, in order. The release's namespace comes first when the plan makes it: roles live in it.
pub fn manifests(plan: &Plan, beside: &Beside, subjects: &Subjects, duties: &[Duty]) -> Vec<Object> {
    let (source, target) = (plan.source.namespace.clone(), plan.target.namespace.clone());
    let mut all = Vec::new();
    let mut plan = plan.clone();
    for step in &mut plan.steps {
        if let StepSpec::Namespace(namespace) = &mut step.spec
            && !namespace.exists
        {
            all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target}}));
            // Made here, it is nobody's to make or to remove any more.
            namespace.exists = true;
        }
    }
    for duty in duties {
        let name = format!("rehelm-{}-{duty}", plan.target.release);
        let subject = match subjects {
            Subjects::One(subject) => subject.manifest(),
            Subjects::Made => {
                all.push(json!({"apiVersion": "v1", "kind": "ServiceAccount",
                                "metadata": {"name": name, "namespace": source}}));
                json!({"kind": "ServiceAccount", "namespace": source, "name": name})
            }
        };
        let mut places: BTreeMap<Option<String>, BTreeSet<Access>> = BTreeMap::new();
        for access in of(&plan, *duty, beside) {
            places.entry(access.namespace.clone()).or_default().insert(access);
        }
        for (namespace, rights) in places {
            all.push(role(namespace.as_deref(), &name, &rights));
            all.push(binding(namespace.as_deref(), &name, &subject));
        }
    }
    all.into_iter().map(Object).collect()
}

fn metadata(namespace: Option<&str>, name: &str) -> Value {
    match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace}),
        // Not namespaced: two installs of one release name must not meet here.
        None => json!({"name": name}),
    }
}

fn role(namespace: Option<&str>, name: &str, rights: &BTreeSet<Access>) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    json!({"apiVersion": API, "kind": kind, "metadata": metadata(namespace, name), "rules": rules(rights)})
}

fn binding(namespace: Option<&str>, name: &str, subject: &Value) -> Value {
    let (kind, role) = match namespace {
        Some(_) => ("RoleBinding", "Role"),
        None => ("ClusterRoleBinding", "ClusterRole"),
    };
    json!({"apiVersion": API, "kind": kind, "metadata": metadata(namespace, name),
           "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name}, "subjects": [subject]})
}

type Words<'a> = BTreeSet<&'a str>;

/// Rules with these rights and no others: resources of a group whose names and verbs are the same share one.
pub(super) fn rules(rights: &BTreeSet<Access>) -> Vec<Value> {
    let (paths, resources): (Vec<&Access>, Vec<&Access>) = rights.iter().partition(|a| a.resource.starts_with('/'));
    // Verbs of each name, then names of each set of verbs, then resources of each set of names.
    let mut verbs: BTreeMap<(&str, &str, Option<&str>), Words<'_>> = BTreeMap::new();
    for a in resources {
        let key = (a.group.as_str(), a.resource.as_str(), a.name.as_deref());
        verbs.entry(key).or_default().insert(&a.verb);
    }
    let mut names: BTreeMap<(&str, &str, Words<'_>, bool), Words<'_>> = BTreeMap::new();
    for ((group, resource, name), verbs) in verbs {
        let named = names.entry((group, resource, verbs, name.is_some())).or_default();
        named.extend(name);
    }
    let mut rules: BTreeMap<(&str, Words<'_>, Words<'_>), Words<'_>> = BTreeMap::new();
    for ((group, resource, verbs, _), names) in names {
        rules.entry((group, names, verbs)).or_default().insert(resource);
    }
    let mut all: Vec<Value> = rules
        .into_iter()
        .map(|((group, names, verbs), resources)| {
            let mut rule = json!({"apiGroups": [group], "resources": resources});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule["verbs"] = json!(verbs);
            rule
        })
        .collect();
    all.extend(
        paths
            .into_iter()
            .map(|a| json!({"nonResourceURLs": [a.resource], "verbs": [a.verb]})),
    );
    all
}

/// The smallest Role (or ClusterRole) with these rights, as YAML.
pub fn role_text(namespace: Option<&str>, rights: &BTreeSet<Access>) -> String {
    crate::yaml::to_string(&role(namespace, "rehelm", rights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixture::Case;
    use crate::steps::access;

    #[test]
    fn rules_hold_the_rights_and_no_others() {
        let on = |verb: &str, resource: &str, name: Option<&str>| access(verb, "apps", resource, Some("n"), name);
        let rights = BTreeSet::from([
            on("get", "deployments", Some("a")),
            on("patch", "deployments", Some("a")),
            on("get", "deployments", Some("b")),
            on("list", "deployments", None),
            on("list", "statefulsets", None),
            access("get", "", "/version", None, None),
        ]);
        assert_eq!(
            rules(&rights),
            [
                json!({"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["list"]}),
                json!({"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["a"], "verbs": ["get", "patch"]}),
                json!({"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["b"], "verbs": ["get"]}),
                json!({"nonResourceURLs": ["/version"], "verbs": ["get"]}),
            ]
        );
        assert!(role_text(None, &rights).contains("kind: ClusterRole"));
    }

    #[test]
    fn every_role_is_bound_and_every_subject_is_read() {
        let plan = Case::sound().plan();
        let all = manifests(&plan, &Beside::default(), &Subjects::Made, &Duty::ALL);
        let count = |kinds: [&str; 2]| all.iter().filter(|o| kinds.contains(&o.kind())).count();
        assert_eq!(
            count(["Role", "ClusterRole"]),
            count(["RoleBinding", "ClusterRoleBinding"])
        );
        assert_eq!(
            all.iter().filter(|o| o.kind() == "ServiceAccount").count(),
            Duty::ALL.len()
        );
        let parse = |text: &str| text.parse::<Subject>();
        assert_eq!(
            parse("serviceaccount:a/b").unwrap(),
            Subject::ServiceAccount {
                namespace: "a".into(),
                name: "b".into()
            }
        );
        assert_eq!(parse("user:x:y").unwrap(), Subject::User("x:y".into()));
        for wrong in [
            "anna",
            "user:",
            "serviceaccount:a",
            "serviceaccount:/b",
            "root:x",
            "serviceaccount:a/b/c",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}

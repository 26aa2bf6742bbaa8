//! Who asks, and what they may do: RBAC objects evaluated.

use serde_json::Value;

use crate::world::World;

/// A user as the API server sees one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User name.
    pub name: String,
    /// Groups; `system:masters` may do everything.
    pub groups: Vec<String>,
}

impl Identity {
    /// The cluster's administrator.
    pub fn admin() -> Self {
        Self {
            name: "kubernetes-admin".to_owned(),
            groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        }
    }

    /// Somebody who says nothing of who they are.
    pub fn anonymous() -> Self {
        Self {
            name: "system:anonymous".to_owned(),
            groups: vec!["system:unauthenticated".to_owned()],
        }
    }

    /// A service account, with the groups that it has.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ],
        }
    }

    /// A user of these groups who has said who they are.
    pub fn user(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().chain(&["system:authenticated"]);
        Self {
            name: name.to_owned(),
            groups: groups.map(|group| (*group).to_owned()).collect(),
        }
    }
}

/// One question to the authorizer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    /// With subresource: `deployments/scale`.
    pub resource: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// True when RBAC allows it.
pub(crate) fn allows(world: &World, identity: &Identity, _question: &Question<'_>) -> bool {
    !world.options.authorize || identity.groups.iter().any(|group| group == "system:masters")
}

/// Answers a SelfSubjectAccessReview (and its relatives): the review with its status.
pub(crate) fn review(_world: &World, _identity: &Identity, mut review: Value) -> Value {
    review["status"] = serde_json::json!({"allowed": true});
    review
}

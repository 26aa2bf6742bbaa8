//! Who asks, and what they may do: RBAC objects evaluated.
//!
//! Invariant: everything is read from the cluster's own roles and bindings each time it is asked, nothing is kept; only members
//! of `system:masters` need none.

mod escalation;
mod evaluate;
mod impersonate;
mod review;
mod rules;

pub(crate) use escalation::check as check_escalation;
pub(crate) use impersonate::identity as impersonated;
pub(crate) use review::review;

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
    /// True when no role is needed.
    fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == "system:masters")
    }

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
    /// A path that is no resource; empty when a resource is asked for.
    pub path: &'a str,
}

/// What the authorizer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub allowed: bool,
    /// Which binding allows it, or which roles could not be found; may be empty.
    pub reason: String,
}

/// Asks RBAC.
pub(crate) fn verdict(world: &World, identity: &Identity, question: &Question<'_>) -> Verdict {
    if !world.options.authorize || identity.is_master() {
        return Verdict {
            allowed: true,
            reason: String::new(),
        };
    }
    let granted = evaluate::granted(world, identity, question.namespace);
    if let Some(grant) = granted.rules.iter().find(|grant| rules::allows(&grant.rule, question)) {
        return Verdict {
            allowed: true,
            reason: format!("RBAC: allowed by {}", grant.by),
        };
    }
    let reason = match granted.missing.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    };
    Verdict { allowed: false, reason }
}

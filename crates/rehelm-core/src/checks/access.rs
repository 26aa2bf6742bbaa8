//! Rights for every call that the plan will make, undo included, asked of the authorizer.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::plan::Plan;
use crate::ports::{Access, Cluster, PortResult};
use crate::rights::{self, Beside, role_text};

/// Asks for every right of every part of the migration. Missing ones come together per namespace, with the smallest
/// Role that has them (argument `role`, YAML).
///
/// # Errors
/// When the cluster does not answer.
pub async fn rights(cluster: &dyn Cluster, plan: &Plan, beside: &Beside) -> PortResult<Vec<Finding>> {
    let wanted = rights::all(plan, beside);
    let missing = rights::missing(cluster, &wanted).await?;
    if missing.is_empty() {
        return Ok(vec![Finding::ok("right-missing", "rights").arg("count", wanted.len())]);
    }
    Ok(missing_findings(missing))
}

/// Missing rights as findings, one a namespace.
pub fn missing_findings(missing: BTreeSet<Access>) -> Vec<Finding> {
    let mut places: BTreeMap<Option<String>, BTreeSet<Access>> = BTreeMap::new();
    for access in missing {
        places.entry(access.namespace.clone()).or_default().insert(access);
    }
    places
        .into_iter()
        .map(|(namespace, missing)| {
            let subject = namespace
                .as_deref()
                .map_or("cluster".to_owned(), |ns| format!("namespace {ns}"));
            let list = super::at::some(missing.iter().map(words));
            Finding::error("right-missing", subject)
                .arg("count", missing.len())
                .arg("rights", list)
                .arg("role", role_text(namespace.as_deref(), &missing))
        })
        .collect()
}

/// `delete deployments.apps web`
fn words(access: &Access) -> String {
    let name = access
        .name
        .as_deref()
        .map(|name| format!(" {name}"))
        .unwrap_or_default();
    format!("{} {}{name}", access.verb, resource(access))
}

fn resource(access: &Access) -> String {
    match access.group.as_str() {
        "" => access.resource.clone(),
        group => format!("{}.{group}", access.resource),
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::authorizer::Authorizer;
    use crate::checks::fixture::Case;

    use super::*;

    #[test]
    fn every_right_of_every_step_is_asked_for_once() {
        let plan = Case::sound().plan();
        let all = Authorizer::default();
        let said = futures::executor::block_on(rights(&all, &plan, &Beside::default())).unwrap();
        let asked = all.asked.lock().unwrap().clone();
        let unique: BTreeSet<&Access> = asked.iter().collect();
        assert_eq!(unique.len(), asked.len());
        assert!(asked.len() > 10, "{asked:?}");
        assert_eq!((said.len(), said[0].severity), (1, crate::finding::Severity::Ok));
        assert_eq!(said[0].args["count"], asked.len().to_string());
    }

    #[test]
    fn missing_rights_come_with_the_role_that_has_them() {
        let none = Authorizer {
            refuses: Some("persistentvolumes"),
            ..Authorizer::default()
        };
        let said = futures::executor::block_on(rights(&none, &Case::sound().plan(), &Beside::default())).unwrap();
        assert_eq!((said.len(), said[0].subject.as_str()), (1, "cluster"));
        let role: serde_json::Value = crate::yaml::from_str(&said[0].args["role"], "role").unwrap();
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(role["rules"][0]["resources"][0], "persistentvolumes");
    }
}

//! Rights for every call that the plan will make, undo included, asked of the authorizer.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::plan::Plan;
use crate::ports::{Access, Cluster, PortResult};
use crate::{duplicate, lease, parallel, stale};

/// Every right that a plan needs: of its steps, undo included, and of the lock and the copy in the cluster.
pub fn wanted(plan: &Plan) -> BTreeSet<Access> {
    let names = stale::names(plan);
    let (namespace, release) = (&plan.source.namespace, &plan.target.release);
    let of_steps = plan.steps.iter().flat_map(|s| s.spec.action().rights(&names));
    of_steps
        .chain(lease::rights(&lease::reference(namespace, release)))
        .chain(duplicate::rights(&duplicate::reference(namespace, release)))
        .collect()
}

/// Asks for every right of every step. Missing ones come together per namespace, with the smallest Role that has
/// them (argument `role`, YAML).
///
/// # Errors
/// When the cluster does not answer.
pub async fn rights(cluster: &dyn Cluster, plan: &Plan) -> PortResult<Vec<Finding>> {
    let wanted = wanted(plan);
    let count = wanted.len();
    let answers = parallel::side_by_side(wanted.into_iter().map(|access| async move {
        let allowed = cluster.can_i(&access).await?;
        PortResult::Ok((access, allowed))
    }))
    .await?;
    let mut missing: BTreeMap<Option<String>, BTreeSet<Access>> = BTreeMap::new();
    for (access, _) in answers.into_iter().filter(|(_, allowed)| !allowed) {
        missing.entry(access.namespace.clone()).or_default().insert(access);
    }
    if missing.is_empty() {
        return Ok(vec![Finding::ok("right-missing", "rights").arg("count", count)]);
    }
    Ok(missing
        .into_iter()
        .map(|(namespace, missing)| {
            let subject = namespace
                .as_deref()
                .map_or("cluster".to_owned(), |ns| format!("namespace {ns}"));
            let list = super::at::some(missing.iter().map(|a| format!("{} {}", a.verb, resource(a))));
            Finding::error("right-missing", subject)
                .arg("count", missing.len())
                .arg("rights", list)
                .arg("role", role(namespace.as_deref(), &missing))
        })
        .collect())
}

fn resource(access: &Access) -> String {
    match access.group.as_str() {
        "" => access.resource.clone(),
        group => format!("{}.{group}", access.resource),
    }
}

/// The smallest Role (or ClusterRole) with these rights: one rule per set of verbs that a resource needs.
fn role(namespace: Option<&str>, missing: &BTreeSet<Access>) -> String {
    type Words<'a> = BTreeSet<&'a str>;
    let mut verbs: BTreeMap<(&str, &str, Option<&str>), Words<'_>> = BTreeMap::new();
    for a in missing {
        verbs
            .entry((&a.group, &a.resource, a.name.as_deref()))
            .or_default()
            .insert(&a.verb);
    }
    let mut rules: BTreeMap<(&str, Words<'_>, Option<&str>), Words<'_>> = BTreeMap::new();
    for ((group, resource, name), verbs) in verbs {
        rules.entry((group, verbs, name)).or_default().insert(resource);
    }
    let (kind, place) = match namespace {
        Some(ns) => ("Role", format!("\n  namespace: \"{ns}\"")),
        None => ("ClusterRole", String::new()),
    };
    let join = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(", ");
    let mut out =
        format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: rehelm{place}\nrules:");
    for ((group, verbs, name), resources) in &rules {
        out.push_str(&format!(
            "\n- {{apiGroups: [\"{group}\"], resources: [{}], verbs: [{}]",
            join(resources),
            join(verbs)
        ));
        if let Some(name) = name {
            out.push_str(&format!(", resourceNames: [\"{name}\"]"));
        }
        out.push('}');
    }
    out
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
        let said = futures::executor::block_on(rights(&all, &plan)).unwrap();
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
        let said = futures::executor::block_on(rights(&none, &Case::sound().plan())).unwrap();
        assert_eq!((said.len(), said[0].subject.as_str()), (1, "cluster"));
        let role: serde_json::Value = crate::yaml::from_str(&said[0].args["role"], "role").unwrap();
        assert_eq!(role["kind"], "ClusterRole");
        assert_eq!(role["rules"][0]["resources"][0], "persistentvolumes");
    }

    #[test]
    fn the_role_is_small_and_sound() {
        let access =
            |verb: &str, group: &str, resource: &str| crate::steps::access(verb, group, resource, Some("n"), None);
        let missing = BTreeSet::from([
            access("get", "apps", "deployments"),
            access("patch", "apps", "deployments"),
            access("get", "apps", "statefulsets"),
            access("patch", "apps", "statefulsets"),
            access("create", "", "secrets"),
        ]);
        let text = role(Some("n"), &missing);
        let read: serde_json::Value = crate::yaml::from_str(&text, "role").unwrap();
        assert_eq!(read["metadata"]["namespace"], "n");
        assert_eq!(
            read["rules"],
            serde_json::json!([
                {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
                {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"], "verbs": ["get", "patch"]},
            ])
        );
        assert!(role(None, &missing).contains("kind: ClusterRole"));
    }
}

//! What an identity must be allowed to do, for each part of a migration.
//!
//! One table, read three ways: the checks ask for all of it, every command that changes something asks for its own part
//! again before it begins ([`missing`]), and [`manifests`] writes it down as Roles. So a role that was generated is
//! what the preflight asks for, and what the preflight lets pass is enough.
//!
//! Each kind of step says its rights itself; here are those of what surrounds the steps: reading, the lock, and the
//! server's dry run, which asks for the same rights as the write that it stands for.

mod grants;
mod manifests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::object::ObjRef;
use crate::parallel;
use crate::plan::{Phase, Plan};
use crate::ports::{Access, Cluster, PortResult};
use crate::stale;
use crate::steps::{StepSpec, access, accesses, brought_back, inside_pods, on, plural};
use crate::{duplicate, exec_checks, lease};

pub use grants::granted_by;
pub use manifests::{Subject, SubjectError, Subjects, manifests, role_text};

/// A part of the migration that may have an identity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// `check`, `plan`, `status`, `verify`.
    Read,
    /// `prepare`.
    Prepare,
    /// `migrate`.
    Migrate,
    /// `rollback`.
    Rollback,
    /// `cleanup`.
    Cleanup,
}

impl Duty {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Prepare, Self::Migrate, Self::Rollback, Self::Cleanup];

    /// The word in names of roles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Prepare => "prepare",
            Self::Migrate => "migrate",
            Self::Rollback => "rollback",
            Self::Cleanup => "cleanup",
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is read beside the plan's own objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Secrets of the cluster that hold passwords of rehelm's own (the registry's, the database server's).
    pub secrets: Vec<ObjRef>,
    /// Namespaces in which a database server is reached through a port of its pod.
    pub forwards: Vec<String>,
    /// `apiVersion` and kind of what is looked for in all namespaces.
    pub everywhere: Vec<(String, String)>,
}

/// Every right that a duty needs.
pub fn of(plan: &Plan, duty: Duty, beside: &Beside) -> BTreeSet<Access> {
    minimal(&as_served(plan, whole(plan, duty, beside)))
}

/// With resources as this server calls them: steps form every plural as built-in kinds do.
fn as_served(plan: &Plan, rights: BTreeSet<Access>) -> BTreeSet<Access> {
    let odd: BTreeMap<(&str, String), &String> = plan
        .plurals
        .iter()
        .map(|(kind, served)| {
            let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
            ((group, plural(kind)), served)
        })
        .collect();
    if odd.is_empty() {
        return rights;
    }
    let named = |right: Access| match odd.get(&(right.group.as_str(), right.resource.clone())) {
        Some(served) => Access {
            resource: (*served).clone(),
            ..right
        },
        None => right,
    };
    rights.into_iter().map(named).collect()
}

/// Without those that a wider one among them includes.
fn minimal(rights: &BTreeSet<Access>) -> BTreeSet<Access> {
    let wide: Vec<&Access> = rights
        .iter()
        .filter(|a| a.name.is_none() || a.namespace.is_none())
        .collect();
    let needed = rights
        .iter()
        .filter(|a| !wide.iter().any(|b| *b != *a && includes(b, a)));
    needed.cloned().collect()
}

fn includes(wide: &Access, narrow: &Access) -> bool {
    let text = |wide: &str, narrow: &str| wide == narrow || (wide == "*" && !narrow.starts_with('/'));
    let place = |wide: &Option<String>, narrow: &Option<String>| wide.is_none() || wide == narrow;
    text(&wide.verb, &narrow.verb)
        && text(&wide.group, &narrow.group)
        && text(&wide.resource, &narrow.resource)
        && place(&wide.namespace, &narrow.namespace)
        && place(&wide.name, &narrow.name)
}

fn whole(plan: &Plan, duty: Duty, beside: &Beside) -> BTreeSet<Access> {
    let names = stale::names(plan);
    let mut rights = common(plan, beside);
    let mut phase = |phase: Phase| rights.extend(plan.phase(phase).flat_map(|s| s.spec.action().rights(&names)));
    match duty {
        Duty::Read => {
            rights.extend(reading(plan, beside));
            rights.extend(verifying(plan));
            return rights;
        }
        Duty::Prepare => {
            phase(Phase::Prepare);
            // A dry run needs the rights of the real one.
            let release = plan.steps.iter().filter_map(|s| match &s.spec {
                StepSpec::Release(release) => Some(release),
                _ => None,
            });
            rights.extend(release.flat_map(|r| r.installs()));
        }
        Duty::Migrate => phase(Phase::Migrate),
        Duty::Rollback => {
            let steps = plan.steps.iter().filter(|s| s.phase != Phase::Cleanup);
            rights.extend(steps.flat_map(|s| s.spec.action().undo_rights(&names)));
        }
        Duty::Cleanup => {
            phase(Phase::Cleanup);
            rights.extend(verifying(plan));
        }
    }
    rights.extend(locking(plan));
    rights
}

/// Every right of every duty.
pub fn all(plan: &Plan, beside: &Beside) -> BTreeSet<Access> {
    Duty::ALL.into_iter().flat_map(|duty| of(plan, duty, beside)).collect()
}

/// Every right that bringing the originals back from a backup needs: those of a rollback, and to make anew whatever of these
/// is gone.
pub fn to_restore(plan: &Plan, originals: &[ObjRef]) -> BTreeSet<Access> {
    let mut rights = whole(plan, Duty::Rollback, &Beside::default());
    for original in originals {
        rights.extend(match original.kind.as_str() {
            // A volume is never made anew.
            "PersistentVolume" => on(original, &["get", "patch"]),
            _ => brought_back(original),
        });
    }
    minimal(&as_served(plan, rights))
}

/// Those that this identity does not have.
///
/// # Errors
/// When the cluster does not answer.
pub async fn missing(cluster: &dyn Cluster, wanted: &BTreeSet<Access>) -> PortResult<BTreeSet<Access>> {
    let answers = parallel::side_by_side(wanted.iter().map(|access| async move {
        let allowed = cluster.can_i(access).await?;
        PortResult::Ok((access, allowed))
    }))
    .await?;
    let refused = answers.into_iter().filter(|(_, allowed)| !allowed);
    Ok(refused.map(|(access, _)| access.clone()).collect())
}

/// Every command: which cluster is it, and are the plan's objects as they were.
fn common(plan: &Plan, beside: &Beside) -> BTreeSet<Access> {
    let mut rights: BTreeSet<Access> = beside.secrets.iter().flat_map(|s| on(s, &["get"])).collect();
    rights.extend(beside.forwards.iter().flat_map(|namespace| forwarding(namespace)));
    let namespaces = ["kube-system", &plan.source.namespace, &plan.target.namespace];
    rights.extend(namespaces.map(|name| access("get", "", "namespaces", None, Some(name))));
    // Where the run stands, and who runs it.
    let (namespace, release) = (&plan.source.namespace, &plan.target.release);
    rights.extend(on(&lease::reference(namespace, release), &["get"]));
    rights.extend(on(&duplicate::reference(namespace, release), &["get"]));
    let bound = plan.objects.iter().filter(|entry| entry.uid.is_some());
    rights.extend(bound.map(|entry| listed(&entry.object)));
    rights
}

/// A port of a pod: its place is looked up by the name of a service or of the pod.
fn forwarding(namespace: &str) -> BTreeSet<Access> {
    let place = Some(namespace);
    let mut rights = accesses(&["get"], "", "services", place);
    rights.extend(accesses(&["get", "list"], "", "pods", place));
    rights.extend(inside_pods("pods/portforward", namespace));
    rights.into_iter().collect()
}

fn listed(object: &ObjRef) -> Access {
    let resource = plural(&object.kind);
    access("list", object.group(), &resource, object.namespace.as_deref(), None)
}

/// What a plan is made from.
fn reading(plan: &Plan, beside: &Beside) -> BTreeSet<Access> {
    let source = Some(plan.source.namespace.as_str());
    let target = Some(plan.target.namespace.as_str());
    let lists = [
        ("", "secrets", source),
        ("", "secrets", target),
        ("", "persistentvolumeclaims", source),
        ("", "persistentvolumeclaims", target),
        ("", "persistentvolumes", None),
        ("storage.k8s.io", "storageclasses", None),
        ("", "pods", source),
        ("autoscaling", "horizontalpodautoscalers", source),
        ("keda.sh", "scaledobjects", source),
        ("", "resourcequotas", target),
        ("", "limitranges", target),
        ("networking.k8s.io", "ingressclasses", None),
        ("", "nodes", None),
    ];
    let lists = lists.map(|(group, resource, namespace)| access("list", group, resource, namespace, None));
    let mut rights = BTreeSet::from(lists);
    // A chart may look up a secret of its namespace by any name.
    rights.extend(accesses(&["get"], "", "secrets", target));
    let named = plan.objects.iter();
    rights.extend(named.flat_map(|e| e.target.iter().chain([&e.object])).map(listed));
    rights.extend(beside.everywhere.iter().map(|(api_version, kind)| {
        let kind = ObjRef::new(api_version, kind, None, "");
        listed(&kind)
    }));
    // Whoever may only read is told that nobody asked the containers.
    let checks = plan.steps.iter().filter_map(|step| match &step.spec {
        StepSpec::Scale(scale) => Some(&scale.checks),
        _ => None,
    });
    rights.extend(checks.flat_map(|checks| exec_checks::looking(checks, &plan.source.namespace)));
    rights
}

/// What `verify` reads.
fn verifying(plan: &Plan) -> BTreeSet<Access> {
    let (source, target) = (&plan.source.namespace, &plan.target.namespace);
    let lists = [
        ("", "secrets", source),
        ("", "secrets", target),
        ("", "pods", target),
        ("", "services", target),
        ("networking.k8s.io", "ingresses", target),
    ];
    let lists = lists.map(|(group, resource, place)| access("list", group, resource, Some(place), None));
    let mut rights = BTreeSet::from(lists);
    for step in &plan.steps {
        match &step.spec {
            StepSpec::Ready(ready) => rights.extend(ready.workloads.iter().map(listed)),
            StepSpec::Rebind(rebind) => rights.extend(rebind.volumes.iter().flat_map(|v| {
                let volume = access("get", "", "persistentvolumes", None, Some(&v.volume));
                on(&v.to, &["get"]).into_iter().chain([volume])
            })),
            _ => {}
        }
    }
    rights
}

/// The Lease that keeps a second operator out, and the copy of where the run stands.
fn locking(plan: &Plan) -> Vec<Access> {
    let (namespace, release) = (&plan.source.namespace, &plan.target.release);
    let mut rights = lease::rights(&lease::reference(namespace, release));
    rights.extend(duplicate::rights(&duplicate::reference(namespace, release)));
    rights
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::fixture::Case;

    fn writes(rights: &BTreeSet<Access>) -> Vec<&Access> {
        let reads = ["get", "list", "watch"];
        rights.iter().filter(|a| !reads.contains(&a.verb.as_str())).collect()
    }

    #[test]
    fn reading_only_reads_and_nothing_is_a_wildcard() {
        let plan = Case::sound().plan();
        let beside = Beside::default();
        assert!(writes(&of(&plan, Duty::Read, &beside)).is_empty());
        let all = all(&plan, &beside);
        assert!(all.iter().all(|a| a.verb != "*" && a.resource != "*" && a.group != "*"));
    }

    #[test]
    fn the_old_install_is_deleted_from_by_cleanup_and_the_handover_only() {
        let plan = Case::sound().plan();
        for duty in [Duty::Prepare, Duty::Migrate] {
            let rights = of(&plan, duty, &Beside::default());
            let deletes = rights.iter().filter(|a| a.verb == "delete");
            let of_the_old: Vec<&Access> = deletes
                .filter(|a| a.namespace.as_deref() == Some(plan.source.namespace.as_str()))
                .filter(|a| !["leases", "persistentvolumeclaims", "pods"].contains(&a.resource.as_str()))
                // The run's own copy in the cluster.
                .filter(|a| a.resource != "configmaps" || !a.name.as_deref().unwrap_or_default().starts_with("rehelm-"))
                .collect();
            assert!(of_the_old.is_empty(), "{duty}: {of_the_old:?}");
        }
    }

    #[test]
    fn a_wider_right_makes_a_narrower_one_needless() {
        let list = |namespace: Option<&str>, name: Option<&str>| access("list", "", "secrets", namespace, name);
        let rights = BTreeSet::from([
            list(Some("a"), Some("x")),
            list(Some("a"), None),
            list(Some("b"), Some("x")),
            access("get", "", "secrets", Some("a"), Some("x")),
        ]);
        let minimal = minimal(&rights);
        assert_eq!(minimal.len(), 3);
        assert!(!minimal.contains(&list(Some("a"), Some("x"))));
    }

    #[test]
    fn resources_are_called_as_the_server_calls_them() {
        let mut plan = Case::sound().plan();
        plan.plurals.insert("Mouse.example.com".into(), "mice".into());
        let mouse = ObjRef::new("example.com/v1", "Mouse", Some("a"), "jerry");
        let rights = as_served(&plan, on(&mouse, &["get"]).into_iter().collect());
        let expected = access("get", "example.com", "mice", Some("a"), Some("jerry"));
        assert_eq!(rights, BTreeSet::from([expected]));
        let elsewhere = ObjRef::new("example.org/v1", "Mouse", Some("a"), "jerry");
        let rights = as_served(&plan, on(&elsewhere, &["get"]).into_iter().collect());
        assert!(rights.iter().all(|right| right.resource == "mouses"), "{rights:?}");
    }

    #[test]
    fn deletes_and_patches_name_their_object() {
        let plan = Case::sound().plan();
        let all = all(&plan, &Beside::default());
        let open: Vec<&Access> = all
            .iter()
            .filter(|a| ["delete", "patch", "update"].contains(&a.verb.as_str()) && a.name.is_none())
            .collect();
        assert!(open.is_empty(), "{open:?}");
    }
}

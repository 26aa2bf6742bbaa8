//! `release`: Helm installs the release.
//!
//! Helm does not wait here; `ready` does, and explains. A release record left `pending-…` by a Helm that died is taken
//! away first, but only when this run left it. The undo never calls `helm uninstall`, which deletes whatever the
//! manifest names, shared objects and claims included: it stops the release's workloads, brings shared objects back to
//! their before-images, deletes what only the release made, and then the release's records.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Action, Names, StepSpec, Undo, accesses, brought_back, create, on, plural, rebind};
use crate::finding::Finding;
use crate::journal::StepState;
use crate::object::{ObjKey, ObjRef, Object};
use crate::parallel::side_by_side;
use crate::plan::Phase;
use crate::pods;
use crate::ports::{Access, PatchKind, PortError, Precondition, Select};
use crate::restore;
use crate::server::{self, Stop};
use crate::world::{StepError, StepResult, World};

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// Objects that only the release makes: the undo deletes those that it made.
    pub own: Vec<ObjRef>,
    /// Objects that it shares with the old install: the undo brings them back.
    pub shared: Vec<ObjRef>,
    /// Claims and secrets that other steps made and take back.
    pub kept: Vec<ObjRef>,
    /// Objects that were in the release's namespace before.
    pub before: Vec<ObjRef>,
    /// Hooks among them, which Helm deletes and makes anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<ObjRef>,
    /// Custom resource definitions that the chart brings along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crds: Vec<ObjRef>,
    /// What the release's roles allow and its bindings bind: nobody gives away what they do not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Access>,
}

/// Helm's records of a release.
async fn records(world: &World<'_>) -> StepResult<Vec<Object>> {
    let select = Select {
        namespace: Some(world.target_namespace().to_owned()),
        labels: Some(format!("owner=helm,name={}", world.plan.target.release)),
        fields: None,
    };
    Ok(world.target.list("v1", "Secret", &select).await?)
}

async fn delete_records(world: &World<'_>, which: impl Fn(&Object) -> bool) -> StepResult<()> {
    for record in records(world).await?.iter().filter(|r| which(r)) {
        restore::delete_and_wait(world, world.target, &record.reference(), record.uid()).await?;
    }
    Ok(())
}

fn is_pending(record: &Object) -> bool {
    record.label("status").is_some_and(|s| s.starts_with("pending"))
}

#[async_trait]
impl Action for Release {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.own.iter().chain(&self.shared).cloned().collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        let values = names.values.iter().map(|v| format!(" -f {v}")).collect::<String>();
        vec![format!(
            "helm upgrade --install {} {} --version {} -n {}{values}",
            names.release, names.chart, names.version, names.target
        )]
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = self.records(names, &["get", "update", "delete", "list", "watch"]);
        rights.extend(accesses(&["list", "create"], "", "secrets", Some(&names.target)));
        rights.extend(self.installs());
        for hook in &self.hooks {
            rights.extend(on(hook, &["delete", "list", "watch"]));
        }
        rights
    }

    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = self.records(names, &["delete", "list", "watch"]);
        rights.extend(accesses(&["list"], "", "secrets", Some(&names.target)));
        rights.extend(accesses(&["list", "watch"], "", "pods", Some(&names.target)));
        for object in self.own.iter().filter(|o| !self.before.contains(o)) {
            rights.extend(accesses(
                &["list"],
                object.group(),
                &plural(&object.kind),
                object.namespace.as_deref(),
            ));
            rights.extend(on(object, &["delete"]));
            if server::runs_pods(object.group(), &object.kind) {
                rights.extend(on(object, &["patch"]));
            }
        }
        rights.extend(self.shared.iter().flat_map(brought_back));
        rights.extend(self.grants.iter().cloned());
        rights
    }

    async fn precheck(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        let pending: Vec<Object> = records(world).await?.into_iter().filter(is_pending).collect();
        if let Some(record) = pending.first().filter(|_| !world.in_doubt(number)) {
            let status = record.label("status").unwrap_or_default();
            let finding = Finding::error("release-pending", world.plan.target.release.clone()).arg("status", status);
            return Err(StepError::refused(finding));
        }
        self.require_prepared(world).await
    }

    async fn run(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        // Helm would make a claim that somebody deleted meanwhile anew, with an empty volume.
        rebind::require_handed_over(world).await?;
        // And a secret with another content; over an object that is no longer marked as its own it would not install.
        self.require_prepared(world).await?;
        // Begun before means that this run's own Helm was under way: once it is dead, its lock is ours to take away.
        if world.recall(number, "begun").is_some() {
            world.helm.end_leftover().await?;
            delete_records(world, is_pending).await?;
        } else {
            world.note(number, "begun", json!(true)).await?;
        }
        let spec = world.release_spec().await?;
        world.helm.install(&spec, false).await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let target = &world.plan.target;
        let state = world.helm.release(&target.namespace, &target.release).await?;
        let state = state.ok_or_else(|| PortError::NotFound(format!("release {}", target.release)))?;
        if state.status == "deployed" {
            return Ok(());
        }
        let finding = Finding::error("release-not-deployed", target.release.clone()).arg("status", state.status);
        Err(StepError::refused(finding))
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        // A Helm that still works would go on making what is deleted here.
        world.helm.end_leftover().await?;
        let made = self.made(world).await?;
        self.stop_workloads(world, &made).await?;
        for shared in &self.shared {
            if let Ok(image) = world.before(shared) {
                restore::to_image(world, world.target, &image).await?;
            }
        }
        self.delete_made(world, made).await?;
        delete_records(world, |_| true).await
    }
}

/// How often what was deleted is looked for again.
const LOOKS: u32 = 3;
/// Revisions whose records a run may write: one for each time that Helm is started.
const REVISIONS: u32 = 10;

impl Release {
    /// Refuses when what `prepare` did for Helm is no longer so.
    async fn require_prepared(&self, world: &World<'_>) -> StepResult<()> {
        let state = world.state();
        for step in world.plan.phase(Phase::Prepare) {
            let for_helm = matches!(step.spec, StepSpec::Adopt(_) | StepSpec::Recreate(_));
            if for_helm && state.step(step.number) == StepState::Done {
                step.spec.action().verify(world, step.number).await?;
            }
        }
        self.require_secrets(world).await
    }

    /// Refuses when a secret that `prepare` made is gone: the release's pods would wait for it, or a chart that makes such a
    /// secret itself would fill it anew.
    async fn require_secrets(&self, world: &World<'_>) -> StepResult<()> {
        if !world.state().phases.contains_key(&Phase::Prepare) {
            return Ok(());
        }
        let secrets = self.kept.iter().filter(|o| o.kind == "Secret");
        let there = try_join_all(secrets.map(async |secret| {
            let live = world.target.get(secret).await?;
            Ok::<_, PortError>((secret, live.is_some_and(|live| !live.is_terminating())))
        }));
        let gone = there.await?.into_iter().filter(|(_, there)| !there);
        let gone: Vec<Finding> = gone
            .map(|(secret, _)| Finding::error("prepared-gone", secret.to_string()))
            .collect();
        match gone.is_empty() {
            true => Ok(()),
            false => Err(StepError::Refused(gone)),
        }
    }

    /// Rights on Helm's records of the release.
    fn records(&self, names: &Names, verbs: &[&str]) -> Vec<Access> {
        (1..=REVISIONS)
            .map(|revision| format!("sh.helm.release.v1.{}.v{revision}", names.release))
            .flat_map(|name| on(&ObjRef::new("v1", "Secret", Some(&names.target), &name), verbs))
            .collect()
    }

    /// Rights that Helm needs for the objects themselves. The server asks for the same ones in a dry run.
    pub fn installs(&self) -> Vec<Access> {
        let mut rights: Vec<Access> = self
            .own
            .iter()
            .flat_map(|o| on(o, &["get", "patch"]).into_iter().chain([create(o)]))
            .collect();
        rights.extend(
            self.shared
                .iter()
                .chain(&self.kept)
                .flat_map(|o| on(o, &["get", "patch"])),
        );
        rights.extend(self.crds.iter().map(create));
        rights.extend(self.crds.iter().flat_map(|o| on(o, &["get"])));
        rights.extend(self.grants.iter().cloned());
        rights
    }

    /// What the release made and nobody shares, as it lives.
    pub(crate) async fn made(&self, world: &World<'_>) -> StepResult<Vec<Object>> {
        let target = &world.plan.target;
        let recorded = world
            .helm
            .release(&target.namespace, &target.release)
            .await?
            .map(|r| r.manifest);
        let spared: BTreeSet<ObjKey> = self
            .shared
            .iter()
            .chain(&self.kept)
            .chain(&self.before)
            .map(ObjRef::key)
            .collect();
        let candidates: BTreeSet<ObjRef> = self
            .own
            .iter()
            .cloned()
            .chain(recorded.iter().flatten().map(|o| {
                let mut reference = o.reference();
                // A stored manifest leaves the namespace out where the chart does.
                if reference.namespace.is_none()
                    && self
                        .own
                        .iter()
                        .any(|w| w.kind == reference.kind && w.namespace.is_some())
                {
                    reference.namespace = Some(target.namespace.clone());
                }
                reference
            }))
            .filter(|r| !spared.contains(&r.key()) && r.kind != "CustomResourceDefinition")
            .collect();
        let kinds: BTreeSet<(String, String, Option<String>)> = candidates
            .iter()
            .map(|c| (c.api_version.clone(), c.kind.clone(), c.namespace.clone()))
            .collect();
        let keys: BTreeSet<ObjKey> = candidates.iter().map(ObjRef::key).collect();
        let mut live = Vec::new();
        for (api, kind, namespace) in kinds {
            let select = Select {
                namespace,
                ..Select::default()
            };
            live.extend(world.target.list(&api, &kind, &select).await?);
        }
        live.retain(|o| {
            keys.contains(&o.reference().key())
                && (restore::owned_by(o, &target.release, &target.namespace)
                    || (o.annotation("helm.sh/hook").is_some() && o.namespace() == Some(target.namespace.as_str())))
        });
        Ok(live)
    }

    /// Deletes what the release made and looks whether it went: an answer that something is not there may be an old one.
    async fn delete_made(&self, world: &World<'_>, mut made: Vec<Object>) -> StepResult<()> {
        for _ in 0..LOOKS {
            side_by_side(made.iter().map(|object| async move {
                let this_one = Precondition {
                    uid: Some(object.uid().to_owned()),
                    resource_version: None,
                };
                match world.target.delete(&object.reference(), &this_one, false).await {
                    Ok(()) | Err(PortError::NotFound(_)) => Ok(()),
                    Err(other) => Err(other),
                }
            }))
            .await?;
            made = self.made(world).await?;
            // Only pods keep volumes; whatever is slow to go (a cloud's load balancer) must not hold up the old install.
            made.retain(|object| !object.is_terminating());
            if made.is_empty() {
                return Ok(());
            }
        }
        let left = made.iter().map(|object| object.reference().to_string());
        let why = "it was deleted, and is still there";
        Err(PortError::Conflict(left.collect::<Vec<_>>().join(", "), why.to_owned()).into())
    }

    async fn stop_workloads(&self, world: &World<'_>, made: &[Object]) -> StepResult<()> {
        let workloads: Vec<&Object> = made.iter().filter(|o| server::stop(o).is_some()).collect();
        for workload in &workloads {
            let patch = match server::stop(workload) {
                Some(Stop::Suspend) => json!({"spec": {"suspend": true}}),
                Some(Stop::Scale) => json!({"spec": {"replicas": 0}}),
                // A DaemonSet has no count: it is deleted below, before its claims are touched.
                _ => continue,
            };
            let this_one = Precondition {
                uid: Some(workload.uid().to_owned()),
                resource_version: None,
            };
            match world
                .target
                .patch(&workload.reference(), PatchKind::Merge, &patch, &this_one, false)
                .await
            {
                Ok(_) | Err(PortError::NotFound(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let scaled: Vec<&Object> = workloads
            .into_iter()
            .filter(|w| matches!(server::stop(w), Some(Stop::Scale)))
            .collect();
        let select = Select {
            namespace: Some(world.target_namespace().to_owned()),
            ..Select::default()
        };
        let left = |all: &[Object]| {
            all.iter()
                .filter(|p| !pods::finished(p) && pods::belongs_to_any(p, scaled.iter().copied()))
                .count()
        };
        let none_left = |all: &[Object]| {
            world.progress.tick("pods-ending", left(all) as u64, 0);
            left(all) == 0
        };
        match world
            .target
            .wait_list("v1", "Pod", &select, world.timeouts.stop, &none_left)
            .await
        {
            Ok(_) => Ok(()),
            Err(PortError::Timeout { .. }) => {
                let finding = Finding::error("pods-do-not-end", world.target_namespace().to_owned());
                Err(StepError::refused(finding))
            }
            Err(other) => Err(other.into()),
        }
    }
}

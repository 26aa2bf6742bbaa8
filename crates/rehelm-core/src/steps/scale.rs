//! `scale`: the old install stops. The outage begins here.
//!
//! Every declared workload is stopped at once (replicas to 0, CronJobs suspended, DaemonSets to no node); what it was
//! before is written to the journal first. An autoscaler leaves a workload alone while its replicas are 0, so that
//! noting it is enough. The step ends when no pod of these workloads is left and their volumes are detached. The undo
//! first brings back any declared object, of whichever folder, that is gone, then starts every workload as it was.

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Action, Names, Undo, accesses, asked, brought_back, create, on};
use crate::exec_checks::{self, ExecCheck};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::parallel::side_by_side;
use crate::pods;
use crate::ports::{Access, PatchKind, PortError, Precondition, Select};
use crate::restore;
use crate::server::{self, Stop};
use crate::world::{StepError, StepResult, World};

/// A workload of the old install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stopped {
    /// Which.
    pub object: ObjRef,
    /// Its uid.
    pub uid: String,
    /// Replicas when the plan was made, for the reader; what counts is noted when the step begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scale {
    /// Which workloads.
    pub workloads: Vec<Stopped>,
    /// Autoscalers of these workloads: `HorizontalPodAutoscaler/ns/name`.
    pub autoscalers: Vec<String>,
    /// Volumes that have to be detached.
    pub volumes: Vec<String>,
    /// All other declared objects: the undo brings them back, too, should any be gone.
    pub declared: Vec<ObjRef>,
    /// What must be so before anything stops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ExecCheck>,
}

/// Node selector that no node matches.
const NOWHERE: &str = "rehelm.dev/stopped";

fn stop_patch(live: &Object) -> Option<Value> {
    match server::stop(live)? {
        Stop::Scale => (live.get("/spec/replicas") != Some(&json!(0))).then(|| json!({"spec": {"replicas": 0}})),
        Stop::Suspend => (live.get("/spec/suspend") != Some(&json!(true))).then(|| json!({"spec": {"suspend": true}})),
        Stop::NodeSelector => live
            .get("/spec/template/spec/nodeSelector")
            .is_none_or(|s| s.get(NOWHERE).is_none())
            .then(|| json!({"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: "true"}}}}})),
    }
}

/// The patch that starts a workload again as it was.
fn start_patch(live: &Object, before: &Value) -> Option<Value> {
    Some(match server::stop(live)? {
        Stop::Scale => json!({"spec": {"replicas": before}}),
        Stop::Suspend => json!({"spec": {"suspend": before}}),
        Stop::NodeSelector => json!({"spec": {"template": {"spec": {"nodeSelector": {NOWHERE: null}}}}}),
    })
}

fn state_of(live: &Object) -> Value {
    let field = match server::stop(live) {
        Some(Stop::Suspend) => "/spec/suspend",
        _ => "/spec/replicas",
    };
    live.get(field).cloned().unwrap_or(Value::Null)
}

impl Scale {
    async fn live(&self, world: &World<'_>) -> StepResult<Vec<Object>> {
        let live = try_join_all(self.workloads.iter().map(|w| async {
            let live = world
                .source
                .get(&w.object)
                .await?
                .ok_or_else(|| PortError::NotFound(w.object.to_string()))?;
            if live.uid() != w.uid {
                return Err(restore::namesake(&w.object, &w.uid, &live));
            }
            Ok(live)
        }))
        .await?;
        Ok(live)
    }

    async fn gone(&self, world: &World<'_>, workloads: &[Object]) -> StepResult<()> {
        let select = Select {
            namespace: Some(world.source_namespace().to_owned()),
            ..Select::default()
        };
        let holding = |pods: &[Object]| {
            pods.iter()
                .filter(|p| !pods::finished(p) && pods::belongs_to_any(p, workloads))
                .map(|p| p.name().to_owned())
                .collect::<Vec<_>>()
        };
        let outcome = world
            .source
            .wait_list("v1", "Pod", &select, world.timeouts.stop, &|pods| {
                let left = holding(pods);
                world.progress.tick("pods-ending", left.len() as u64, 0);
                left.is_empty()
            })
            .await;
        match outcome {
            Err(PortError::Timeout { .. }) => {
                let left = holding(&world.source.list("v1", "Pod", &select).await?);
                let finding =
                    Finding::error("pods-do-not-end", world.source_namespace().to_owned()).arg("pods", left.join(", "));
                return Err(StepError::refused(finding));
            }
            other => drop(other?),
        }
        self.detached(world).await
    }

    async fn detached(&self, world: &World<'_>) -> StepResult<()> {
        if self.volumes.is_empty() {
            return Ok(());
        }
        let attached = |all: &[Object]| {
            all.iter()
                .filter_map(|a| a.str("/spec/source/persistentVolumeName"))
                .any(|v| self.volumes.iter().any(|w| w == v))
        };
        let free = |all: &[Object]| !attached(all);
        let (api, kind, select) = ("storage.k8s.io/v1", "VolumeAttachment", Select::default());
        world
            .source
            .wait_list(api, kind, &select, world.timeouts.stop, &free)
            .await?;
        Ok(())
    }
}

#[async_trait]
impl Action for Scale {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.workloads.iter().map(|w| w.object.clone()).collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        let names_of: Vec<String> = self
            .workloads
            .iter()
            .map(|w| super::adopt::kubectl_name(&w.object))
            .collect();
        vec![
            format!("kubectl scale -n {} --replicas=0 {}", names.source, names_of.join(" ")),
            format!("kubectl wait -n {} --for=delete pod -l … --timeout=300s", names.source),
        ]
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = accesses(&["list", "watch"], "", "pods", Some(&names.source));
        rights.extend(accesses(
            &["list", "watch"],
            "storage.k8s.io",
            "volumeattachments",
            None,
        ));
        rights.extend(self.workloads.iter().flat_map(|w| on(&w.object, &["get", "patch"])));
        rights.extend(exec_checks::rights(&self.checks, &names.source));
        rights
    }

    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let workloads = self.workloads.iter().map(|w| &w.object);
        let mut rights = super::ready::waiting(workloads.clone(), &names.source);
        // A declared object that is gone is made again; one that is there is left as it is.
        let whole = workloads.flat_map(brought_back);
        let gone = self.declared.iter();
        rights.extend(whole.chain(gone.flat_map(|o| on(o, &["get"]).into_iter().chain([create(o)]))));
        rights
    }

    async fn precheck(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        if !world.in_doubt(number) {
            self.live(world).await?;
            asked::before_stop(world, number, &self.checks, false).await?;
        }
        Ok(())
    }

    async fn run(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        let live = self.live(world).await?;
        // The first run notes what was; a repeated one must not take its own zeros for the original.
        if world.recall(number, "before").is_none() {
            asked::before_stop(world, number, &self.checks, true).await?;
            let before: serde_json::Map<String, Value> =
                live.iter().map(|w| (w.reference().to_string(), state_of(w))).collect();
            // What did not come up before need not come up after a rollback.
            let ready: Vec<ObjRef> = live.iter().filter(|w| pods::ready(w)).map(Object::reference).collect();
            world.note(number, "ready", json!(ready)).await?;
            world.note(number, "before", Value::Object(before)).await?;
        }
        side_by_side(live.iter().map(|workload| async move {
            let Some(patch) = stop_patch(workload) else {
                return Ok(());
            };
            let this_one = Precondition {
                uid: Some(workload.uid().to_owned()),
                resource_version: None,
            };
            world
                .source
                .patch(&workload.reference(), PatchKind::Merge, &patch, &this_one, false)
                .await?;
            Ok::<_, StepError>(())
        }))
        .await?;
        self.gone(world, &live).await
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let moved: Vec<Finding> = self
            .live(world)
            .await?
            .iter()
            .filter(|w| stop_patch(w).is_some())
            .map(|w| Finding::error("workload-started-again", w.reference().to_string()))
            .collect();
        if moved.is_empty() {
            Ok(())
        } else {
            Err(StepError::Refused(moved))
        }
    }

    async fn undo(&self, world: &World<'_>, number: u32) -> StepResult<()> {
        // Everything that the workloads need comes back before they do.
        for reference in &self.declared {
            if world.source.get(reference).await?.is_none()
                && let Ok(image) = world.before(reference)
            {
                restore::to_image(world, world.source, &image).await?;
            }
        }
        let before = world.recall(number, "before").unwrap_or_default();
        side_by_side(
            self.workloads
                .iter()
                .map(|workload| restart(world, &workload.object, &before)),
        )
        .await?;
        let ready = world
            .recall(number, "ready")
            .and_then(|r| serde_json::from_value::<Vec<ObjRef>>(r).ok());
        super::ready::wait_ready(
            world,
            world.source,
            world.source_namespace(),
            &ready.unwrap_or_default(),
        )
        .await
    }
}

async fn restart(world: &World<'_>, object: &ObjRef, before: &Value) -> StepResult<()> {
    let Some(live) = world.source.get(object).await? else {
        let image = world.before(object)?;
        return restore::to_image(world, world.source, &image).await;
    };
    let noted = before.get(object.to_string()).cloned();
    // Who took the run over may lack the newest notes; the backup says what was before all of it.
    let kept = || {
        let image = world.state().taken_over.then(|| world.before(object).ok()).flatten();
        image.map(|image| state_of(&image))
    };
    let Some(was) = noted.or_else(kept) else {
        return Ok(());
    };
    let Some(patch) = start_patch(&live, &was) else {
        return Ok(());
    };
    if state_of(&live) == was && server::stop(&live) != Some(Stop::NodeSelector) {
        return Ok(());
    }
    let this_one = Precondition {
        uid: Some(live.uid().to_owned()),
        resource_version: None,
    };
    world
        .source
        .patch(object, PatchKind::Merge, &patch, &this_one, false)
        .await?;
    Ok(())
}

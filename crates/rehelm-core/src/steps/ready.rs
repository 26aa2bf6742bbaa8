//! `ready`: everything that the release runs is up. The outage ends here.
//!
//! Waiting watches workloads and pods together; what does not come up is explained in one line each. An error that
//! time does not mend (an image, a missing key) ends the wait early, once nothing else is still on its way.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

use super::{Action, Names, Undo, accesses, asked, plural, rebind};
use crate::exec_checks::{self, ExecCheck};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::ports::{Access, Cluster, PortError, Select};
use crate::world::{StepError, StepResult, World};

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ready {
    /// Workloads of the release.
    pub workloads: Vec<ObjRef>,
    /// What must be so when they are up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ExecCheck>,
}

/// How often the view of workloads and pods is put together anew while waiting and something moves. That all workloads of
/// a kind are up is heard at once all the same.
const LOOK: Duration = Duration::from_millis(400);

/// How often when nothing has moved for long: whole lists are not asked of a server several times a second for nothing.
const SELDOM: Duration = Duration::from_secs(5);

/// What is not up yet: its name, and why where that can be said.
struct View {
    waiting: Vec<ObjRef>,
    reasons: Vec<Finding>,
}

async fn look(cluster: &dyn Cluster, namespace: &str, wanted: &[ObjRef]) -> StepResult<View> {
    let select = Select {
        namespace: Some(namespace.to_owned()),
        ..Select::default()
    };
    let kinds: BTreeSet<(&str, &str)> = wanted
        .iter()
        .map(|w| (w.api_version.as_str(), w.kind.as_str()))
        .collect();
    let mut live = Vec::new();
    for (api, kind) in kinds {
        live.extend(cluster.list(api, kind, &select).await?);
    }
    let find = |w: &&ObjRef| live.iter().find(|l| l.is(w));
    let waiting: Vec<ObjRef> = wanted
        .iter()
        .filter(|w| !find(w).is_some_and(pods::ready))
        .cloned()
        .collect();
    if waiting.is_empty() {
        return Ok(View {
            waiting,
            reasons: Vec::new(),
        });
    }
    let all_pods = cluster.list("v1", "Pod", &select).await?;
    let mut reasons: Vec<Finding> = Vec::new();
    for reference in &waiting {
        let Some(workload) = find(&reference) else {
            reasons.push(Finding::error("workload-missing", reference.to_string()));
            continue;
        };
        reasons.extend(pods::refused(workload));
        reasons.extend(
            all_pods
                .iter()
                .filter(|p| pods::belongs(p, workload))
                .filter_map(pods::explain),
        );
    }
    Ok(View { waiting, reasons })
}

/// Waits until all workloads are up.
///
/// # Errors
/// A refusal that explains every pod that does not come up.
pub(crate) async fn wait_ready(
    world: &World<'_>,
    cluster: &dyn Cluster,
    namespace: &str,
    wanted: &[ObjRef],
) -> StepResult<()> {
    let begun = world.clock.now();
    let since = |from| Duration::try_from(world.clock.now().duration_since(from)).unwrap_or_default();
    let mut stuck_since = None;
    let mut last: Option<usize> = None;
    let mut pause = LOOK;
    loop {
        let view = look(cluster, namespace, wanted).await?;
        let up = wanted.len() - view.waiting.len();
        if last != Some(up) {
            last = Some(up);
            stuck_since = None;
            pause = LOOK;
            world.progress.tick("workloads-ready", up as u64, wanted.len() as u64);
        }
        if view.waiting.is_empty() {
            return Ok(());
        }
        let hopeless = !view.reasons.is_empty()
            && view
                .reasons
                .iter()
                .all(|r| pods::hopeless(r) || r.code == "pods-refused");
        let stuck = if hopeless {
            since(*stuck_since.get_or_insert_with(|| world.clock.now()))
        } else {
            Duration::ZERO
        };
        if stuck > world.timeouts.hopeless || since(begun) > world.timeouts.ready {
            let mut findings = view.reasons;
            if findings.is_empty() {
                findings = view
                    .waiting
                    .iter()
                    .map(|w| Finding::error("workload-not-ready", w.to_string()))
                    .collect();
            }
            return Err(StepError::Refused(findings));
        }
        world.check_stop()?;
        // The next change of any of these workloads, or a short while for the pods' own reasons.
        let kind = &view.waiting[0];
        let select = Select {
            namespace: Some(namespace.to_owned()),
            ..Select::default()
        };
        let all_up = |all: &[Object]| {
            let ready = |w: &ObjRef| all.iter().any(|l| l.is(w) && pods::ready(l));
            view.waiting.iter().filter(|w| w.kind == kind.kind).all(ready)
        };
        match cluster
            .wait_list(&kind.api_version, &kind.kind, &select, pause, &all_up)
            .await
        {
            Ok(_) => {}
            Err(PortError::Timeout { .. }) => pause = (pause * 5 / 4).min(SELDOM),
            Err(other) => return Err(other.into()),
        }
    }
}

/// Rights for [`wait_ready`].
pub(crate) fn waiting<'a>(workloads: impl IntoIterator<Item = &'a ObjRef>, namespace: &str) -> Vec<Access> {
    let kinds: BTreeSet<(&str, String)> = workloads.into_iter().map(|w| (w.group(), plural(&w.kind))).collect();
    let mut rights = accesses(&["list"], "", "pods", Some(namespace));
    for (group, resource) in kinds {
        rights.extend(accesses(&["list", "watch"], group, &resource, Some(namespace)));
    }
    rights
}

#[async_trait]
impl Action for Ready {
    fn undo_kind(&self) -> Undo {
        Undo::Nothing
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        vec![format!(
            "kubectl wait -n {} --for=condition=Available deployment --all --timeout=15m",
            names.target
        )]
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = waiting(&self.workloads, &names.target);
        rights.extend(exec_checks::rights(&self.checks, &names.target));
        rights
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        wait_ready(world, world.target, world.target_namespace(), &self.workloads).await?;
        rebind::require_handed_over(world).await?;
        asked::after_start(world, &self.checks).await
    }

    async fn verify(&self, _: &World<'_>, _: u32) -> StepResult<()> {
        // The wait itself is the proof; a second look a moment later would prove another moment.
        Ok(())
    }
}

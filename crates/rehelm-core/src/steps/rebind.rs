//! `rebind`: volumes go from the old claims to the release's, without ever being free.
//!
//! For each volume: the old claim is deleted (this very one), and when it is gone the volume's claimRef is pointed at
//! the waiting claim by namespace, name and uid, tested against the version that was read. It is never emptied: a
//! volume without a claimRef is Available to anyone. The waiting claim is then touched, because the binder looks at a
//! pending claim only when the claim changes, and otherwise every 15 seconds.

use async_trait::async_trait;
use futures::future::try_join_all;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

use super::claims::require_waiting;
use super::retain::{read_volume, require_retained, volume_ref};
use super::{Action, Names, StepSpec, Undo, accesses, create, on};
use crate::finding::{Finding, Severity};
use crate::object::{ObjRef, Object};
use crate::pods;
use crate::ports::{Access, Cluster, PatchKind, PortError, Precondition, Select};
use crate::restore::{self, precondition};
use crate::server;
use crate::verification;
use crate::world::{StepError, StepResult, World};

/// One volume and its two claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Handover {
    /// PersistentVolume.
    pub volume: String,
    /// Its uid.
    pub volume_uid: String,
    /// Claim of the old install.
    pub from: ObjRef,
    /// Its uid when the plan was made.
    pub from_uid: String,
    /// Claim of the release.
    pub to: ObjRef,
}

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rebind {
    /// Which volumes.
    pub volumes: Vec<Handover>,
}

/// Annotation that makes the binder look again.
const TOUCHED: &str = "rehelm.dev/touched";

#[async_trait]
impl Action for Rebind {
    fn undo_kind(&self) -> Undo {
        Undo::Yes
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        self.volumes
            .iter()
            .flat_map(|v| [v.from.clone(), volume_ref(&v.volume), v.to.clone()])
            .collect()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        self.volumes
            .iter()
            .flat_map(|v| {
                [
                    format!("kubectl delete pvc {} -n {}", v.from.name, names.source),
                    format!(
                        "kubectl patch pv {} --type merge -p '{{\"spec\":{{\"claimRef\":{{\"namespace\":\"{}\",\"name\":\"{}\",\"uid\":\"'$(kubectl get pvc {} -n {} -o jsonpath={{.metadata.uid}})'\",\"resourceVersion\":null}}}}}}'",
                        v.volume, names.target, v.to.name, v.to.name, names.target
                    ),
                    format!("kubectl annotate pvc {} -n {} {TOUCHED}=1 --overwrite", v.to.name, names.target),
                ]
            })
            .collect()
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = accesses(&["list"], "", "pods", Some(&names.source));
        for v in &self.volumes {
            rights.extend(on(&v.from, &["get", "delete", "list", "watch"]));
            rights.extend(on(&v.to, &["get", "patch", "list", "watch"]));
            rights.extend(on(&volume_ref(&v.volume), &["get", "patch"]));
        }
        rights
    }

    fn undo_rights(&self, names: &Names) -> Vec<Access> {
        let mut rights = accesses(&["list"], "", "pods", Some(&names.target));
        for v in &self.volumes {
            rights.push(create(&v.from));
            rights.extend(on(&v.from, &["get", "patch", "list", "watch"]));
            rights.extend(on(&v.to, &["get", "delete", "list", "watch"]));
            rights.extend(on(&volume_ref(&v.volume), &["get", "patch"]));
        }
        rights
    }

    async fn precheck(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for v in &self.volumes {
            let volume = read_volume(world, &v.volume, &v.volume_uid).await?;
            require_claimed_by(&volume, &[&v.from, &v.to])?;
        }
        Ok(())
    }

    fn images(&self) -> Vec<ObjRef> {
        self.volumes.iter().map(|v| v.from.clone()).collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let jobs = self
            .volumes
            .iter()
            .map(|v| hand_over(world, world.source, v, &v.from, &v.to));
        try_join_all(jobs).await?;
        Ok(())
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for v in &self.volumes {
            require_bound(world, v, &v.to).await?;
        }
        Ok(())
    }

    async fn undo(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        try_join_all(self.volumes.iter().map(|v| async move {
            let volume = read_volume(world, &v.volume, &v.volume_uid).await?;
            let old = world.source.get(&v.from).await?;
            if let Some(held) = old.as_ref().filter(|o| held_by(&volume, o) && !o.is_terminating()) {
                return settle(world, world.source, held).await;
            }
            if let Some(going) = old.filter(Object::is_terminating) {
                // The crash came between the deletion and its end: it cannot be called back, only awaited.
                let uid = going.uid().to_owned();
                let gone = |now: Option<&Object>| now.is_none_or(|o| o.uid() != uid);
                world.source.wait(&v.from, world.timeouts.objects, &gone).await?;
            }
            let image = server::without_owned(&world.before(&v.from)?);
            match world.source.create(&image, false).await {
                Ok(_) | Err(PortError::Exists(_)) => {}
                Err(other) => return Err(other.into()),
            }
            hand_over(world, world.source, v, &v.to, &v.from).await
        }))
        .await?;
        for v in &self.volumes {
            require_bound(world, v, &v.from).await?;
        }
        Ok(())
    }
}

/// Refuses when a volume that was handed over is not held by its new claim any more: whoever goes on without it gets an empty
/// one, and nobody is told.
pub(super) async fn require_handed_over(world: &World<'_>) -> StepResult<()> {
    let mut lost = Vec::new();
    for step in &world.plan.steps {
        if let StepSpec::Rebind(rebind) = &step.spec {
            let found = verification::volumes(world, rebind).await?;
            lost.extend(found.into_iter().filter(|f| f.severity == Severity::Error));
        }
    }
    match lost.is_empty() {
        true => Ok(()),
        false => Err(StepError::Refused(lost)),
    }
}

/// Hands one volume from the claim that holds it to a waiting one; goes on from wherever it was interrupted.
async fn hand_over(
    world: &World<'_>,
    cluster: &dyn Cluster,
    handover: &Handover,
    from: &ObjRef,
    to: &ObjRef,
) -> StepResult<()> {
    let waiting = cluster
        .get(to)
        .await?
        .ok_or_else(|| PortError::NotFound(to.to_string()))?;
    let volume = read_volume(world, &handover.volume, &handover.volume_uid).await?;
    if !held_by(&volume, &waiting) {
        require_retained(&volume)?;
        require_claimed_by(&volume, &[from, to])?;
        // Somebody may have taken it away since it was made: then the old claim must stay.
        require_waiting(&waiting, &handover.volume)?;
        if let Some(old) = cluster.get(from).await? {
            refuse_users(cluster, &old).await?;
            let gone = restore::delete_and_wait(world, cluster, from, old.uid()).await;
            if let Err(PortError::Timeout { .. }) = gone {
                refuse_users(cluster, &old).await?;
            }
            gone?;
        }
        point_at(world, cluster, handover, from, &waiting).await?;
    }
    touch_until_bound(world, cluster, to).await
}

/// Points the volume at a claim, on the version that was read; others' changes in between are looked at again.
async fn point_at(
    world: &World<'_>,
    cluster: &dyn Cluster,
    handover: &Handover,
    from: &ObjRef,
    claim: &Object,
) -> StepResult<()> {
    for attempt in 0.. {
        let volume = read_volume(world, &handover.volume, &handover.volume_uid).await?;
        require_retained(&volume)?;
        require_claimed_by(&volume, &[from, &claim.reference()])?;
        let patch = json!({"spec": {"claimRef": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "namespace": claim.namespace(), "name": claim.name(), "uid": claim.uid(), "resourceVersion": null,
        }}});
        match cluster
            .patch(
                &volume.reference(),
                PatchKind::Merge,
                &patch,
                &precondition(&volume),
                false,
            )
            .await
        {
            Err(PortError::Conflict(..)) if attempt < 10 => {}
            other => {
                other?;
                break;
            }
        }
    }
    Ok(())
}

/// Ends what a crash behind the volume's change left: a claim that has its volume, but nobody made the binder look yet, or
/// the mark by which that was done is still there.
async fn settle(world: &World<'_>, cluster: &dyn Cluster, claim: &Object) -> StepResult<()> {
    let bound = claim.str("/status/phase") == Some("Bound");
    if bound && claim.annotation(TOUCHED).is_none() {
        return Ok(());
    }
    touch_until_bound(world, cluster, &claim.reference()).await
}

/// Makes the binder look at the claim until it is bound; takes the mark away afterwards.
async fn touch_until_bound(world: &World<'_>, cluster: &dyn Cluster, claim: &ObjRef) -> StepResult<()> {
    let bound = |now: Option<&Object>| now.is_some_and(|c| c.str("/status/phase") == Some("Bound"));
    let begun = world.clock.now();
    for round in 1.. {
        let mark = json!({"metadata": {"annotations": {TOUCHED: round.to_string()}}});
        cluster
            .patch(claim, PatchKind::Merge, &mark, &Precondition::default(), false)
            .await?;
        // The binder works on what its caches show: a touch that it sees before the volume's change is in vain.
        let patience = Duration::from_millis(if round <= 10 { 200 } else { 2000 });
        match cluster.wait(claim, patience, &bound).await {
            Ok(_) => break,
            Err(PortError::Timeout { what, .. }) => {
                let waited: Duration = world.clock.now().duration_since(begun).try_into().unwrap_or_default();
                if waited > world.timeouts.objects {
                    return Err(PortError::Timeout { what, waited }.into());
                }
            }
            Err(other) => return Err(other.into()),
        }
    }
    let unmark = json!({"metadata": {"annotations": {TOUCHED: null}}});
    cluster
        .patch(claim, PatchKind::Merge, &unmark, &Precondition::default(), false)
        .await?;
    Ok(())
}

fn held_by(volume: &Object, claim: &Object) -> bool {
    !claim.uid().is_empty() && volume.str("/spec/claimRef/uid") == Some(claim.uid())
}

/// Refuses a volume whose claimRef names a stranger, or nobody.
fn require_claimed_by(volume: &Object, claims: &[&ObjRef]) -> StepResult<()> {
    let namespace = volume.str("/spec/claimRef/namespace").unwrap_or_default();
    let name = volume.str("/spec/claimRef/name").unwrap_or_default();
    if claims
        .iter()
        .any(|c| c.namespace.as_deref() == Some(namespace) && c.name == name)
    {
        return Ok(());
    }
    let finding = Finding::error("volume-of-stranger", volume.reference().to_string())
        .arg("claim", format!("{namespace}/{name}"));
    Err(StepError::refused(finding))
}

async fn require_bound(world: &World<'_>, handover: &Handover, claim: &ObjRef) -> StepResult<()> {
    let live = world
        .source
        .get(claim)
        .await?
        .ok_or_else(|| PortError::NotFound(claim.to_string()))?;
    let volume = read_volume(world, &handover.volume, &handover.volume_uid).await?;
    let bound = live.str("/status/phase") == Some("Bound")
        && live.str("/spec/volumeName") == Some(volume.name())
        && held_by(&volume, &live);
    if bound {
        return Ok(());
    }
    let phase = live.str("/status/phase").unwrap_or("unknown");
    let finding = Finding::error("claim-not-bound", claim.to_string())
        .arg("volume", volume.name())
        .arg("phase", phase);
    Err(StepError::refused(finding))
}

/// Refuses to delete a claim that pods still hold, and names them (finished pods hold claims, too).
async fn refuse_users(cluster: &dyn Cluster, claim: &Object) -> StepResult<()> {
    let select = Select {
        namespace: claim.namespace().map(str::to_owned),
        ..Select::default()
    };
    let holders: Vec<String> = cluster
        .list("v1", "Pod", &select)
        .await?
        .iter()
        .filter(|p| pods::pod_spec(p).is_some_and(|s| pods::claims(s).contains(claim.name())))
        .map(|p| p.name().to_owned())
        .collect();
    if holders.is_empty() {
        return Ok(());
    }
    let finding = Finding::error("claim-in-use", claim.reference().to_string()).arg("pods", holders.join(", "));
    Err(StepError::refused(finding))
}

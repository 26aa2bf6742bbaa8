//! Pods: what a kubelet would make of each.

use super::event::Event;
use super::faults::{Fault, Kind};
use super::pod_status::{self, Look};
use super::references::{self, Blocked};
use super::{Cluster, Next};
use crate::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use kube::runtime::reflector::ObjectRef;

pub(super) async fn reconcile(cluster: &Cluster, ns: &str, name: &str) -> Result<Next> {
    let pod = cluster.pods.get(&ObjectRef::new(name).within(ns));
    if let Some(containers) = &cluster.containers
        && !containers.cleared(ns, name, pod.as_ref().and_then(|pod| pod.metadata.uid.as_deref()))?
    {
        return Ok(Next::Change);
    }
    let Some(pod) = pod else {
        return Ok(Next::Change);
    };
    if pod.spec.as_ref().is_none_or(|s| s.node_name.is_none()) {
        return Ok(Next::Change);
    }
    let fault = cluster.faults().of(&pod);
    let kind = fault.as_ref().map(|f| f.kind);
    if pod.metadata.deletion_timestamp.is_some() {
        return stop(cluster, &pod, kind).await;
    }
    if matches!(
        pod.status.as_ref().and_then(|s| s.phase.as_deref()),
        Some("Succeeded" | "Failed")
    ) {
        return Ok(Next::Change);
    }
    let uid = pod.uid().unwrap_or_default();
    let has_run = pod_status::has_run(&pod);
    if !has_run && let Some(blocked) = references::blocked(cluster, &pod).await? {
        let Blocked { look, event } = blocked;
        return show(cluster, &pod, look, event).await;
    }
    let slow = fault
        .as_ref()
        .filter(|f| f.kind == Kind::SlowStart)
        .map(Fault::delay)
        .unwrap_or_default();
    if !has_run && let Some(left) = cluster.left(format!("start {uid}"), cluster.settings.pace.pod_start + slow) {
        // A slow start is a container that runs and is not ready yet; the general pace is the time to pull and create.
        let look = if slow.is_zero() {
            Look::Creating
        } else {
            Look::Running { ready: false }
        };
        show(cluster, &pod, look, None).await?;
        return Ok(Next::After(left));
    }
    if let Some(left) = cluster.left(format!("start {uid}"), slow) {
        return Ok(Next::After(left));
    }
    let (look, event) = wanted(&pod, kind);
    if let (Some(containers), Look::Running { .. }) = (&cluster.containers, &look)
        && let Some(left) = containers.run(cluster, &pod).await?
    {
        let (look, event) = crash_loop(&pod);
        show(cluster, &pod, look, Some(event)).await?;
        return Ok(Next::After(left));
    }
    show(cluster, &pod, look, event).await
}

/// How the pod looks when nothing is in its way but a fault.
fn wanted(pod: &Pod, fault: Option<Kind>) -> (Look, Option<Event>) {
    let container = pod.spec.iter().flat_map(|s| &s.containers).next();
    let image = container.and_then(|c| c.image.clone()).unwrap_or_default();
    let is_job = pod.owner_references().iter().any(|o| o.kind == "Job");
    match fault {
        Some(Kind::NeverReady) => {
            let event = Event::warning("Unhealthy", "Readiness probe failed: fault played by the testbed");
            (Look::Running { ready: false }, Some(event))
        }
        Some(Kind::ImagePullError) => {
            let why = format!("failed to resolve reference \"{image}\": {image}: not found");
            let event = Event::warning("Failed", format!("Failed to pull image \"{image}\": {why}"));
            let message = format!("Back-off pulling image \"{image}\": ErrImagePull: {why}");
            (
                Look::Waiting {
                    reason: "ImagePullBackOff".into(),
                    message,
                },
                Some(event),
            )
        }
        Some(Kind::CrashLoop) => {
            let (look, event) = crash_loop(pod);
            (look, Some(event))
        }
        Some(Kind::JobFails) if is_job => (Look::Ended { ok: false }, None),
        _ if is_job => (Look::Ended { ok: true }, None),
        _ => (Look::Running { ready: true }, None),
    }
}

fn crash_loop(pod: &Pod) -> (Look, Event) {
    let container = pod.spec.iter().flat_map(|s| &s.containers).next();
    let name = container.map(|c| c.name.clone()).unwrap_or_default();
    let (pod, ns) = (pod.name_any(), pod.namespace().unwrap_or_default());
    let message = format!("Back-off restarting failed container {name} in pod {pod}_{ns}");
    (Look::CrashLoop, Event::warning("BackOff", message))
}

/// Writes the look when it is not what was written last.
async fn show(cluster: &Cluster, pod: &Pod, look: Look, event: Option<Event>) -> Result<Next> {
    let uid = pod.uid().unwrap_or_default();
    if !cluster.looks_new(&uid, &look) {
        return Ok(Next::Change);
    }
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace().unwrap_or_default());
    let patch = Patch::Merge(pod_status::patch(pod, &look));
    if let Err(e) = api.patch_status(&pod.name_any(), &PatchParams::default(), &patch).await {
        cluster.forget(&uid);
        return Err(e.into());
    }
    if let Some(event) = event {
        event.post(cluster, pod, "kubelet").await?;
    }
    Ok(Next::Change)
}

/// Finishes a deletion. Where nothing runs, containers end at once, whatever grace they were given.
async fn stop(cluster: &Cluster, pod: &Pod, fault: Option<Kind>) -> Result<Next> {
    let uid = pod.uid().unwrap_or_default();
    if fault == Some(Kind::WillNotDie) {
        return Ok(Next::Change);
    }
    if let Some(left) = cluster.left(format!("stop {uid}"), cluster.settings.pace.pod_stop) {
        return Ok(Next::After(left));
    }
    if let Some(containers) = &cluster.containers
        && let Some(left) = containers.stop(pod)?
    {
        return Ok(Next::After(left));
    }
    cluster.forget(&uid);
    let same = Preconditions {
        uid: Some(uid),
        resource_version: None,
    };
    let now = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(same),
        ..Default::default()
    };
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &pod.namespace().unwrap_or_default());
    match api.delete(&pod.name_any(), &now).await {
        Err(kube::Error::Api(e)) if matches!(e.code, 404 | 409) => Ok(Next::Change),
        other => other.map(|_| Next::Change).map_err(Into::into),
    }
}

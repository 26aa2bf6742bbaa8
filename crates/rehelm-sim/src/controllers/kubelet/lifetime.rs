//! From the start of a pod's containers to their end.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Look, look, references, show};
use crate::controllers::read;
use crate::faults::Readiness;
use crate::meta;
use crate::world::World;

/// From the start of its containers on.
pub(super) fn live(world: &mut World, key: &str, pod: &Arc<Value>, fault: Option<Readiness>) -> Option<Duration> {
    let now = world.now();
    let ends = references::ends(pod);
    match fault {
        Some(Readiness::ImagePull) => {
            let image = references::images(pod).next().unwrap_or_default().to_owned();
            let why = format!("failed to resolve reference \"{image}\": {image}: not found");
            let (look, event) = look::image_pull(&image, &why, false);
            if let Some(left) = world.machines.left(key, "pull", Duration::from_secs(10), now) {
                show(world, key, pod, look, Some(event));
                return Some(left);
            }
            let (look, event) = look::image_pull(&image, &why, true);
            show(world, key, pod, look, Some(event));
            None
        }
        Some(Readiness::CrashLoop) => crash(world, key, pod, false),
        Some(Readiness::Fails) if ends && read::text(pod, "/spec/restartPolicy") == "OnFailure" => {
            crash(world, key, pod, true)
        }
        Some(Readiness::Never) => {
            let event = ("Unhealthy", "Readiness probe failed".to_owned());
            show(world, key, pod, Look::Running { ready: false }, Some(event));
            None
        }
        Some(Readiness::After(span)) if world.machines.left(key, "ready", span, now).is_some() => {
            show(world, key, pod, Look::Running { ready: false }, None);
            world.machines.left(key, "ready", span, now)
        }
        other if ends => {
            let run = world.options.timing.job_run;
            if let Some(left) = world.machines.left(key, "run", run, now) {
                show(world, key, pod, Look::Running { ready: true }, None);
                return Some(left);
            }
            let ok = other != Some(Readiness::Fails);
            show(world, key, pod, Look::Ended { ok }, None);
            None
        }
        _ => {
            show(world, key, pod, Look::Running { ready: true }, None);
            None
        }
    }
}

/// Ends with an error and is started again, after 10 s, 20 s, and so on up to 5 minutes.
fn crash(world: &mut World, key: &str, pod: &Arc<Value>, bounded: bool) -> Option<Duration> {
    let now = world.now();
    let restarts = world.machines.restarts(key);
    let backoff = Duration::from_secs((10 << restarts.saturating_sub(1).min(5)).min(300));
    let what = format!("restart {restarts}");
    let left = if restarts == 0 {
        None
    } else {
        world.machines.left(key, &what, backoff, now)
    };
    let wait = left.unwrap_or_else(|| {
        let restarts = world.machines.restart(key);
        let backoff = Duration::from_secs((10 << restarts.saturating_sub(1).min(5)).min(300));
        let what = format!("restart {restarts}");
        world.machines.left(key, &what, backoff, now).unwrap_or(backoff)
    });
    let restarts = world.machines.restarts(key);
    let message = format!(
        "Back-off restarting failed container {} in pod {}_{}({})",
        read::text(pod, "/spec/containers/0/name"),
        meta::name(pod),
        meta::namespace(pod),
        meta::uid(pod)
    );
    show(
        world,
        key,
        pod,
        Look::CrashLoop { restarts },
        Some(("BackOff", message)),
    );
    if bounded {
        return Some(wait);
    }
    world.look_later(wait);
    None
}

/// Finishes a deletion.
pub(super) fn stop(world: &mut World, key: &str, pod: &Arc<Value>, fault: Option<Readiness>) -> Option<Duration> {
    let grace = read::int(pod, "/metadata/deletionGracePeriodSeconds");
    if grace == 0 && !meta::finalizers(pod).is_empty() && world.machines.look(key) == Some(&Look::Stopped) {
        return None;
    }
    let span = match fault {
        Some(Readiness::NeverEnds) => return None,
        Some(Readiness::SlowToEnd(span)) => span,
        _ => {
            let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
            world.options.timing.pod_stop.min(grace)
        }
    };
    if let Some(left) = world.machines.left(key, "stop", span, world.now()) {
        return Some(left);
    }
    if !meta::finalizers(pod).is_empty() {
        show(world, key, pod, Look::Stopped, None);
    }
    let (namespace, name) = (meta::namespace(pod), meta::name(pod));
    if let Err(refusal) = world.end_pod(namespace, name) {
        tracing::debug!(name, message = refusal.message, "a pod could not be ended");
    }
    None
}

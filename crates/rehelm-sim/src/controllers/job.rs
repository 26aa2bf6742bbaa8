//! Jobs: pods until enough of them have ended well. Rules: kubernetes `pkg/controller/job` of 1.35.
//!
//! Pods carry no tracking finalizer: they are counted by looking at them, and what was counted once stays counted.
//! Indexed completion, success policies and pod failure policies are not served: such a Job runs like any other.

mod status;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::events::{self, Reporter};
use super::{Controller, claim, pods, read, selector};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::timeline::Time;
use crate::world::World;

const JOBS: &str = "jobs.batch";
const REPORTER: Reporter<'_> = Reporter::controller("job-controller");
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// First pause after a pod has failed; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The controller.
pub(crate) struct Jobs;

impl Controller for Jobs {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            JOBS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            "pods" => claim::controllers_of(change, "Job"),
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let job = world.get(JOBS, namespace, name)?;
        if selector::is_empty(job.pointer("/spec/selector")) {
            return None;
        }
        if let Some(finished) = finished(&job) {
            return outlive(world, &job, finished);
        }
        if meta::is_terminating(&job) {
            return None;
        }
        Sync::new(world, job).run()
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let jobs = world.list(JOBS, None);
        jobs.iter().map(|job| meta::key(job)).collect()
    }
}

/// When the Job ended, for good or bad.
pub(super) fn finished(job: &Value) -> Option<String> {
    let ended = ["Complete", "Failed"]
        .iter()
        .find_map(|kind| read::condition(job, kind))?;
    (ended["status"] == "True").then(|| read::text(ended, "/lastTransitionTime").to_owned())
}

/// `ttlSecondsAfterFinished`.
fn outlive(world: &mut World, job: &Arc<Value>, finished: String) -> Option<Duration> {
    let ttl = job.pointer("/spec/ttlSecondsAfterFinished").and_then(Value::as_u64)?;
    if meta::is_terminating(job) {
        return None;
    }
    let left = read::left(&finished, Duration::from_secs(ttl), world.now());
    if !left.is_zero() {
        return Some(left);
    }
    let kind = world.kind(JOBS).ok()?;
    let options = crate::world::DeleteOptions {
        propagation: Some("Foreground".to_owned()),
        ..Default::default()
    };
    if let Err(refusal) = world.delete(&kind, job, &options) {
        tracing::debug!(message = refusal.message, "a finished Job could not be deleted");
    }
    None
}

/// One look at one Job that is not finished.
struct Sync<'a> {
    world: &'a mut World,
    job: Arc<Value>,
    active: Vec<Arc<Value>>,
    ended: Vec<Arc<Value>>,
    terminating: i64,
    succeeded: i64,
    failed: i64,
}

impl<'a> Sync<'a> {
    fn new(world: &'a mut World, job: Arc<Value>) -> Self {
        let all = claim::claim(world, &job, "pods");
        let (ended, running): (Vec<_>, Vec<_>) = all.into_iter().partition(|pod| pods::has_ended(pod));
        let (terminating, active): (Vec<_>, Vec<_>) = running.into_iter().partition(|pod| meta::is_terminating(pod));
        let count = |phase| read::count(ended.iter().filter(|pod| pods::phase(pod) == phase).count());
        Self {
            succeeded: count("Succeeded").max(read::int(&job, "/status/succeeded")),
            failed: count("Failed").max(read::int(&job, "/status/failed")),
            terminating: read::count(terminating.len()),
            world,
            job,
            active,
            ended,
        }
    }

    fn number(&self, field: &str) -> Option<i64> {
        self.job.pointer(field).and_then(Value::as_i64)
    }

    fn run(mut self) -> Option<Duration> {
        if let Some((reason, message)) = self.failure() {
            // What is ended here has failed, too.
            self.failed += read::count(self.active.len());
            self.delete_active(self.active.len());
            return self.fail(reason, &message);
        }
        if self.is_complete() {
            self.delete_active(self.active.len());
            return self.complete();
        }
        let mut again = None;
        if read::flag(&self.job, "/spec/suspend") {
            self.delete_active(self.active.len());
        } else {
            again = self.manage();
        }
        let deadline = self.deadline();
        self.write_progress();
        [again, deadline].into_iter().flatten().min()
    }

    /// Enough pods have ended well.
    fn is_complete(&self) -> bool {
        match self.number("/spec/completions") {
            Some(completions) => self.succeeded >= completions,
            None => self.succeeded > 0 && self.active.is_empty(),
        }
    }

    /// Why the Job has failed, once it has.
    fn failure(&self) -> Option<(&'static str, String)> {
        if let Some(told) = read::condition(&self.job, "FailureTarget") {
            let reason = match read::text(told, "/reason") {
                "DeadlineExceeded" => "DeadlineExceeded",
                _ => "BackoffLimitExceeded",
            };
            return Some((reason, read::text(told, "/message").to_owned()));
        }
        let limit = self.number("/spec/backoffLimit").unwrap_or(6);
        let restarts: i64 = if read::text(&self.job, "/spec/template/spec/restartPolicy") == "OnFailure" {
            let statuses = self
                .active
                .iter()
                .flat_map(|pod| read::list(pod, "/status/containerStatuses"));
            statuses.map(|status| read::int(status, "/restartCount")).sum()
        } else {
            0
        };
        if self.failed > limit || (restarts > 0 && restarts >= limit) {
            return Some((
                "BackoffLimitExceeded",
                "Job has reached the specified backoff limit".to_owned(),
            ));
        }
        if self.deadline().is_some_and(|left| left.is_zero()) {
            return Some((
                "DeadlineExceeded",
                "Job was active longer than specified deadline".to_owned(),
            ));
        }
        None
    }

    /// Time until `activeDeadlineSeconds` are over.
    fn deadline(&self) -> Option<Duration> {
        let seconds = u64::try_from(self.number("/spec/activeDeadlineSeconds")?).ok()?;
        let since = read::text(&self.job, "/status/startTime");
        if since.is_empty() || read::flag(&self.job, "/spec/suspend") {
            return None;
        }
        Some(read::left(since, Duration::from_secs(seconds), self.world.now()))
    }

    fn delete_active(&mut self, how_many: usize) {
        for pod in self.active.drain(..how_many) {
            match self.world.remove("pods", meta::namespace(&pod), meta::name(&pod)) {
                Ok(()) => {
                    self.terminating += 1;
                    let message = format!("Deleted pod: {}", meta::name(&pod));
                    events::normal(self.world, REPORTER, &self.job, "SuccessfulDelete", &message);
                }
                Err(refusal) => tracing::debug!(message = refusal.message, "a Job's pod could not be deleted"),
            }
        }
    }

    /// Brings the number of pods to what it should be; gives when a pause after a failure is over.
    fn manage(&mut self) -> Option<Duration> {
        let parallelism = self.number("/spec/parallelism").unwrap_or(1);
        let active = read::count(self.active.len());
        let wanted = match self.number("/spec/completions") {
            Some(completions) => parallelism.min(completions - self.succeeded).max(0),
            None if self.succeeded > 0 => active,
            None => parallelism,
        };
        if active > wanted {
            let mut doomed = std::mem::take(&mut self.active);
            pods::sort_for_deletion(&mut doomed, &[]);
            self.active = doomed;
            self.delete_active(read::up_to(active - wanted));
            return None;
        }
        let missing = wanted - active - self.terminating;
        if missing <= 0 {
            return None;
        }
        if let Some(pause) = self.pause() {
            return Some(pause);
        }
        for _ in 0..missing {
            let mut pod = pods::from_template(&self.job, &self.job["spec"]["template"]);
            meta::drop_finalizer(&mut pod, TRACKING);
            match pods::create(self.world, pod, &pods::generate_name(&self.job)) {
                Ok(pod) => {
                    let message = format!("Created pod: {}", meta::name(&pod));
                    events::normal(self.world, REPORTER, &self.job, "SuccessfulCreate", &message);
                    self.active.push(pod);
                }
                Err(refusal) => {
                    let message = format!("Error creating: {}", refusal.message);
                    events::warning(self.world, REPORTER, &self.job, "FailedCreate", &message);
                    self.world.look_later(Duration::from_secs(5));
                    break;
                }
            }
        }
        None
    }

    /// What is left of the pause that the latest failure brought.
    fn pause(&self) -> Option<Duration> {
        let ends = self
            .ended
            .iter()
            .filter(|pod| pods::phase(pod) == "Failed")
            .map(|pod| end(pod));
        let latest: Time = ends.flatten().max()?;
        let doublings = u32::try_from(self.failed - 1).unwrap_or(0).min(10);
        let pause = (PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE);
        let left = latest.after(pause).since(self.world.now());
        (!left.is_zero()).then_some(left)
    }
}

/// When the last container of a pod ended.
fn end(pod: &Value) -> Option<Time> {
    let statuses = read::list(pod, "/status/containerStatuses").iter();
    let ends = statuses.filter_map(|status| read::time(read::text(status, "/state/terminated/finishedAt")));
    ends.max()
}

#[cfg(test)]
mod tests;

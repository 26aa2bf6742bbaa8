//! CronJobs: Jobs by the calendar. Rules: kubernetes `pkg/controller/cronjob` of 1.35.
//!
//! The calendar is background: time does not leap to the next date, but every date that time passes is kept. Dates before
//! the simulation began are not made up for.

mod schedule;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::events::{self, Reporter};
use super::{Controller, claim, job, pods, read};
use crate::meta;
use crate::store::{Change, ChangeKind};
use crate::timeline::Time;
use crate::world::{CONTROLLERS, World, Writer};
use schedule::Schedule;

const CRONS: &str = "cronjobs.batch";
const JOBS: &str = "jobs.batch";
const REPORTER: Reporter<'_> = Reporter::controller("cronjob-controller");

/// The controller.
pub(crate) struct CronJobs;

impl Controller for CronJobs {
    fn notice(&self, world: &World, change: &Change) -> Vec<(Duration, String)> {
        let keys = match &*change.resource {
            CRONS if change.kind != ChangeKind::Deleted => vec![meta::key(&change.object)],
            JOBS => claim::controllers_of(change, "CronJob"),
            _ => return Vec::new(),
        };
        keys.into_iter().map(|key| (world.options.timing.sync, key)).collect()
    }

    fn run(&self, world: &mut World, key: &str) -> Option<Duration> {
        let (namespace, name) = meta::split_key(key);
        let cron = world.get(CRONS, namespace, name)?;
        if meta::is_terminating(&cron) {
            return None;
        }
        let jobs = claim::owned(world, meta::uid(&cron), JOBS);
        clean_up(world, &cron, &jobs);
        let cron = note_jobs(world, cron, &jobs);
        if read::flag(&cron, "/spec/suspend") {
            return None;
        }
        let zone = read::text(&cron, "/spec/timeZone");
        let schedule = Schedule::parse(read::text(&cron, "/spec/schedule"), zone)?;
        let created = read::time(meta::text(&cron, "creationTimestamp")).unwrap_or_default();
        let last = read::time(read::text(&cron, "/status/lastScheduleTime")).unwrap_or_default();
        let from = created.max(last).max(world.options.start);
        let now = world.now();
        // Of several dates that went by only the latest counts.
        let mut due = schedule.next(from)?;
        let mut missed = None;
        while due <= now {
            missed = Some(due);
            due = schedule.next(due)?;
        }
        if let Some(date) = missed {
            start(world, &cron, &jobs, date);
        }
        world.look_later(due.since(now));
        None
    }

    fn begin(&self, world: &World) -> Vec<String> {
        let crons = world.list(CRONS, None);
        crons.iter().map(|cron| meta::key(cron)).collect()
    }
}

fn start(world: &mut World, cron: &Value, jobs: &[Arc<Value>], date: Time) {
    let late = cron.pointer("/spec/startingDeadlineSeconds").and_then(Value::as_u64);
    if late.is_some_and(|seconds| date.after(Duration::from_secs(seconds)) < world.now()) {
        return;
    }
    let active: Vec<&Arc<Value>> = jobs.iter().filter(|own| job::finished(own).is_none()).collect();
    match read::text(cron, "/spec/concurrencyPolicy") {
        "Forbid" if !active.is_empty() => {
            let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
            return events::normal(world, REPORTER, cron, "JobAlreadyActive", message);
        }
        "Replace" => {
            for own in active {
                if let Err(refusal) = world.remove(JOBS, meta::namespace(own), meta::name(own)) {
                    tracing::debug!(
                        message = refusal.message,
                        "a Job that is to be replaced could not be deleted"
                    );
                }
            }
        }
        _ => {}
    }
    let template = &cron["spec"]["jobTemplate"];
    let name = format!("{}-{}", meta::name(cron), date.0 / 60_000_000_000);
    let mut metadata = json!({
        "name": name,
        "namespace": meta::namespace(cron),
        "ownerReferences": [pods::controller_reference(cron)],
    });
    for field in ["labels", "annotations"] {
        if let Some(own) = meta::get(template, field) {
            metadata[field] = own.clone();
        }
    }
    metadata["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"] = date.rfc3339().into();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]});
    match world.create(JOBS, job) {
        Ok(_) => {
            events::normal(
                world,
                REPORTER,
                cron,
                "SuccessfulCreate",
                &format!("Created job {name}"),
            );
        }
        Err(refusal) if refusal.reason == "AlreadyExists" => {}
        Err(refusal) => {
            let message = format!("Error creating job: {}", refusal.message);
            return events::warning(world, REPORTER, cron, "FailedCreate", &message);
        }
    }
    write_status(world, cron, |status| status["lastScheduleTime"] = date.rfc3339().into());
}

fn write_status(world: &mut World, cron: &Value, change: impl FnOnce(&mut Value)) -> Option<Arc<Value>> {
    let writer = Writer::new(CONTROLLERS, "status");
    let (namespace, name) = (meta::namespace(cron), meta::name(cron));
    let written = world.modify_as(CRONS, namespace, name, &writer, |cron| {
        meta::child_map(cron, "status");
        change(&mut cron["status"]);
    });
    match written {
        Ok(written) => written,
        Err(refusal) => {
            tracing::debug!(
                name,
                message = refusal.message,
                "a CronJob's status could not be written"
            );
            None
        }
    }
}

/// Jobs that run, and when one ended well last.
fn note_jobs(world: &mut World, cron: Arc<Value>, jobs: &[Arc<Value>]) -> Arc<Value> {
    let running = jobs.iter().filter(|own| job::finished(own).is_none());
    let active: Vec<Value> = running.map(|job| events::reference(job)).collect();
    let known: Vec<&str> = read::list(&cron, "/status/active")
        .iter()
        .map(|one| read::text(one, "/uid"))
        .collect();
    let same = active.len() == known.len() && active.iter().all(|one| known.contains(&read::text(one, "/uid")));
    let ends = jobs
        .iter()
        .map(|job| read::text(job, "/status/completionTime"))
        .max()
        .unwrap_or_default();
    let newer = ends > read::text(&cron, "/status/lastSuccessfulTime");
    if same && !newer {
        return cron;
    }
    let written = write_status(world, &cron, |status| {
        if active.is_empty() {
            status.as_object_mut().and_then(|status| status.shift_remove("active"));
        } else {
            status["active"] = active.into();
        }
        if newer {
            status["lastSuccessfulTime"] = ends.into();
        }
    });
    written.unwrap_or(cron)
}

/// Deletes finished Jobs that are more than the CronJob keeps.
fn clean_up(world: &mut World, cron: &Value, jobs: &[Arc<Value>]) {
    for (kind, field, usual) in [
        ("Complete", "/spec/successfulJobsHistoryLimit", 3),
        ("Failed", "/spec/failedJobsHistoryLimit", 1),
    ] {
        let limit = cron.pointer(field).and_then(Value::as_i64).unwrap_or(usual);
        let mut done: Vec<&Arc<Value>> = jobs.iter().filter(|job| read::has_condition(job, kind)).collect();
        done.sort_by_key(|job| read::text(job, "/status/startTime").to_owned());
        for job in done.iter().take(read::up_to(read::count(done.len()) - limit)) {
            let kind = world.kind(JOBS);
            let options = crate::world::DeleteOptions {
                propagation: Some("Background".to_owned()),
                ..Default::default()
            };
            if let Err(refusal) = kind.and_then(|kind| world.delete(&kind, job, &options)) {
                tracing::debug!(message = refusal.message, "an old Job could not be deleted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::controllers::lab::Lab;
    use crate::meta;

    #[test]
    fn dates_that_pass_are_kept_and_waited_for_by_nobody() {
        let lab = Lab::new();
        let pod = json!({"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]});
        lab.create(
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cron"}, "spec": {
            "schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}}),
        );
        assert!(lab.rest().as_secs() < 60);
        assert!(lab.list("jobs.batch").is_empty());
        lab.wait(605);
        let jobs = lab.list("jobs.batch");
        assert_eq!(jobs.len(), 1);
        assert_eq!(meta::controller(&jobs[0]).expect("an owner")["kind"], "CronJob");
        let name = meta::name(&jobs[0])
            .strip_prefix("cron-")
            .expect("the name")
            .parse::<i64>()
            .expect("minutes");
        assert_eq!(name % 10, 0);
        let cron = lab.get("cronjobs.batch", "cron");
        assert!(cron["status"].get("lastSuccessfulTime").is_some() && cron["status"].get("active").is_none());
        lab.wait(3600);
        assert_eq!(lab.list("jobs.batch").len(), 3, "three are kept");
        lab.delete("cronjobs.batch", "cron", "Background");
        lab.rest();
        assert!(lab.list("jobs.batch").is_empty() && lab.list("pods").is_empty());
    }
}

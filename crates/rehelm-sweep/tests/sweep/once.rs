//! Runs that the sweep found to go wrong once.

use rehelm_core::object::{ObjRef, Object};
use rehelm_core::steps::StepSpec;
use rehelm_sweep::bench::Bench;
use rehelm_sweep::rival::{self, How, Rival};
use rehelm_sweep::run::{Command, Ended};
use rehelm_sweep::scenario::Scenario;
use rehelm_sweep::sweep::alone;
use rehelm_sweep::turn::Turn;
use rehelm_sweep::twist::Calm;
use rehelm_sweep::{cli, outside};
use serde_json::{Value, json};

use crate::{all_well, course};

fn again(scenario: &str, labels: &[&str]) {
    let Some(course) = course(scenario) else { return };
    let mut jobs = cli::jobs(&course, 0..0);
    jobs.retain(|job| labels.contains(&job.label.as_str()));
    assert_eq!(jobs.len(), labels.len(), "a run has another name now");
    all_well(&course, &jobs);
}

/// What `prepare` and `migrate` end with, and what was done between them.
fn migrated(bench: &Bench, between: impl FnOnce(&Bench)) -> Ended {
    let ended = alone(async {
        assert_eq!(bench.command(Command::Prepare).await, Ended::Exit(0, String::new()));
        between(bench);
        Some(bench.command(Command::Migrate).await)
    });
    ended.expect("an end")
}

/// Asks the server for something, beside the tool.
fn answered(bench: &Bench, method: &str, path: &str, body: Option<&Value>) {
    let status = outside::ask(&bench.ground.sim, method, path, body).map(|(status, _)| status);
    assert_eq!(status, Some(200));
}

fn delete_mail_secret(bench: &Bench) {
    let namespace = &bench.ground.base.plan.target.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/secrets/notes-mail");
    answered(bench, "DELETE", &path, None);
}

/// What `migrate` wrote and said, when it refused before anything was stopped.
fn refused_untouched(bench: &Bench, ended: &Ended, why: &str) {
    assert!(matches!(ended, Ended::Exit(3, _)), "{ended:?}");
    let history = bench.tap.history().join("\n");
    assert!(history.contains(why), "{history}");
    let (_, since) = history.split_once("$ rehelm migrate").expect("migrate");
    assert!(!since.contains("deployments"), "{since}");
}

#[test]
fn a_claim_that_is_gone_is_not_made_anew_with_an_empty_volume() {
    let of = |name: &str, step: u32| format!("rival-Recreates-PersistentVolumeClaim.notes.{name}@s{step}");
    let labels = [of("archive", 13), of("attachments", 13), of("attachments", 14)];
    again("example", &labels.each_ref().map(String::as_str));
}

#[test]
fn a_rollback_looks_whether_what_it_deleted_is_gone() {
    again(
        "example-back",
        &["404@delete_services#1", "404@delete_deployments.apps#1"],
    );
}

#[test]
fn a_run_is_not_over_while_its_copy_is_in_the_cluster() {
    again("example-cleanup", &["403@get_configmaps#1", "node-lost@world#1"]);
}

#[test]
fn a_volume_whose_claim_goes_during_a_rollback_stays_on_retain() {
    let of = |undo: u32| format!("rival-Recreates-PersistentVolumeClaim.notes-old.archive@u{undo}");
    again("example-back", &[of(4), of(5), of(6)].each_ref().map(String::as_str));
    // An answer that comes late does not mean that nobody holds it.
    again(
        "example-back",
        &["timeout@list_persistentvolumes#1", "stale-3@list_persistentvolumes#2"],
    );
}

#[test]
fn a_strangers_namesake_is_not_deleted_to_bring_the_original_back() {
    let of = |undo: u32| format!("rival-Recreates-StorageClass._.notes-disk@u{undo}");
    again("example-back", &[of(13), of(14), of(15)].each_ref().map(String::as_str));
}

#[test]
fn a_prepared_secret_that_is_gone_is_noticed_before_anything_is_stopped() {
    let Some(course) = course("example") else { return };
    let bench = course.bench(Box::new(Calm), false);
    let ended = migrated(&bench, delete_mail_secret);
    refused_untouched(&bench, &ended, "notes-mail was made by prepare, and is gone");
}

#[test]
fn an_adopted_object_that_lost_its_marks_is_noticed_before_anything_is_stopped() {
    let Some(course) = course("example") else { return };
    let bench = course.bench(Box::new(Calm), false);
    let adopted = course.ground.base.plan.steps.iter().find_map(|step| match &step.spec {
        StepSpec::Adopt(adopt) => adopt.objects.first(),
        _ => None,
    });
    let adopted = adopted.expect("an object to adopt").object.clone();
    let ended = migrated(&bench, |bench| {
        let objects = bench.ground.sim.objects();
        let live = objects.into_iter().find(|o| Object(o.clone()).is(&adopted));
        let path = outside::path(&live.expect("it lives")).expect("a path");
        // As a GitOps tool does that keeps labels as they are declared.
        let without = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}});
        answered(bench, "PATCH", &path, Some(&without));
    });
    refused_untouched(&bench, &ended, "does not carry the release's ownership");
}

#[test]
fn what_prepare_did_is_looked_at_again_when_it_is_typed_again() {
    let Some(course) = course("example") else { return };
    let bench = course.bench(Box::new(Calm), false);
    let done = Ended::Exit(0, String::new());
    let ended = alone(async {
        assert_eq!(bench.command(Command::Prepare).await, done);
        assert_eq!(bench.command(Command::Prepare).await, done);
        delete_mail_secret(&bench);
        Some(bench.command(Command::Prepare).await)
    });
    assert!(matches!(ended, Some(Ended::Exit(3, _))), "{ended:?}");
    let history = bench.tap.history().join("\n");
    assert!(
        history.contains("notes-mail was made by prepare, and is gone"),
        "{history}"
    );
}

#[test]
fn a_prepared_secret_that_goes_during_the_outage_is_not_left_to_helm() {
    let Some(course) = course("example") else { return };
    let plan = &course.ground.base.plan;
    let release = plan.steps.iter().find(|step| step.spec.kind() == "release");
    let rival = rival::Case {
        object: ObjRef::new("v1", "Secret", Some(&plan.target.namespace), "notes-mail"),
        how: How::Deletes,
        turn: Turn::Step(release.expect("a release").number),
        late: false,
    };
    let bench = course.bench(Box::new(Rival::new(rival)), false);
    let ended = migrated(&bench, |_| {});
    assert!(matches!(ended, Ended::Exit(4, _)), "{ended:?}");
    let history = bench.tap.history().join("\n");
    assert!(
        history.contains("notes-mail was made by prepare, and is gone"),
        "{history}"
    );
}

#[test]
fn a_watch_that_ends_with_a_held_event_is_not_asked_again() {
    let last = "watch-swaps@watch_deployments.apps#22";
    again("example-failed", &[last, &format!("{last}-back")]);
}

#[test]
fn a_wait_in_which_nothing_moves_asks_for_whole_lists_ever_more_seldom() {
    let Some(course) = course("example") else { return };
    let bench = course.bench(Box::new(Calm), false);
    let broken = Scenario::named("example-failed").and_then(|scenario| scenario.broken);
    bench.ground.sim.fault(rehelm_sim::Fault::Pods {
        namespace: course.ground.base.plan.target.namespace.clone(),
        prefix: broken.expect("a workload").to_owned(),
        readiness: rehelm_sim::Readiness::Never,
    });
    let ended = migrated(&bench, |_| {});
    assert!(matches!(ended, Ended::Exit(4, _)), "{ended:?}");
    let lists = bench.tap.classes()["list pods"];
    // A quarter of an hour: at every fifth second, and a little more often at the beginning.
    assert!((150..300).contains(&lists), "pods were listed {lists} times");
}

//! Kills at every point, with the same command again; at a seeded tenth with the way back; the rest in `cargo xtask sweep`.

use rehelm_sweep::job::{self, Dice};

use crate::{all_well, course};

fn swept(name: &str) {
    let Some(course) = course(name) else { return };
    let mut jobs = job::resumes(&course);
    // Every write at each of its moments; of a record, the one that is torn.
    jobs.retain(|job| !job.label.starts_with('f') || job.label.ends_with('b'));
    let kept = jobs.len();
    let mut dice = Dice(0x7e57);
    jobs.extend(job::backs(&course).into_iter().filter(|_| dice.below(10) == 0));
    let tally = all_well(&course, &jobs);
    assert_eq!(tally.resumed, kept);
    eprintln!("{name}: {} runs in {:.0} s", tally.runs, tally.seconds);
}

#[test]
fn whenever_a_migration_is_killed_it_goes_on_or_back() {
    swept("example");
}

#[test]
fn whenever_a_rollback_is_killed_it_goes_on() {
    swept("example-back");
}

#[test]
fn whenever_a_cleanup_is_killed_it_goes_on() {
    swept("example-cleanup");
}

#[test]
fn the_same_run_has_the_same_writes() {
    let (Some(one), Some(other)) = (course("example"), course("example")) else {
        return;
    };
    let said =
        |course: &rehelm_sweep::course::Course| course.writes.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(said(&one), said(&other));
    assert!(one.writes.len() > 40, "{}", one.writes.len());
}

#[test]
fn stops_on_request_and_pairs_of_kills() {
    let Some(course) = course("example") else { return };
    let mut jobs = job::stops(&course);
    jobs.extend((0..20).filter_map(|seed| job::double(&course, seed)));
    let orphans = job::orphans(&course);
    jobs.extend(orphans.into_iter().step_by(4));
    let tally = all_well(&course, &jobs);
    assert!(tally.stops >= 20 && tally.double_crashes > 10 && tally.orphans >= 5);
}

//! The sweep as a test: every point of the example's scenarios, and proofs that what stands in and what judges can be trusted.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod defects;
mod once;
mod points;
mod stand_in;
mod tree;

use std::sync::{Arc, OnceLock};

use rehelm::rehearsal::compare::Picture;
use rehelm_sweep::cli;
use rehelm_sweep::course::Course;
use rehelm_sweep::ground::Ground;
use rehelm_sweep::job::Job;
use rehelm_sweep::record::{self, Missing};
use rehelm_sweep::scenario::Scenario;
use rehelm_sweep::sweep::{self, Tally};

/// The example, installed once for all tests, with what the real Helm made of it; None, and a line that says why, where
/// there is no Helm.
pub fn example() -> Option<&'static (Ground, Picture)> {
    static EXAMPLE: OnceLock<Option<(Ground, Picture)>> = OnceLock::new();
    EXAMPLE.get_or_init(|| installed(record::EXAMPLE)).as_ref()
}

/// A product, installed.
pub fn installed(name: &str) -> Option<(Ground, Picture)> {
    if let Err(why) = rehelm_clients::program("helm", "HELM_BIN") {
        eprintln!("SKIPPED: {why}. To run this test: HELM_BIN=… KUBECTL_BIN=… or `cargo xtask sweep`");
        return None;
    }
    let tools = match cli::tools() {
        Ok(tools) => tools,
        Err(why) => {
            eprintln!("SKIPPED: {why}");
            return None;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.expect("a runtime").block_on(record::ground(name, &tools)) {
        Ok(made) => Some(made),
        Err(Missing::Product(why)) => {
            eprintln!("SKIPPED ({name}): {why}");
            None
        }
        Err(Missing::Failed(why)) => panic!("{name}: {why}"),
    }
}

/// A scenario of the example.
pub fn course(name: &str) -> Option<Course> {
    let (ground, _) = example()?;
    let scenario = Scenario::named(name).expect("a scenario");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let course = runtime.expect("a runtime").block_on(Course::prepare(scenario, ground));
    Some(course.unwrap_or_else(|why| panic!("{why}")))
}

/// Runs jobs; fails with the first that is not as it should be.
#[track_caller]
pub fn all_well(course: &Course, jobs: &[Job]) -> Tally {
    let tally = sweep::all(course, jobs, cli::cores(), Arc::new(|_| ()));
    if let Some(first) = tally.failures.first() {
        panic!(
            "{} of {} runs are not as they should be; the first:\n{}\n  ≠ {}\nagain: {}",
            tally.failures.len(),
            tally.runs,
            first.history.join("\n"),
            first.wrong.join("\n  ≠ "),
            first.again
        );
    }
    tally
}

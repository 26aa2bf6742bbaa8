//! What steps ask of the product's own containers: before the old install stops, and when the release runs.

use std::time::Duration;

use serde_json::json;

use super::StepSpec;
use crate::exec_checks::{self, Answer, ExecCheck, FAILED};
use crate::finding::{Finding, Severity};
use crate::world::{StepError, StepResult, World};

/// Between two times that a release which is still loading its data is asked.
const AGAIN: Duration = Duration::from_secs(3);

fn note_of(check: &ExecCheck) -> String {
    format!("counted {}", check.name)
}

/// Says what is no error, and refuses for the rest, unless a person accepted it.
fn judged(world: &World<'_>, findings: Vec<Finding>) -> StepResult<()> {
    let waived = world.plan.accepted.iter().any(|code| code == FAILED);
    let stops = |finding: &Finding| finding.severity == Severity::Error && !waived;
    let (stop, rest): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(stops);
    for finding in &rest {
        world.progress.finding(finding);
    }
    match stop.is_empty() {
        true => Ok(()),
        false => Err(StepError::Refused(stop)),
    }
}

/// Asks the old install; with `note`, what was counted is kept for the release.
pub(super) async fn before_stop(world: &World<'_>, number: u32, checks: &[ExecCheck], note: bool) -> StepResult<()> {
    let mut findings = Vec::new();
    for check in checks {
        let Answer { findings: more, count } = exec_checks::ask(world.source, world.source_namespace(), check).await?;
        findings.extend(more);
        if let Some(count) = count.filter(|_| note) {
            world.note(number, &note_of(check), json!(count)).await?;
        }
    }
    judged(world, findings)
}

/// Asks the release, for a while: what is up may still be loading its data.
pub(super) async fn after_start(world: &World<'_>, checks: &[ExecCheck]) -> StepResult<()> {
    let begun = world.clock.elapsed();
    loop {
        let mut findings = Vec::new();
        for check in checks {
            let answer = exec_checks::ask(world.target, world.target_namespace(), check).await?;
            let had = counted(world, check);
            let lost = answer.count == Some(0) && had > 0;
            let said = Finding::error(FAILED, check.workload.clone()).arg("check", &check.name);
            findings.extend(lost.then(|| said.arg("why", "lost").arg("had", had)));
            findings.extend(answer.findings);
        }
        let wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
        if !wrong || world.clock.elapsed().saturating_sub(begun) > world.timeouts.hopeless {
            return judged(world, findings);
        }
        world.check_stop()?;
        world.clock.sleep(AGAIN).await;
    }
}

/// What the old install had.
fn counted(world: &World<'_>, check: &ExecCheck) -> u64 {
    let stopped = world
        .plan
        .steps
        .iter()
        .filter(|step| matches!(step.spec, StepSpec::Scale(_)));
    let mut notes = stopped.filter_map(|step| world.recall(step.number, &note_of(check))?.as_u64());
    notes.next().unwrap_or(0)
}

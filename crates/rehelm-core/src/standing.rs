//! Where a run stands, in the words that people and the copy in the cluster use.

use crate::journal::{Event, RunState, StepState};
use crate::plan::{Phase, Plan};

/// Where it stands in a word, and what comes next.
pub fn stands(plan: &Plan, state: &RunState) -> (&'static str, &'static str) {
    let done = |phase| state.phases.contains_key(&phase);
    match &state.ended {
        Some(Event::RolledBack) => return ("rolled back", "rehelm plan"),
        Some(Event::Restored) => return ("restored", "rehelm plan"),
        Some(_) => return ("cleaned up", "nothing"),
        None => {}
    }
    if state.run.is_empty() || state.plan != plan.digest() {
        return ("planned", "rehelm prepare");
    }
    if state.rolling_back || state.command == "rollback" {
        return ("rolling back", "rehelm rollback");
    }
    if done(Phase::Cleanup) {
        return ("cleaned up", "nothing");
    }
    if state.cleaning {
        return ("cleaning up", "rehelm cleanup");
    }
    if done(Phase::Verify) {
        return ("verified", "rehelm cleanup");
    }
    if done(Phase::Migrate) {
        return ("migrated", "rehelm verify");
    }
    if done(Phase::Prepare) {
        let begun = plan
            .phase(Phase::Migrate)
            .any(|step| state.step(step.number) != StepState::Pending);
        return (if begun { "migrating" } else { "prepared" }, "rehelm migrate");
    }
    ("preparing", "rehelm prepare")
}

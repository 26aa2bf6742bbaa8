//! Carries out a plan, phase by phase, and takes it back.
//!
//! Invariants: the intent is durable before a step begins; every precondition of a phase was looked at before its
//! first step; a step counts as done only when it has proven itself; a step that was in doubt runs again, because
//! every step looks at the cluster and does what is missing. The executor chooses nothing.

use crate::finding::Finding;
use crate::journal::{Event, StepState};
use crate::plan::{Phase, Step};
use crate::ports::PortError;
use crate::steps::{StepSpec, Undo, copy};
use crate::world::{StepError, StepResult, World};

/// Why a command ended before its work did.
#[derive(Debug, thiserror::Error)]
#[error("{}", match .step { Some(n) => format!("step {n}: {error}"), None => error.to_string() })]
pub struct RunError {
    /// The step, if it was in one.
    pub step: Option<u32>,
    /// True when something may have been changed: a step had begun.
    pub begun: bool,
    /// True when an undo failed.
    pub undoing: bool,
    /// The reason.
    pub error: StepError,
}

fn outside(error: impl Into<StepError>) -> RunError {
    RunError {
        step: None,
        begun: false,
        undoing: false,
        error: error.into(),
    }
}

/// Steps of a phase that are not done yet.
fn open_steps<'p>(world: &World<'p>, phase: Phase) -> Vec<&'p Step> {
    let state = world.state();
    world
        .plan
        .phase(phase)
        .filter(|s| state.step(s.number) != StepState::Done)
        .collect()
}

/// Looks at every precondition of a phase; changes nothing.
///
/// # Errors
/// All refusals together, or the first other error.
pub async fn precheck(world: &World<'_>, phase: Phase) -> Result<(), RunError> {
    let mut refused: Vec<Finding> = Vec::new();
    for step in open_steps(world, phase) {
        match step.spec.action().precheck(world, step.number).await {
            Ok(()) => {}
            Err(StepError::Refused(findings)) => refused.extend(findings),
            Err(error) => {
                return Err(RunError {
                    step: Some(step.number),
                    begun: false,
                    undoing: false,
                    error,
                });
            }
        }
    }
    refused.retain(|f| !world.plan.accepted.contains(&f.code));
    if refused.is_empty() {
        Ok(())
    } else {
        Err(outside(StepError::Refused(refused)))
    }
}

/// Runs what is left of a phase.
///
/// # Errors
/// With the step that stopped; the next call goes on there.
pub async fn run_phase(world: &World<'_>, phase: Phase, by: &str) -> Result<(), RunError> {
    let steps = open_steps(world, phase);
    if steps.is_empty() && world.state().phases.contains_key(&phase) {
        return Ok(());
    }
    precheck(world, phase).await?;
    world
        .write(Event::PhaseStarted {
            command: phase.to_string(),
            by: by.to_owned(),
        })
        .map_err(outside)?;
    world.share().await;
    for step in steps {
        let failed = |error| RunError {
            step: Some(step.number),
            begun: true,
            undoing: false,
            error,
        };
        if let Err(error) = run_step(world, step).await {
            note_failure(world, step.number, &error, false).await;
            return Err(failed(error));
        }
    }
    world.write(Event::PhaseDone { phase }).map_err(outside)?;
    world.share().await;
    Ok(())
}

/// What a phase that is done did, and is no longer so: every step proves itself once more. Only reads.
///
/// # Errors
/// When the cluster does not answer.
pub async fn undone_since(world: &World<'_>, phase: Phase) -> StepResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for step in world.plan.phase(phase) {
        match step.spec.action().verify(world, step.number).await {
            Ok(()) => {}
            Err(StepError::Refused(refused)) => findings.extend(refused),
            Err(StepError::Port(PortError::NotFound(what))) => findings.push(Finding::error("prepared-gone", what)),
            Err(error) => return Err(error),
        }
    }
    Ok(findings)
}

async fn run_step(world: &World<'_>, step: &Step) -> StepResult<()> {
    world.check_stop()?;
    let number = step.number;
    world.write(Event::StepStarted {
        step: number,
        kind: step.spec.kind().to_owned(),
    })?;
    world.share().await;
    let action = step.spec.action();
    action.run(world, number).await?;
    action.verify(world, number).await?;
    world.write(Event::StepDone { step: number })
}

async fn note_failure(world: &World<'_>, step: u32, error: &StepError, undoing: bool) {
    let why = error.to_string();
    let event = match error {
        StepError::Stopped => Event::Stopped { why },
        _ if undoing => Event::UndoFailed { step, why },
        _ => Event::StepFailed { step, why },
    };
    // The error itself is on its way to the person; a journal that cannot be written is said by the next command.
    let _ = world.write(event);
    world.share().await;
}

/// What a rollback would leave behind: everything written to new databases since the switch.
///
/// # Errors
/// When the database server does not answer.
pub async fn left_behind(world: &World<'_>) -> StepResult<Vec<Finding>> {
    for step in &world.plan.steps {
        if let StepSpec::Copy(spec) = &step.spec
            && world.state().step(step.number) == StepState::Done
        {
            return copy::written_since(world, step.number, spec).await;
        }
    }
    Ok(Vec::new())
}

/// Steps that a rollback has to undo, in its order: the last one first. After a take-over the newest records may be
/// missing, so every step counts as touched whose phase may have been under way; an undo looks at the cluster anyway.
pub fn undo_steps<'p>(world: &World<'p>) -> Vec<&'p Step> {
    let state = world.state();
    let prepared = state.phases.contains_key(&Phase::Prepare);
    let unknown = |s: &Step| state.taken_over && (prepared || s.phase == Phase::Prepare);
    let touched = |s: &&Step| match state.step(s.number) {
        StepState::Undone => false,
        StepState::Pending => unknown(s),
        _ => true,
    };
    world
        .plan
        .steps
        .iter()
        .rev()
        .filter(|s| s.phase != Phase::Cleanup)
        .filter(touched)
        .collect()
}

/// Takes back everything that was begun. May be called again until it succeeds.
///
/// # Errors
/// With the step whose undo stopped.
pub async fn rollback(world: &World<'_>, by: &str) -> Result<(), RunError> {
    world
        .write(Event::PhaseStarted {
            command: "rollback".into(),
            by: by.to_owned(),
        })
        .map_err(outside)?;
    world.share().await;
    require_images(world).map_err(outside)?;
    for step in undo_steps(world) {
        let number = step.number;
        let failed = |error| RunError {
            step: Some(number),
            begun: true,
            undoing: true,
            error,
        };
        if let Err(error) = undo_step(world, step).await {
            note_failure(world, number, &error, true).await;
            return Err(failed(error));
        }
    }
    // Before the last record: a run that is over leaves nothing in the cluster that nobody would look for again.
    end_copy(world).await.map_err(outside)?;
    world.write(Event::RolledBack).map_err(outside)
}

/// Ends the run after its cleanup.
///
/// # Errors
/// When the journal cannot be written, or the run's copy in the cluster not be removed.
pub async fn finish_cleanup(world: &World<'_>) -> StepResult<()> {
    end_copy(world).await?;
    world.write(Event::CleanedUp)
}

async fn end_copy(world: &World<'_>) -> StepResult<()> {
    match world.copy {
        Some(copy) => copy.remove(world).await,
        None => Ok(()),
    }
}

/// Refuses a way back that would stop in the middle: who took a run over may lack its backup.
fn require_images(world: &World<'_>) -> StepResult<()> {
    if !world.state().taken_over {
        return Ok(());
    }
    let mut missing = Vec::new();
    for object in undo_steps(world).iter().flat_map(|s| s.spec.action().images()) {
        if world.files.read(&World::before_path(&object))?.is_none() {
            missing.push(object.to_string());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let finding = Finding::error("backup-missing", world.plan.source.namespace.clone());
    Err(StepError::refused(finding.arg("objects", missing.join(", "))))
}

async fn undo_step(world: &World<'_>, step: &Step) -> StepResult<()> {
    world.check_stop()?;
    world.write(Event::UndoStarted { step: step.number })?;
    world.share().await;
    let action = step.spec.action();
    if action.undo_kind() == Undo::Yes {
        action.undo(world, step.number).await?;
    }
    world.write(Event::UndoDone { step: step.number })
}

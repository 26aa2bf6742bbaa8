//! After the switch: what was written to the new databases, and taking it back into the old ones.

use serde_json::json;

use super::{CopiedDatabase, Copy, server};
use crate::databases::differences;
use crate::finding::Finding;
use crate::ports::{DatabaseProof, How, PortError};
use crate::world::{StepError, StepResult, World};

/// The old and the new database as they were when they were proven equal; None when the copy was never complete.
fn copied(world: &World<'_>, number: u32, d: &CopiedDatabase) -> StepResult<Option<DatabaseProof>> {
    let Some(proof) = world.recall(number, &format!("proof {}", d.to)) else {
        return Ok(None);
    };
    let proof = serde_json::from_value(proof).map_err(|e| PortError::Other(e.to_string()))?;
    Ok(Some(proof))
}

/// The note that taking back has begun.
fn mark(d: &CopiedDatabase) -> String {
    format!("copying back {}", d.to)
}

/// True when taking back has begun: then it has to be completed, whoever goes on.
pub(super) fn begun(world: &World<'_>, number: u32, d: &CopiedDatabase) -> bool {
    world.recall(number, &mark(d)).is_some()
}

fn old_changed(d: &CopiedDatabase, collections: &[String]) -> Finding {
    Finding::error("database-old-changed", d.from.clone())
        .arg("collections", collections.join(", "))
        .arg("to", &d.to)
}

/// What the new databases hold beyond what was copied: what a rollback would leave behind.
///
/// # Errors
/// When the server does not answer.
pub async fn written_since(world: &World<'_>, number: u32, step: &Copy) -> StepResult<Vec<Finding>> {
    let mut findings = Vec::new();
    for d in &step.databases {
        let Some(copied) = copied(world, number, d)? else {
            continue;
        };
        let now = match server(world)?.prove(&d.to, None).await {
            Err(error) if error.is_not_found() => continue,
            other => other?,
        };
        let changed = differences(&copied, &now);
        if changed.is_empty() {
            continue;
        }
        // What a copy-back that was interrupted wrote is not somebody's.
        let begun = begun(world, number, d);
        let old = server(world)?.prove(&d.from, None).await?;
        let elsewhere = differences(&copied, &old);
        if !begun && !elsewhere.is_empty() {
            findings.push(old_changed(d, &elsewhere));
        }
        // Seen from the new one: what only it has was written, what only the old one has was deleted.
        let found = server(world)?.compare(&d.to, &d.from, 0).await?;
        let sum = |count: fn(&crate::ports::CollectionComparison) -> u64| -> u64 {
            found.collections.values().map(count).sum()
        };
        findings.push(
            Finding::warning("database-written-since", d.to.clone())
                .arg("collections", changed.join(", "))
                .arg("new", sum(|c| c.missing))
                .arg("changed", sum(|c| c.different))
                .arg("deleted", sum(|c| c.extra)),
        );
    }
    Ok(findings)
}

/// Makes the old database equal to the new one. Only while the old one is what was copied: what somebody wrote to it since
/// would be lost.
pub(super) async fn copy_back(world: &World<'_>, number: u32, d: &CopiedDatabase) -> StepResult<()> {
    let Some(copied) = copied(world, number, d)? else {
        return Ok(());
    };
    let server = server(world)?;
    let mark = mark(d);
    let new = match server.prove(&d.to, None).await {
        // Dropped by a rollback that was interrupted after it had copied back.
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    if differences(&copied, &new).is_empty() {
        return Ok(());
    }
    // From the first write on the old database is not what was copied, by this step's own doing.
    if world.recall(number, &mark).is_none() {
        let differ = differences(&copied, &server.prove(&d.from, None).await?);
        if !differ.is_empty() {
            return Err(StepError::refused(old_changed(d, &differ)));
        }
        world.note(number, &mark, json!(true)).await?;
    }
    let progress = |_: &str, _: u64, bytes: u64| world.progress.tick(&d.from, bytes, d.bytes);
    let done = server.level(&d.to, &d.from, &How::default(), &progress).await?;
    let differ = differences(&new, &server.prove(&d.from, None).await?);
    if !differ.is_empty() {
        let finding = Finding::error("database-copy-differs", d.from.clone()).arg("collections", differ.join(", "));
        return Err(StepError::refused(finding));
    }
    let said = Finding::info("database-copied-back", d.from.clone()).arg("to", &d.to);
    world.progress.finding(&said.arg("documents", done.documents()));
    Ok(())
}

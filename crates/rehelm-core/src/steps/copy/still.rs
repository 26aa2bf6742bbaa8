//! Nobody writes: shown before the last documents are copied.

use std::time::Duration;

use super::CopiedDatabase;
use crate::databases::sync::{self, Follower, SyncState};
use crate::finding::Finding;
use crate::ports::{CopyProgress, Databases, Levelled};
use crate::world::{StepError, StepResult, World};

/// Connections of pods that were stopped may be there for a moment.
const GRACE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(3);

/// Waits until nobody is connected any more who may write to the source. Where the server does not tell, the stopped
/// workloads are the evidence.
pub(super) async fn wait_until_still(world: &World<'_>, server: &dyn Databases, from: &str) -> StepResult<()> {
    let begin = world.clock.elapsed();
    loop {
        let writers = server.writers(from).await?.unwrap_or_default();
        if writers.is_empty() {
            return Ok(());
        }
        if world.clock.elapsed().saturating_sub(begin) > GRACE {
            let finding = Finding::error("database-writers", from).arg("clients", writers.join(", "));
            return Err(StepError::refused(finding));
        }
        world.check_stop()?;
        world.clock.sleep(LOOK).await;
    }
}

/// Ends the process that keeps the copy in step, if there is one, and brings the copy up to date. None when there is no
/// complete copy from before.
pub(super) async fn rest_of_sync(
    world: &World<'_>,
    server: &dyn Databases,
    database: &CopiedDatabase,
    progress: &CopyProgress<'_>,
) -> StepResult<Option<Levelled>> {
    let begin = world.clock.elapsed();
    while SyncState::load(world.files)?.runs(world.clock.now()) {
        sync::ask_to_stop(world.files)?;
        if world.clock.elapsed().saturating_sub(begin) > GRACE * 6 {
            return Err(StepError::refused(Finding::error(
                "database-sync-runs",
                database.to.clone(),
            )));
        }
        world.check_stop()?;
        world.clock.sleep(LOOK).await;
    }
    // A copy that somebody dropped since is made anew.
    if !server.list().await?.contains(&database.to) {
        return Ok(None);
    }
    let sync = Follower {
        server,
        files: world.files,
        clock: world.clock,
        progress,
        said: &|_, _, _| {},
    };
    match sync.finish(&database.from, &database.to).await? {
        Some(done) => Ok(Some(done)),
        // Begun and never complete: comparing completes it, whatever of it is there.
        None if SyncState::load(world.files)?.made(&database.from, &database.to) => {
            let how = crate::ports::How::default();
            Ok(Some(server.level(&database.from, &database.to, &how, progress).await?))
        }
        None => Ok(None),
    }
}

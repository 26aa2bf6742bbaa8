//! May the old install go? Only after the release has proven itself, for long enough.

use std::time::Duration;

use jiff::Timestamp;

use crate::finding::Finding;
use crate::plan::Phase;
use crate::verification;
use crate::world::{StepResult, World};

/// Time that is left of the soak; zero when it is over. None when the migration is not done.
pub fn soak_left(migrated: Option<Timestamp>, now: Timestamp, soak: Duration) -> Option<Duration> {
    let age = Duration::try_from(now.duration_since(migrated?)).unwrap_or_default();
    Some(soak.saturating_sub(age))
}

/// Everything that forbids the cleanup now; empty when it may begin. A cleanup that has begun already only goes on.
///
/// # Errors
/// When the cluster does not answer.
pub async fn obstacles(world: &World<'_>, soak: Duration) -> StepResult<Vec<Finding>> {
    let state = world.state();
    if state.cleaning {
        return Ok(Vec::new());
    }
    let release = &world.plan.target.release;
    if state.rolling_back {
        return Ok(vec![Finding::error("cleanup-during-rollback", release.clone())]);
    }
    match soak_left(state.phases.get(&Phase::Migrate).copied(), world.clock.now(), soak) {
        None => return Ok(vec![Finding::error("cleanup-before-migrate", release.clone())]),
        Some(left) if !left.is_zero() => {
            let left = left.as_secs().to_string();
            return Ok(vec![
                Finding::error("cleanup-soak", release.clone()).arg("left_seconds", left),
            ]);
        }
        Some(_) => {}
    }
    let found = verification::verify(world).await?;
    Ok(if verification::passed(&found) {
        Vec::new()
    } else {
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soak_counts_from_the_end_of_the_migration() {
        let done: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-01T10:00:00Z".parse().unwrap();
        let hours = |n: u64| Duration::from_secs(n * 3600);
        assert_eq!(soak_left(Some(done), later, hours(24)), Some(hours(14)));
        assert_eq!(soak_left(Some(done), later, hours(2)), Some(Duration::ZERO));
        assert_eq!(soak_left(None, later, hours(2)), None);
    }
}

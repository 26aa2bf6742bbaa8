//! Being a good guest: no more bytes in a second than allowed, and a pause while others wait for the server.

use std::time::Duration;

use bson::{Document, doc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Mongo;

/// Operations that may wait in the server's queue before a copy makes room.
const QUEUE: u64 = 8;
/// The queue is looked at so often.
const LOOK: Duration = Duration::from_secs(2);
/// Pauses after one batch.
const MOST: usize = 12;
/// The longest single pause.
const LONGEST: Duration = Duration::from_secs(10);

/// What a copy may use, all of its collections together.
pub(super) struct Load {
    rate: Option<u64>,
    state: Mutex<State>,
}

struct State {
    /// When the bytes that were allowed so far will have been written at the allowed rate.
    due: Instant,
    looked: Option<Instant>,
    /// Pauses in a row.
    pauses: u32,
}

impl Load {
    pub fn new(rate: Option<u64>) -> Self {
        Self {
            rate: rate.filter(|rate| *rate > 0),
            state: Mutex::new(State {
                due: Instant::now(),
                looked: None,
                pauses: 0,
            }),
        }
    }

    /// Waits until so many bytes more are within the rate.
    async fn within_rate(&self, bytes: u64) {
        let Some(rate) = self.rate else { return };
        let due = {
            let mut state = self.state.lock().await;
            // What was not used is not saved up for more than a moment.
            let now = Instant::now();
            state.due = state.due.max(now) + Duration::from_secs_f64(bytes as f64 / rate as f64);
            state.due
        };
        tokio::time::sleep_until(due).await;
    }
}

/// How long to make room for a queue of that length, given how often that was done in a row.
fn pause_for(queue: u64, pauses: u32) -> Option<Duration> {
    (queue > QUEUE).then(|| (Duration::from_millis(250) * 2_u32.saturating_pow(pauses.min(8))).min(LONGEST))
}

/// Operations that wait, out of a `serverStatus`.
fn queue(status: &Document) -> Option<u64> {
    let lock = status.get_document("globalLock").ok()?;
    super::number(lock.get_document("currentQueue").ok()?.get("total"))
}

impl Mongo {
    /// Called after each batch that was written.
    pub(super) async fn make_room(&self, load: &Load, bytes: u64) {
        load.within_rate(bytes).await;
        // A queue that stays long whatever this copy does is not of its making.
        for _ in 0..MOST {
            let mut state = load.state.lock().await;
            if state.looked.is_some_and(|looked| looked.elapsed() < LOOK) && state.pauses == 0 {
                return;
            }
            state.looked = Some(Instant::now());
            let command = doc! { "serverStatus": 1, "repl": 0, "metrics": 0, "locks": 0, "wiredTiger": 0 };
            // One that may not be asked is taken to be at ease.
            let status = self.client().database("admin").run_command(command).await.ok();
            match status
                .as_ref()
                .and_then(queue)
                .and_then(|queue| pause_for(queue, state.pauses))
            {
                None => {
                    state.pauses = 0;
                    return;
                }
                Some(pause) => {
                    state.pauses += 1;
                    // The others of this copy wait for the lock, so all of it pauses.
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_each_look_and_end_with_the_queue() {
        assert_eq!(pause_for(QUEUE, 0), None);
        assert_eq!(pause_for(QUEUE + 1, 0), Some(Duration::from_millis(250)));
        assert_eq!(pause_for(100, 2), Some(Duration::from_secs(1)));
        assert_eq!(pause_for(100, 60), Some(LONGEST));
        let status = doc! { "globalLock": { "currentQueue": { "total": 12_i64, "readers": 3 } } };
        assert_eq!(queue(&status), Some(12));
        assert_eq!(queue(&doc! {}), None);
    }

    #[tokio::test]
    async fn a_rate_is_kept_and_idle_time_is_not_saved_up() {
        let load = Load::new(Some(10_000));
        let start = Instant::now();
        for _ in 0..4 {
            load.within_rate(500).await;
        }
        assert!(start.elapsed() >= Duration::from_millis(200));
        tokio::time::sleep(Duration::from_millis(300)).await;
        let start = Instant::now();
        load.within_rate(1500).await;
        assert!(start.elapsed() >= Duration::from_millis(150));
        Load::new(None).within_rate(u64::MAX).await;
    }
}

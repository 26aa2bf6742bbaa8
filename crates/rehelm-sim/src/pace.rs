//! When virtual time passes: when every client waits, and nobody's request is under way.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sim::Shared;

/// Counts that tell whether everybody waits.
#[derive(Default)]
pub(crate) struct Pace {
    /// Requests under way.
    pub busy: AtomicUsize,
}

impl Pace {
    /// Counts a request until the guard is dropped.
    pub fn request(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self)
    }
}

/// A request under way.
pub(crate) struct Busy<'a>(&'a Pace);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for an event of virtual time; time leaps while everybody waits.
pub(crate) async fn wait<T>(shared: &Shared, mut event: tokio::sync::oneshot::Receiver<T>) -> Option<T> {
    loop {
        match event.try_recv() {
            Ok(value) => return Some(value),
            Err(tokio::sync::oneshot::error::TryRecvError::Closed) => return None,
            Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {}
        }
        tokio::task::yield_now().await;
        if shared.pace.busy.load(Ordering::SeqCst) == 0 {
            shared.with(|world| {
                world.leap();
            });
        }
    }
}

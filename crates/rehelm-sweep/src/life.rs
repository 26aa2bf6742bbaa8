//! The life of one process.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a process lives.
#[derive(Default)]
pub struct Life {
    dead: AtomicBool,
    /// Dies when it next writes to a file.
    doomed: AtomicBool,
    died: Notify,
}

impl Life {
    /// True when the process is dead, or died unnoticed with its last word.
    pub fn is_over(&self) -> bool {
        self.is_dead() || self.doomed.load(Ordering::SeqCst)
    }

    /// Dies when it next writes to a file.
    pub fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
    }

    /// True when the process is dead.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// The process ends now.
    pub fn end(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_waiters();
    }

    /// Ends when the process dies.
    pub async fn ended(&self) {
        loop {
            let died = self.died.notified();
            if self.is_dead() {
                return;
            }
            died.await;
        }
    }
}

//! Ctrl-C and SIGTERM: the first asks to stop after the current action, the second aborts.
//!
//! An aborted action needs no last word in the journal: its intent is durable, so that the next command finds it in doubt
//! and asks the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::exit::Exit;

/// Listens until it is dropped. `asked` is called at the first signal; the second one ends [`Listener::aborted`]. A third one
/// ends the process at once.
pub fn listen(stop: Arc<AtomicBool>, asked: impl Fn() + Send + Sync + 'static) -> Listener {
    let abort = Arc::new(Notify::new());
    let notify = abort.clone();
    let mut signals = Signals::new();
    let task = tokio::spawn(async move {
        signals.next().await;
        stop.store(true, Ordering::SeqCst);
        asked();
        signals.next().await;
        notify.notify_one();
        signals.next().await;
        std::process::exit(i32::from(Exit::Interrupted.code()));
    });
    Listener { abort, task }
}

/// Hears signals.
pub struct Listener {
    abort: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Listener {
    /// Ends with the second signal.
    pub async fn aborted(&self) {
        self.abort.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for the first signal, for what a person ends when they have seen enough.
pub async fn first() {
    Signals::new().next().await;
}

/// Both signals; made once, so that none is missed between two waits. Without handlers the system's own remain: the
/// process ends at the first signal.
#[cfg(unix)]
struct Signals(Option<(Signal, Signal)>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        let both = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        Self(match both {
            (Ok(interrupt), Ok(terminate)) => Some((interrupt, terminate)),
            _ => None,
        })
    }

    async fn next(&mut self) {
        match &mut self.0 {
            None => std::future::pending().await,
            Some((interrupt, terminate)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

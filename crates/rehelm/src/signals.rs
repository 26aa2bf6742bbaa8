//! Ctrl-C and SIGTERM: the first asks to stop after the current action, the second aborts.
//!
//! An aborted action needs no last word in the journal: its intent is durable, so that the next command finds it in doubt
//! and asks the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit::Exit;

/// Listens until the process ends. `asked` is called at the first signal.
pub fn listen(stop: Arc<AtomicBool>, asked: impl Fn() + Send + Sync + 'static) {
    tokio::spawn(async move {
        loop {
            next().await;
            if stop.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            asked();
        }
    });
}

#[cfg(unix)]
async fn next() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers the system's own remain: the process ends at the first signal.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn next() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

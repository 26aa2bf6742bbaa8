//! How virtual time passes.
//!
//! In the same process: time leaps to the next thing that is due when no request is under way and every client waits, in
//! [`crate::Sim::sleep`] or in a watch that has nothing to deliver. Nobody knows the clients, so "every client waits" is
//! found out by letting all other tasks run first; on a current-thread runtime that makes the order of things repeatable.
//!
//! While programs outside of the process take part (a [`Hold`], or a listener with a pace of its own), real time that passes
//! passes in virtual time, too, and leaps happen only when they visibly wait: see [`outside`].
//!
//! Invariant: nothing here runs in circles. When nothing is due, it waits for the next request.

pub(crate) mod outside;
mod stall;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::Notify;

use crate::sim::Shared;
use crate::timeline::Time;
use crate::world::World;

pub use outside::{Hold, Pace};
pub use stall::TimedOut;

/// How often all other tasks get their turn before time leaps.
const TURNS: usize = 32;

/// How long a watch that was told of a change may leave it unread before it no longer counts as busy, in turns.
const LONGEST: usize = 512;

/// Without any change for so long, nothing is going to happen any more.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// A client in a watch.
struct Watcher {
    /// It was told of everything up to this resourceVersion, and waits; None while it works.
    waits_at: Option<u64>,
    outside: bool,
}

/// Knows who works and who waits.
pub(crate) struct Pacer {
    /// Requests under way.
    busy: AtomicUsize,
    /// Counts everything that a client does.
    activity: AtomicU64,
    /// Told with `activity`.
    moved: Notify,
    watchers: Mutex<BTreeMap<u64, Watcher>>,
    next_watcher: AtomicU64,
    outside: Mutex<outside::Outside>,
    /// Virtual time of the last change of any object.
    changed_at: AtomicI64,
    /// True when everybody waits and nothing is due.
    stuck: tokio::sync::watch::Sender<bool>,
    /// Told after every leap.
    leapt: Notify,
}

impl Default for Pacer {
    fn default() -> Self {
        Self {
            busy: AtomicUsize::new(0),
            activity: AtomicU64::new(0),
            moved: Notify::new(),
            watchers: Mutex::default(),
            next_watcher: AtomicU64::new(0),
            outside: Mutex::default(),
            changed_at: AtomicI64::new(0),
            stuck: tokio::sync::watch::Sender::new(false),
            leapt: Notify::new(),
        }
    }
}

impl Pacer {
    /// Counts a request until the guard is dropped.
    pub fn request(self: &Arc<Self>, outside: bool) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        if outside {
            self.outside().heard();
        }
        self.bump();
        Busy {
            pacer: self.clone(),
            outside,
        }
    }

    /// Something was done that drivers of time should look at.
    pub fn bump(&self) {
        self.activity.fetch_add(1, Ordering::SeqCst);
        self.stuck.send_if_modified(std::mem::take);
        self.moved.notify_waiters();
    }

    /// An object changed.
    pub fn changed(&self, world: &World) {
        self.changed_at.store(world.now().0, Ordering::SeqCst);
    }

    /// Virtual time has leapt.
    pub fn leapt(&self) {
        self.leapt.notify_waiters();
    }

    /// Virtual time of the last change of any object.
    pub fn changed_at(&self) -> Time {
        Time(self.changed_at.load(Ordering::SeqCst))
    }

    /// A client in a watch, until the guard is dropped.
    pub fn watcher(self: &Arc<Self>, outside: bool) -> Watching {
        let id = self.next_watcher.fetch_add(1, Ordering::SeqCst);
        let watcher = Watcher {
            waits_at: None,
            outside,
        };
        self.watchers().insert(id, watcher);
        Watching {
            pacer: self.clone(),
            id,
        }
    }

    fn watchers(&self) -> MutexGuard<'_, BTreeMap<u64, Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outside(&self) -> MutexGuard<'_, outside::Outside> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when every watch has been told of everything up to `version` and waits.
    fn watches_wait(&self, version: u64) -> bool {
        let watchers = self.watchers();
        watchers.values().all(|w| w.waits_at.is_some_and(|at| at >= version))
    }

    fn watches_outside(&self) -> usize {
        self.watchers().values().filter(|w| w.outside).count()
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }
}

/// A request under way.
pub(crate) struct Busy {
    pacer: Arc<Pacer>,
    outside: bool,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.pacer.busy.fetch_sub(1, Ordering::SeqCst);
        if self.outside {
            self.pacer.outside().heard();
        }
        self.pacer.bump();
    }
}

/// A watch that is open.
pub(crate) struct Watching {
    pacer: Arc<Pacer>,
    id: u64,
}

impl Watching {
    /// It knows everything up to `version` and waits; None: it has something to deliver.
    pub fn waits(&self, version: Option<u64>) {
        if let Some(watcher) = self.pacer.watchers().get_mut(&self.id) {
            watcher.waits_at = version;
        }
        if version.is_some() {
            self.pacer.moved.notify_waiters();
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.pacer.watchers().remove(&self.id);
        self.pacer.bump();
    }
}

/// Waits for an event; while everybody waits, lets virtual time leap.
pub(crate) async fn until<T>(shared: &Shared, event: impl Future<Output = T>) -> T {
    match select(pin!(event), pin!(drive(shared))).await {
        Either::Left((value, _)) => value,
        Either::Right((never, _)) => match never {},
    }
}

/// Clients in this process let time pass while they wait; those outside do not.
pub(crate) async fn attended<T>(shared: &Shared, outside: bool, event: impl Future<Output = T>) -> T {
    if outside {
        event.await
    } else {
        until(shared, event).await
    }
}

/// Every client that waits runs this; the first that finds all others waiting lets time leap. None waits for another to do
/// it, because a watch may be left alone by its client in the middle of this.
async fn drive(shared: &Shared) -> Infallible {
    let pacer = &shared.pace;
    loop {
        let mut moved = pin!(pacer.moved.notified());
        moved.as_mut().enable();
        if pacer.outside().drives() {
            moved.await;
            continue;
        }
        step(shared).await;
    }
}

/// One leap, when everybody waits; else waits until something is done.
async fn step(shared: &Shared) {
    let pacer = &shared.pace;
    let mut moved = pin!(pacer.moved.notified());
    moved.as_mut().enable();
    if !everybody_waits(shared).await {
        moved.await;
        return;
    }
    let seen = pacer.activity.load(Ordering::SeqCst);
    if shared.leap() {
        // Others who count turns begin again.
        pacer.activity.fetch_add(1, Ordering::SeqCst);
    } else {
        let mut moved = pin!(pacer.moved.notified());
        moved.as_mut().enable();
        if seen == pacer.activity.load(Ordering::SeqCst) {
            pacer.stuck.send_replace(true);
            moved.await;
        }
    }
}

/// Lets all other tasks run; true when none of them did anything in the end.
async fn everybody_waits(shared: &Shared) -> bool {
    let pacer = &shared.pace;
    let mut last = pacer.activity.load(Ordering::SeqCst);
    let (mut calm, mut turns) = (0, 0);
    while calm < TURNS {
        tokio::task::yield_now().await;
        if pacer.is_busy() || pacer.outside().drives() {
            return false;
        }
        let now = pacer.activity.load(Ordering::SeqCst);
        turns += 1;
        if now == last && (turns > LONGEST || pacer.watches_wait(shared.version())) {
            calm += 1;
        } else {
            calm = 0;
            turns = if now == last { turns } else { 0 };
            last = now;
        }
    }
    true
}

/// Without any effect, a leap ends after this.
const STRIDE: Duration = Duration::from_secs(60);

/// Time leaps until somebody may have something to do; false when nothing is going to happen.
pub(crate) fn leap(world: &mut World, changed_at: Time) -> bool {
    let (version, woken, start) = (world.store.version(), world.timeline.woken(), world.now());
    while world.leap() {
        if world.store.version() != version || world.timeline.woken() != woken {
            return true;
        }
        if world.now().since(changed_at) > FOREVER {
            return false;
        }
        if world.now().since(start) >= STRIDE {
            return true;
        }
    }
    false
}

//! Time while programs outside of the process use the API (kubectl, Helm): they cannot be asked whether they wait.
//!
//! Real time that passes passes in virtual time, too, so that programs that poll see progress. Time leaps only when every
//! watch of theirs waits, and no request came for a while: [`CALM`] of real time, and longer for a longer leap.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::Sim;
use crate::sim::Shared;

/// Without a request for so long, a program that is in a watch waits for it.
const CALM: Duration = Duration::from_millis(5);

/// Time leaps at most so much faster than real time: a program that has seen what it waited for may need a while to close its
/// watch, and should not find that hours went by meanwhile.
const FASTEST: u32 = 300;

/// The longest real time before a leap, however far.
const PATIENCE: Duration = Duration::from_secs(2);

/// Nothing is due, and nobody asked for anything for so long: nothing is going to happen.
const SILENCE: Duration = Duration::from_millis(250);

/// How virtual time passes while the API is served to programs of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// The listener lets no time pass: clients in this process do, when they wait, and [`Sim::hold`].
    #[default]
    Held,
    /// For tests: time leaps whenever the served clients are blocked in watches; else real time passes.
    Leap,
    /// For people: time passes `speed` times as fast as real time.
    Real {
        /// 1 is real time.
        speed: f64,
    },
}

/// What takes part from outside.
#[derive(Default)]
pub(super) struct Outside {
    holds: usize,
    /// Listeners that lead time by themselves, the last one first.
    listeners: Vec<(u64, Pace)>,
    next: u64,
    /// Real time until which virtual time was brought up to date.
    synced: Option<Instant>,
    /// When the last request came or ended, or the last leap changed something.
    heard: Option<Instant>,
    driven: bool,
}

impl Outside {
    /// True when time is not for clients in this process to move.
    pub fn drives(&self) -> bool {
        self.holds > 0 || !self.listeners.is_empty()
    }

    pub fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    fn speed(&self) -> f64 {
        match self.listeners.last() {
            Some((_, Pace::Real { speed })) if self.holds == 0 => speed.max(0.0),
            _ => 1.0,
        }
    }

    fn leaps(&self) -> bool {
        self.holds > 0 || matches!(self.listeners.last(), Some((_, Pace::Leap)))
    }

    /// Virtual time that is due for real time since the last call.
    fn passed(&mut self) -> Duration {
        if !self.drives() {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let real = self.synced.replace(now).map(|last| now.duration_since(last));
        real.unwrap_or_default().mul_f64(self.speed())
    }
}

/// While it lives, a program from outside is at work: time passes with real time, and leaps only when that program waits.
pub struct Hold {
    shared: Arc<Shared>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.shared.catch_up();
        self.shared.pace.outside().holds -= 1;
        self.shared.pace.bump();
    }
}

/// A listener leads time while this lives.
pub(crate) struct Lead {
    shared: Arc<Shared>,
    id: u64,
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.shared.catch_up();
        self.shared.pace.outside().listeners.retain(|(id, _)| *id != self.id);
        self.shared.pace.bump();
    }
}

impl Sim {
    /// Says that a program from outside (Helm) is about to work, until the guard is dropped.
    pub fn hold(&self) -> Hold {
        begin(&self.shared, |outside| outside.holds += 1);
        Hold {
            shared: self.shared.clone(),
        }
    }
}

/// Lets a listener lead time; None when it wants nothing of that.
pub(crate) fn lead(shared: &Arc<Shared>, pace: Pace) -> Option<Lead> {
    if pace == Pace::Held {
        return None;
    }
    let mut id = 0;
    begin(shared, |outside| {
        outside.next += 1;
        id = outside.next;
        outside.listeners.push((id, pace));
    });
    Some(Lead {
        shared: shared.clone(),
        id,
    })
}

fn begin(shared: &Arc<Shared>, change: impl FnOnce(&mut Outside)) {
    shared.catch_up();
    let first = {
        let mut outside = shared.pace.outside();
        if !outside.drives() {
            outside.synced = Some(Instant::now());
        }
        change(&mut outside);
        outside.heard();
        !std::mem::replace(&mut outside.driven, true)
    };
    if first {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(run(Arc::downgrade(shared)))),
            // Without a runtime, time passes only as requests come.
            Err(_) => shared.pace.outside().driven = false,
        }
    }
    shared.pace.bump();
}

impl Shared {
    /// Brings virtual time up to date with real time, when programs from outside take part.
    pub fn catch_up(&self) {
        let passed = self.pace.outside().passed();
        if !passed.is_zero() {
            self.with_unnoticed(|world| world.pass(passed));
            self.pace.leapt.notify_waiters();
        }
    }
}

enum Next {
    /// Look again after this time, or when something was done.
    Wait(Option<Duration>),
    Again,
    End,
}

async fn run(shared: Weak<Shared>) {
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let moved = shared.pace.clone();
        let mut moved = std::pin::pin!(moved.moved.notified());
        moved.as_mut().enable();
        let next = look(&shared);
        drop(shared);
        match next {
            Next::End => return,
            Next::Again => tokio::task::yield_now().await,
            Next::Wait(None) => moved.await,
            Next::Wait(Some(time)) => drop(tokio::time::timeout(time, moved).await),
        }
    }
}

/// Longest wait for a thing that is due, so that a handle that is gone is noticed.
const LONGEST: Duration = Duration::from_secs(1);

fn look(shared: &Shared) -> Next {
    shared.catch_up();
    let (speed, leaps, calm) = {
        let mut outside = shared.pace.outside();
        if !outside.drives() {
            outside.driven = false;
            return Next::End;
        }
        let calm = outside.heard.map_or(CALM, |heard| heard.elapsed());
        (outside.speed(), outside.leaps(), calm)
    };
    let pacer = &shared.pace;
    let (now, due, sleepers) = {
        let mut world = shared.world();
        (world.now(), world.timeline.next_due(), world.timeline.sleeping())
    };
    let in_watch = pacer.watches_outside() > 0 || (sleepers > 0 && pacer.outside().holds == 0);
    let waits = leaps && in_watch && !pacer.is_busy() && pacer.watches_wait(shared.version());
    let ahead = due.map(|due| due.since(now));
    let needed = ahead.map_or(SILENCE, |ahead| (ahead / FASTEST).clamp(CALM, PATIENCE));
    if waits && calm >= needed {
        if ahead.is_some() {
            shared.step();
            pacer.outside().heard();
            return Next::Again;
        }
        pacer.stuck.send_replace(true);
        return Next::Wait(Some(LONGEST));
    }
    let least = Duration::from_micros(200);
    let calms = waits.then(|| needed.saturating_sub(calm).max(least));
    let dues = ahead
        .filter(|_| speed > 0.0)
        .map(|ahead| Duration::from_secs_f64((ahead.as_secs_f64() / speed).min(LONGEST.as_secs_f64())))
        .map(|wait| wait.max(least));
    Next::Wait(Some(calms.into_iter().chain(dues).min().unwrap_or(LONGEST)))
}

//! Virtual time: what is due when. Nothing here looks at the wall clock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// A moment of virtual time, in nanoseconds since the Unix epoch (what clients see as timestamps has whole seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// The moment `later` after this one.
    pub fn after(self, later: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(later.as_nanos()).unwrap_or(i64::MAX)),
        )
    }

    /// Time from `earlier` to this moment; zero when that is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As Kubernetes writes `metav1.Time`: whole seconds, UTC.
    pub fn rfc3339(self) -> String {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// As Kubernetes writes `metav1.MicroTime`.
    pub fn rfc3339_micro(self) -> String {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    }
}

/// One thing that a controller wants to look at: `key` is `namespace/name`, or `name` for cluster-scoped objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Task {
    /// Index in [`crate::controllers::ALL`].
    pub controller: usize,
    pub key: String,
    /// Time does not leap for it: it is done when time comes by. What repeats for ever is of this kind (a cron schedule,
    /// the restarts of a container that crashes), else a wait for "nothing happens any more" would have no end.
    pub background: bool,
}

/// A client that sleeps.
struct Sleeper {
    waker: tokio::sync::oneshot::Sender<()>,
    /// Time is to go on for its sake.
    matters: bool,
}

/// The queue of tasks and of clients that sleep.
#[derive(Default)]
pub(crate) struct Timeline {
    now: Time,
    sequence: u64,
    due: BTreeMap<(Time, u64), Task>,
    background: BTreeMap<(Time, u64), Task>,
    planned: HashMap<Task, (Time, u64)>,
    sleepers: BTreeMap<(Time, u64), Sleeper>,
    woken: u64,
}

impl Timeline {
    pub fn new(now: Time) -> Self {
        Self { now, ..Self::default() }
    }

    pub fn now(&self) -> Time {
        self.now
    }

    /// Plans a task; a task that is planned already keeps the earlier of both times.
    pub fn plan(&mut self, at: Time, task: Task) {
        let at = at.max(self.now);
        if let Some(place) = self.planned.get(&task) {
            if place.0 <= at {
                return;
            }
            let place = *place;
            self.queue(&task).remove(&place);
        }
        self.sequence += 1;
        let place = (at, self.sequence);
        self.planned.insert(task.clone(), place);
        self.queue(&task).insert(place, task);
    }

    fn queue(&mut self, task: &Task) -> &mut BTreeMap<(Time, u64), Task> {
        if task.background {
            &mut self.background
        } else {
            &mut self.due
        }
    }

    /// The next task that is due at `limit` or before; time moves to it.
    pub fn next(&mut self, limit: Time) -> Option<Task> {
        let heads = [self.due.keys().next(), self.background.keys().next()];
        let place = *heads.into_iter().flatten().min()?;
        if place.0 > limit {
            return None;
        }
        let task = self.due.remove(&place).or_else(|| self.background.remove(&place))?;
        self.planned.remove(&task);
        self.pass_to(place.0);
        Some(task)
    }

    /// When something happens next: a task, or a sleeper that wakes. Background tasks do not count.
    pub fn next_due(&self) -> Option<Time> {
        let task = self.due.keys().next().map(|key| key.0);
        let mut live = self
            .sleepers
            .iter()
            .filter(|(_, sleeper)| sleeper.matters && !sleeper.waker.is_closed());
        let sleeper = live.next().map(|(key, _)| key.0);
        match (task, sleeper) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Moves time forward (never back) and wakes who slept until then.
    pub fn pass_to(&mut self, now: Time) {
        self.now = self.now.max(now);
        while let Some(place) = self.sleepers.keys().next().copied() {
            if place.0 > self.now {
                break;
            }
            if let Some(sleeper) = self.sleepers.remove(&place) {
                // A sleeper that is gone needs no waking.
                self.woken += u64::from(sleeper.waker.send(()).is_ok());
            }
        }
    }

    /// A sleep of a client; the receiver ends when its time has come.
    pub fn sleep(&mut self, time: Duration) -> tokio::sync::oneshot::Receiver<()> {
        self.sleep_if(time, true)
    }

    /// A sleep for whose sake nobody would let time pass, unless it `matters`.
    pub fn sleep_if(&mut self, time: Duration, matters: bool) -> tokio::sync::oneshot::Receiver<()> {
        let (waker, receiver) = tokio::sync::oneshot::channel();
        self.sequence += 1;
        let at = self.now.after(time);
        self.sleepers.insert((at, self.sequence), Sleeper { waker, matters });
        self.pass_to(self.now);
        receiver
    }

    /// How many sleepers were woken so far.
    pub fn woken(&self) -> u64 {
        self.woken
    }

    /// How many clients sleep for whose sake time is to go on (those that gave up are not counted).
    pub fn sleeping(&mut self) -> usize {
        self.sleepers.retain(|_, sleeper| !sleeper.waker.is_closed());
        self.sleepers.values().filter(|sleeper| sleeper.matters).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(key: &str) -> Task {
        Task {
            controller: 0,
            key: key.to_owned(),
            background: false,
        }
    }

    #[test]
    fn time_does_not_leap_for_the_background_but_does_what_it_passes() {
        let mut line = Timeline::new(Time(0));
        let tick = Task {
            background: true,
            ..task("tick")
        };
        line.plan(Time(10), tick.clone());
        assert_eq!(line.next_due(), None);
        line.plan(Time(20), task("a"));
        assert_eq!(line.next_due(), Some(Time(20)));
        assert_eq!(line.next(Time(20)), Some(tick));
        assert_eq!(line.next(Time(20)), Some(task("a")));
    }

    #[test]
    fn tasks_come_in_the_order_of_their_time_and_each_once() {
        let mut line = Timeline::new(Time(0));
        line.plan(Time(30), task("b"));
        line.plan(Time(20), task("a"));
        line.plan(Time(10), task("b"));
        assert_eq!(line.next(Time(15)), Some(task("b")));
        assert_eq!(line.now(), Time(10));
        assert_eq!(line.next(Time(15)), None);
        assert_eq!(line.next(Time(40)), Some(task("a")));
        assert_eq!(line.next(Time(40)), None);
    }

    #[test]
    fn sleepers_wake_when_time_passes() {
        let mut line = Timeline::new(Time(0));
        let mut sleeping = line.sleep(Duration::from_nanos(5));
        assert!(sleeping.try_recv().is_err());
        assert_eq!(line.next_due(), Some(Time(5)));
        line.pass_to(Time(5));
        assert!(sleeping.try_recv().is_ok());
    }

    #[test]
    fn times_read_as_kubernetes_writes_them() {
        assert_eq!(Time(1_700_000_000_123_456_789).rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(
            Time(1_700_000_000_123_456_789).rfc3339_micro(),
            "2023-11-14T22:13:20.123456Z"
        );
    }
}

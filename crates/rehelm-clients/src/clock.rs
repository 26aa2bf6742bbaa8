//! The machine's clock, and waiting on whatever clock there is: a rehearsal's time is its own.

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use rehelm_core::ports::Clock;

/// Time as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// Counts while the machine sleeps, too, where the system has such a clock: the lock's age is judged by it.
    fn elapsed(&self) -> Duration {
        #[cfg(target_os = "linux")]
        {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::new(
                u64::try_from(now.tv_sec).unwrap_or_default(),
                u32::try_from(now.tv_nsec).unwrap_or_default(),
            )
        }
        #[cfg(not(target_os = "linux"))]
        {
            static BEGAN: std::sync::LazyLock<tokio::time::Instant> =
                std::sync::LazyLock::new(tokio::time::Instant::now);
            // The first look makes the moment that all later ones count from.
            let began = *BEGAN;
            began.elapsed()
        }
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The time for something ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLate;

/// How much time there is, on a clock.
#[derive(Clone, Copy)]
pub(crate) struct Limit<'a> {
    clock: &'a dyn Clock,
    began: Duration,
    time: Duration,
}

impl<'a> Limit<'a> {
    /// From now on.
    pub fn of(clock: &'a dyn Clock, time: Duration) -> Self {
        Self {
            clock,
            began: clock.elapsed(),
            time,
        }
    }

    /// How much of it passed.
    pub fn passed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.began)
    }

    /// How much is left.
    pub fn left(&self) -> Duration {
        self.time.saturating_sub(self.passed())
    }

    /// Work that must end in what is left; it is dropped otherwise.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, TooLate> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.clock.sleep(self.left()) => Err(TooLate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing but sleeping makes time pass.
    struct Virtual(std::sync::Mutex<Duration>);

    #[async_trait]
    impl Clock for Virtual {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        async fn sleep(&self, time: Duration) {
            tokio::task::yield_now().await;
            *self.0.lock().unwrap() += time;
        }
    }

    #[tokio::test]
    async fn work_ends_with_its_time_on_whatever_clock() {
        let clock = Virtual(Duration::from_secs(100).into());
        let limit = Limit::of(&clock, Duration::from_secs(5));
        assert_eq!(limit.within(async { 1 }).await, Ok(1));
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(
            (limit.passed(), limit.left()),
            (Duration::from_secs(2), Duration::from_secs(3))
        );
        assert_eq!(limit.within(std::future::pending::<()>()).await, Err(TooLate));
        assert_eq!(limit.left(), Duration::ZERO);
    }
}

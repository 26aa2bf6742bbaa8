//! Virtual time behind the port.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rehelm_core::ports::Clock;
use rehelm_sim::Sim;

/// The clock of a simulated cluster.
pub struct SimClock(pub Sim);

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0.now().0)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn elapsed(&self) -> Duration {
        self.0.now().since(rehelm_sim::Time(0))
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }

    fn outside(&self) -> Box<dyn Send> {
        Box::new(self.0.hold())
    }
}

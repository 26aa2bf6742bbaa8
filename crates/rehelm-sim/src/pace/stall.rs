//! When nothing is going to happen any more.

use std::pin::pin;
use std::time::Duration;

use futures::future::select;

use crate::Sim;

/// Virtual time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing came of it in {0:?} of virtual time")]
pub struct TimedOut(pub Duration);

impl Sim {
    /// Ends when everybody waits and nothing is due, or when no object has changed for `patience` of virtual time (controllers
    /// that look at things again and again, and clients that poll, would otherwise hide that nothing happens).
    ///
    /// While a program from outside is held ([`Sim::hold`]) it is asked for whether it waits, not guessed: it counts as waiting
    /// when it is in a watch and has sent nothing for a while.
    pub async fn stalled(&self, patience: Duration) {
        let pacer = &self.shared.pace;
        // What was found before is no news: whoever calls this may be about to do something.
        pacer.bump();
        let mut stuck = pacer.stuck.subscribe();
        let begun = self.now();
        loop {
            let mut leapt = pin!(pacer.leapt.notified());
            leapt.as_mut().enable();
            let last = pacer.changed_at().max(begun);
            if *stuck.borrow_and_update() || self.now().since(last) >= patience {
                return;
            }
            select(pin!(stuck.changed()), leapt).await;
        }
    }

    /// Runs `work` for at most `time` of virtual time.
    ///
    /// # Errors
    /// The time was over first; `work` is dropped then.
    pub async fn timeout<T>(&self, time: Duration, work: impl Future<Output = T>) -> Result<T, TimedOut> {
        use futures::future::Either;
        match select(pin!(work), pin!(self.sleep(time))).await {
            Either::Left((value, _)) => Ok(value),
            Either::Right(_) => Err(TimedOut(time)),
        }
    }
}

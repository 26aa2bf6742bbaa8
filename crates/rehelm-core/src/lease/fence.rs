//! Is the lock still ours? Asked before every write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::Shared;

use super::{Holder, LeaseError, RENEW, Token, renew};
use crate::object::ObjRef;
use crate::ports::{Clock, Cluster, PortError, PortResult};

/// How long a renewal is believed in without asking again: a third of the lease's duration.
///
/// Nobody takes a lease before its [`DURATION`](super::DURATION) has passed since the newest renewal and it was then seen
/// unchanged for two more renewals' time. So within a third of the duration it is certainly ours, whatever the calendars
/// say, and no request is needed; two thirds are left for a write to arrive that was sent at the end of it. The age is
/// counted from the moment **before** the renewal was sent, on a clock that also counts while the machine sleeps.
const BELIEVED: Duration = Duration::from_secs(10);

/// The lock as a writer sees it. Once it is lost it stays lost.
pub struct Fence {
    cluster: Arc<dyn Cluster>,
    clock: Arc<dyn Clock>,
    lease: ObjRef,
    me: Holder,
    token: Token,
    renewed: Mutex<Duration>,
    asking: futures::lock::Mutex<()>,
    why: Mutex<Option<String>>,
    bell: Mutex<Option<oneshot::Sender<()>>>,
    rung: Shared<oneshot::Receiver<()>>,
}

impl Fence {
    /// Around a lease that was taken with `token`; `taken` is the clock's reading from before that.
    pub fn new(
        cluster: Arc<dyn Cluster>,
        clock: Arc<dyn Clock>,
        lease: ObjRef,
        me: Holder,
        token: Token,
        taken: Duration,
    ) -> Self {
        let (bell, rung) = oneshot::channel();
        Self {
            cluster,
            clock,
            lease,
            me,
            token,
            renewed: Mutex::new(taken),
            asking: futures::lock::Mutex::default(),
            why: Mutex::default(),
            bell: Mutex::new(Some(bell)),
            rung: rung.shared(),
        }
    }

    /// Ok when the lock is certainly ours: by a renewal that is young enough, or by a new one.
    ///
    /// What this cannot see is a process that is stopped between this answer and its request's arrival. Such a request
    /// still carries the uid or the resourceVersion of what was read before.
    ///
    /// # Errors
    /// [`PortError::Fenced`] when it is lost; the server's error when it does not say.
    pub async fn check(&self) -> PortResult<()> {
        if self.is_young()? {
            return Ok(());
        }
        // Many writers at once need one answer.
        let _alone = self.asking.lock().await;
        if self.is_young()? {
            return Ok(());
        }
        self.renew().await
    }

    fn is_young(&self) -> PortResult<bool> {
        if let Some(why) = &*lock(&self.why) {
            return Err(PortError::Fenced(why.clone()));
        }
        let age = self.clock.elapsed().saturating_sub(*lock(&self.renewed));
        Ok(age < BELIEVED)
    }

    /// Renews the lease.
    ///
    /// # Errors
    /// As for [`Fence::check`]. A server that does not answer is asked again by the next write.
    pub async fn renew(&self) -> PortResult<()> {
        let before = self.clock.elapsed();
        let answer = renew(&*self.cluster, &*self.clock, &self.lease, &self.me, &self.token).await;
        match answer {
            Ok(()) => {
                *lock(&self.renewed) = before;
                Ok(())
            }
            Err(LeaseError::Held { holder, since }) => {
                let why = format!("{holder}, since {since}");
                *lock(&self.why) = Some(why.clone());
                if let Some(bell) = lock(&self.bell).take() {
                    // Nobody has to listen.
                    let _ = bell.send(());
                }
                Err(PortError::Fenced(why))
            }
            Err(LeaseError::Port(error)) => Err(error),
        }
    }

    /// To whom the lock was lost; None while it is not known to be.
    pub fn why_lost(&self) -> Option<String> {
        lock(&self.why).clone()
    }

    /// Renews again and again, until the lock is lost.
    pub async fn keep(&self) {
        while lock(&self.why).is_none() {
            self.clock.sleep(RENEW).await;
            let _alone = self.asking.lock().await;
            // A server that does not answer now may do so before the lease ends.
            let _ = self.renew().await;
        }
    }

    /// Ends when the lock is lost.
    pub async fn lost(&self) {
        let rung = self.rung.clone();
        if rung.await.is_err() {
            futures::future::pending().await
        }
    }

    /// Work that ends when the lock is lost.
    ///
    /// # Errors
    /// [`PortError::Fenced`], or what the work says.
    pub async fn during<T>(&self, work: impl Future<Output = PortResult<T>>) -> PortResult<T> {
        self.check().await?;
        let (work, lost) = (std::pin::pin!(work), std::pin::pin!(self.lost()));
        match futures::future::select(work, lost).await {
            futures::future::Either::Left((done, _)) => done,
            futures::future::Either::Right(_) => {
                let why = lock(&self.why).clone().unwrap_or_default();
                Err(PortError::Fenced(why))
            }
        }
    }

    /// Gives the lease back; one that is not ours any more is left alone.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn give_back(&self) -> PortResult<()> {
        super::release(&*self.cluster, &self.lease, &self.me).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

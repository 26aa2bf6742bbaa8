//! The real Helm on a simulated cluster: while it works, virtual time follows real time, and leaps where Helm waits.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rehelm_core::object::Object;
use rehelm_core::ports::{ChartFacts, Helm, PortResult, ReleaseSpec, ReleaseState, Rendered};
use rehelm_sim::{Hold, Sim};

/// Real time that Helm took, by what it did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// In all its calls.
    pub all: Duration,
    /// Installing.
    pub installing: Duration,
    /// How often it was called.
    pub calls: u32,
}

/// Helm with a stopwatch.
pub struct TimedHelm<H> {
    inner: H,
    sim: Sim,
    spent: std::sync::Arc<Mutex<Spent>>,
}

/// One call: time is Helm's until it is dropped.
struct Call<'a> {
    began: Instant,
    installing: bool,
    spent: &'a Mutex<Spent>,
    _hold: Hold,
}

impl<H> TimedHelm<H> {
    /// Adds what Helm takes to `spent`.
    pub fn new(inner: H, sim: Sim, spent: std::sync::Arc<Mutex<Spent>>) -> Self {
        Self { inner, sim, spent }
    }

    fn call(&self, installing: bool) -> Call<'_> {
        Call {
            began: Instant::now(),
            installing,
            spent: &self.spent,
            _hold: self.sim.hold(),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if let Ok(mut spent) = self.spent.lock() {
            let took = self.began.elapsed();
            spent.all += took;
            spent.calls += 1;
            if self.installing {
                spent.installing += took;
            }
        }
    }
}

#[async_trait]
impl<H: Helm> Helm for TimedHelm<H> {
    async fn version(&self) -> PortResult<String> {
        let _call = self.call(false);
        self.inner.version().await
    }

    async fn chart(&self, spec: &ReleaseSpec) -> PortResult<ChartFacts> {
        let _call = self.call(false);
        self.inner.chart(spec).await
    }

    async fn render(&self, spec: &ReleaseSpec, planned: &[Object]) -> PortResult<Rendered> {
        let _call = self.call(false);
        self.inner.render(spec, planned).await
    }

    async fn install(&self, spec: &ReleaseSpec, dry_run: bool) -> PortResult<()> {
        let _call = self.call(!dry_run);
        self.inner.install(spec, dry_run).await
    }

    async fn end_leftover(&self) -> PortResult<()> {
        self.inner.end_leftover().await
    }

    // Read through the cluster, without the program.
    async fn release(&self, namespace: &str, release: &str) -> PortResult<Option<ReleaseState>> {
        self.inner.release(namespace, release).await
    }

    async fn delete_release_record(&self, namespace: &str, release: &str) -> PortResult<()> {
        self.inner.delete_release_record(namespace, release).await
    }
}

//! One command at a time: takes the Lease, renews it while the command runs, gives it back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rehelm_core::lease::{self, Fence, Holder, LeaseError};
use rehelm_core::object::ObjRef;
use rehelm_core::ports::{Clock, Cluster};
use tokio::task::JoinHandle;

use crate::errors::{Error, Result};
use crate::exit::Exit;

/// A held lease.
pub struct Lock {
    /// Tests the lease before every write.
    pub fence: Arc<Fence>,
    renewal: JoinHandle<()>,
}

impl Lock {
    /// Takes a lease. When somebody else takes it away later, `stop` is set.
    ///
    /// # Errors
    /// Exit code 9 when another run holds it.
    pub async fn take(
        cluster: &Arc<dyn Cluster>,
        clock: &Arc<dyn Clock>,
        lease: ObjRef,
        stop: Arc<AtomicBool>,
    ) -> Result<Self> {
        let me = holder();
        let before = clock.elapsed();
        let token = match lease::acquire(&**cluster, &**clock, &lease, &me, &is_alive).await {
            Ok(token) => token,
            Err(LeaseError::Held { holder, since }) => return Err(held(&holder, &since)),
            Err(error) => return Err(Error::failed("cannot take the lock").because(error)),
        };
        let fence = Arc::new(Fence::new(cluster.clone(), clock.clone(), lease, me, token, before));
        let kept = fence.clone();
        let renewal = tokio::spawn(async move {
            kept.keep().await;
            stop.store(true, Ordering::SeqCst);
        });
        Ok(Self { fence, renewal })
    }

    /// Gives the lease back. A lease that cannot be given back ends by itself.
    pub async fn give_back(self) {
        self.renewal.abort();
        // Its end by time is the fallback.
        let _ = self.fence.give_back().await;
    }
}

/// What is said when somebody else is at work.
pub fn held(holder: &str, since: &str) -> Error {
    Error::new(Exit::Locked, format!("another run is at work: {holder}, since {since}")).hint(format!(
        "wait for it; if its machine is gone, the lock ends {} s after its last sign",
        lease::DURATION.as_secs()
    ))
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Who this process is: found out once, and the same ever after.
fn holder() -> Holder {
    static ME: OnceLock<Holder> = OnceLock::new();
    let found = || {
        let process = std::process::id();
        Holder {
            machine: machine(),
            process,
            started: started(process).unwrap_or_default(),
        }
    };
    ME.get_or_init(found).clone()
}

/// Name of this machine, with something that tells it from its namesakes.
fn machine() -> String {
    let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default().trim().to_owned();
    let name = read("/proc/sys/kernel/hostname");
    let id = read("/proc/sys/kernel/random/boot_id");
    format!("{name}-{}", id.split('-').next().unwrap_or_default())
}

/// When a process began, in ticks since the machine did; tells it from a later one with the same id.
fn started(process: u32) -> Option<String> {
    let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name is in parentheses and may hold spaces.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(19).map(str::to_owned)
}

/// True for a holder that does not keep this process out: itself, or a process of this machine that ended.
pub fn is_mine_or_dead(identity: &str) -> bool {
    let me = holder();
    identity == me.identity() || Holder::parse(identity).is_some_and(|h| h.machine == me.machine && !is_alive(&h))
}

fn is_alive(holder: &Holder) -> bool {
    if holder.started.is_empty() {
        return true;
    }
    started(holder.process).as_deref() == Some(holder.started.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_a_namesake_is_not() {
        let me = holder();
        assert!(is_alive(&me));
        assert!(!is_alive(&Holder {
            started: "1".into(),
            ..me
        }));
    }
}

//! One run at a time: a Lease in the old install's namespace.
//!
//! A holder renews; one that stopped renewing is replaced after the lease's duration, and at once when it was a
//! process of this machine that is no longer there. Every change is tested against the version that was read, so that
//! two commands that see the same free lease cannot both take it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::object::{ObjRef, Object};
use crate::ports::{Clock, Cluster, PatchKind, PortError, PortResult, Precondition};
use crate::restore;

/// How long a lease lasts without renewal.
pub const DURATION: Duration = Duration::from_secs(30);

/// How often to renew.
pub const RENEW: Duration = Duration::from_secs(8);

/// Who holds the lease: machine and process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Machine, as unique as can be had.
    pub machine: String,
    /// Process id.
    pub process: u32,
    /// Something that tells this process from a later one with the same id.
    pub started: String,
}

impl Holder {
    /// `machine/process/started`, as the Lease shows it.
    pub fn identity(&self) -> String {
        format!("{}/{}/{}", self.machine, self.process, self.started)
    }

    fn parse(identity: &str) -> Option<Self> {
        let mut parts = identity.rsplitn(3, '/');
        let started = parts.next()?.to_owned();
        let process = parts.next()?.parse().ok()?;
        Some(Self {
            machine: parts.next()?.to_owned(),
            process,
            started,
        })
    }
}

/// Somebody else is at work.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The holder, and since when.
    #[error("held by {holder} since {since}")]
    Held {
        /// Its identity.
        holder: String,
        /// When it took the lease.
        since: String,
    },
    /// The server did not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Name of the Lease for a release.
pub fn reference(namespace: &str, release: &str) -> ObjRef {
    ObjRef::new(
        "coordination.k8s.io/v1",
        "Lease",
        Some(namespace),
        &format!("rehelm-{release}"),
    )
}

/// Takes the lease, or says who has it. `alive` tells whether a process of this machine still runs.
///
/// # Errors
/// [`LeaseError::Held`], or a port's error.
pub async fn acquire(
    cluster: &dyn Cluster,
    clock: &dyn Clock,
    lease: &ObjRef,
    me: &Holder,
    alive: &(dyn Fn(&Holder) -> bool + Send + Sync),
) -> Result<(), LeaseError> {
    for _ in 0..5 {
        let now = clock.now();
        let Some(live) = cluster.get(lease).await? else {
            match cluster.create(&fresh(lease, me, now), false).await {
                Ok(_) => return Ok(()),
                Err(PortError::Exists(_)) => continue,
                Err(other) => return Err(other.into()),
            }
        };
        if let Some(held) = held_by_other(&live, me, now, alive) {
            return Err(held);
        }
        let patch = json!({"spec": spec(me, now)});
        match cluster
            .patch(lease, PatchKind::Merge, &patch, &restore::precondition(&live), false)
            .await
        {
            Ok(_) => return Ok(()),
            Err(PortError::Conflict(..) | PortError::NotFound(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(PortError::Conflict(lease.to_string(), "others keep taking it".into()).into())
}

fn held_by_other(
    live: &Object,
    me: &Holder,
    now: Timestamp,
    alive: &(dyn Fn(&Holder) -> bool + Send + Sync),
) -> Option<LeaseError> {
    let identity = live
        .str("/spec/holderIdentity")
        .filter(|h| !h.is_empty() && *h != me.identity())?;
    let renewed: Option<Timestamp> = live.str("/spec/renewTime").and_then(|t| t.parse().ok());
    let fresh = renewed.is_some_and(|t| Duration::try_from(now.duration_since(t)).map_or(true, |age| age < DURATION));
    let dead_here = Holder::parse(identity).is_some_and(|h| h.machine == me.machine && !alive(&h));
    (fresh && !dead_here).then(|| LeaseError::Held {
        holder: identity.to_owned(),
        since: live.str("/spec/acquireTime").unwrap_or("unknown").to_owned(),
    })
}

/// Renews a lease that is still ours.
///
/// # Errors
/// [`LeaseError::Held`] when somebody else took it in between.
pub async fn renew(cluster: &dyn Cluster, clock: &dyn Clock, lease: &ObjRef, me: &Holder) -> Result<(), LeaseError> {
    let live = cluster
        .get(lease)
        .await?
        .ok_or_else(|| PortError::NotFound(lease.to_string()))?;
    let holder = live.str("/spec/holderIdentity").unwrap_or_default();
    if holder != me.identity() {
        let since = live.str("/spec/acquireTime").unwrap_or("unknown").to_owned();
        return Err(LeaseError::Held {
            holder: holder.to_owned(),
            since,
        });
    }
    let patch = json!({"spec": {"renewTime": micro(clock.now())}});
    cluster
        .patch(lease, PatchKind::Merge, &patch, &restore::precondition(&live), false)
        .await?;
    Ok(())
}

/// Gives the lease back; one that is not ours is left alone.
///
/// # Errors
/// When the server does not answer.
pub async fn release(cluster: &dyn Cluster, lease: &ObjRef, me: &Holder) -> PortResult<()> {
    let Some(live) = cluster.get(lease).await? else {
        return Ok(());
    };
    if live.str("/spec/holderIdentity") != Some(me.identity().as_str()) {
        return Ok(());
    }
    let this_one = Precondition {
        uid: Some(live.uid().to_owned()),
        resource_version: None,
    };
    match cluster.delete(lease, &this_one, false).await {
        Ok(()) | Err(PortError::NotFound(_) | PortError::Conflict(..)) => Ok(()),
        Err(other) => Err(other),
    }
}

fn micro(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn spec(me: &Holder, now: Timestamp) -> serde_json::Value {
    json!({"holderIdentity": me.identity(), "leaseDurationSeconds": DURATION.as_secs(),
           "acquireTime": micro(now), "renewTime": micro(now)})
}

fn fresh(lease: &ObjRef, me: &Holder, now: Timestamp) -> Object {
    Object(json!({"apiVersion": lease.api_version, "kind": lease.kind,
                  "metadata": {"name": lease.name, "namespace": lease.namespace}, "spec": spec(me, now)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me(process: u32) -> Holder {
        Holder {
            machine: "host/with/slashes".into(),
            process,
            started: "7".into(),
        }
    }

    fn live(holder: &Holder, renewed: Timestamp) -> Object {
        let mut object = fresh(&reference("n", "r"), holder, renewed);
        object.0["metadata"]["uid"] = json!("u");
        object
    }

    #[test]
    fn an_identity_can_be_read_back() {
        assert_eq!(Holder::parse(&me(3).identity()), Some(me(3)));
        assert_eq!(Holder::parse("someone"), None);
    }

    #[test]
    fn a_fresh_lease_is_respected_an_old_one_and_a_dead_process_are_not() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let old: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert!(held_by_other(&live(&me(1), now), &me(2), now, &|_| true).is_some());
        assert!(held_by_other(&live(&me(1), now), &me(2), now, &|_| false).is_none());
        assert!(held_by_other(&live(&me(1), old), &me(2), now, &|_| true).is_none());
        assert!(held_by_other(&live(&me(2), now), &me(2), now, &|_| true).is_none());
        let elsewhere = Holder {
            machine: "other".into(),
            ..me(1)
        };
        assert!(held_by_other(&live(&elsewhere, now), &me(2), now, &|_| false).is_some());
    }
}

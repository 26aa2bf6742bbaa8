//! One run at a time: a Lease in the old install's namespace.
//!
//! A holder renews; one that stopped renewing is replaced after the lease's duration, and at once when it was a
//! process of this machine that is no longer there. Every change is tested against the version that was read, so that
//! two commands that see the same free lease cannot both take it.
//!
//! Clocks of two machines differ: a lease that looks old is watched, by this process's own sense of time, for as long
//! as a living holder needs to renew it twice, and taken only when nothing happens to it.
//!
//! Whoever takes the lease gets a [`Token`] that nobody had before: the Lease's uid and its count of transitions. A
//! [`Fence`] tests it before every write.

mod fence;
mod fenced;

use std::time::Duration;

pub use fence::Fence;
pub use fenced::Fenced;

use jiff::Timestamp;
use serde_json::json;

use crate::object::{ObjRef, Object};
use crate::ports::{Access, Clock, Cluster, PatchKind, PortError, PortResult, Precondition};
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

    /// Reads what [`Holder::identity`] wrote.
    pub fn parse(identity: &str) -> Option<Self> {
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

/// What tells one taking of the lease from every other one. A Lease that was deleted and made again has another uid, and
/// each taking counts its transitions up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// uid of the Lease.
    pub uid: String,
    /// `spec.leaseTransitions`.
    pub transitions: u64,
}

impl Token {
    fn of(lease: &Object) -> Self {
        Self {
            uid: lease.uid().to_owned(),
            transitions: transitions(lease),
        }
    }
}

fn transitions(lease: &Object) -> u64 {
    let count = lease.get("/spec/leaseTransitions");
    count.and_then(serde_json::Value::as_u64).unwrap_or_default()
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

/// Rights that taking, renewing and giving back need.
pub fn rights(lease: &ObjRef) -> Vec<Access> {
    let right = |verb, name| {
        let namespace = lease.namespace.as_deref();
        crate::steps::access(verb, "coordination.k8s.io", "leases", namespace, name)
    };
    let on_name = ["get", "patch", "delete"].map(|verb| right(verb, Some(lease.name.as_str())));
    std::iter::once(right("create", None)).chain(on_name).collect()
}

/// Who holds the lease now by its own words, and since when; None when nobody does.
///
/// # Errors
/// When the server does not answer.
pub async fn holder(cluster: &dyn Cluster, clock: &dyn Clock, lease: &ObjRef) -> PortResult<Option<(String, String)>> {
    let live = cluster.get(lease).await?.filter(|live| is_fresh(live, clock.now()));
    Ok(live.map(|live| {
        let text = |field: &str| live.str(field).unwrap_or("unknown").to_owned();
        (text("/spec/holderIdentity"), text("/spec/acquireTime"))
    }))
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
) -> Result<Token, LeaseError> {
    let mut watched = None;
    for _ in 0..6 {
        let Some(live) = cluster.get(lease).await? else {
            match cluster.create(&fresh(lease, me, clock.now()), false).await {
                Ok(made) => return Ok(Token::of(&made)),
                Err(PortError::Exists(_)) => continue,
                Err(other) => return Err(other.into()),
            }
        };
        match claim(&live, me, clock.now(), alive) {
            Claim::Held(held) => return Err(held),
            Claim::LooksOld if watched.as_deref() != Some(live.resource_version()) => {
                watched = Some(live.resource_version().to_owned());
                clock.sleep(RENEW * 2).await;
                continue;
            }
            Claim::LooksOld | Claim::Free => {}
        }
        let mut spec = spec(me, clock.now());
        spec["leaseTransitions"] = json!(transitions(&live) + 1);
        let patch = json!({"spec": spec});
        match cluster
            .patch(lease, PatchKind::Merge, &patch, &restore::precondition(&live), false)
            .await
        {
            Ok(taken) => return Ok(Token::of(&taken)),
            Err(PortError::Conflict(..) | PortError::NotFound(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Err(PortError::Conflict(lease.to_string(), "others keep taking it".into()).into())
}

/// Whether a lease can be taken.
#[derive(Debug)]
enum Claim {
    /// Nobody has it, or nobody who lives.
    Free,
    /// Its holder has not renewed it in time, if the two clocks agree.
    LooksOld,
    /// Somebody is at work.
    Held(LeaseError),
}

fn is_fresh(live: &Object, now: Timestamp) -> bool {
    let held = live.str("/spec/holderIdentity").is_some_and(|h| !h.is_empty());
    let renewed: Option<Timestamp> = live.str("/spec/renewTime").and_then(|t| t.parse().ok());
    held && renewed.is_some_and(|t| Duration::try_from(now.duration_since(t)).map_or(true, |age| age < DURATION))
}

fn claim(live: &Object, me: &Holder, now: Timestamp, alive: &(dyn Fn(&Holder) -> bool + Send + Sync)) -> Claim {
    let identity = live.str("/spec/holderIdentity").unwrap_or_default();
    let dead_here = || Holder::parse(identity).is_some_and(|h| h.machine == me.machine && !alive(&h));
    if identity.is_empty() || identity == me.identity() || dead_here() {
        return Claim::Free;
    }
    if !is_fresh(live, now) {
        return Claim::LooksOld;
    }
    Claim::Held(LeaseError::Held {
        holder: identity.to_owned(),
        since: live.str("/spec/acquireTime").unwrap_or("unknown").to_owned(),
    })
}

/// Renews a lease that is still ours.
///
/// # Errors
/// [`LeaseError::Held`] when somebody else took it in between.
pub async fn renew(
    cluster: &dyn Cluster,
    clock: &dyn Clock,
    lease: &ObjRef,
    me: &Holder,
    token: &Token,
) -> Result<(), LeaseError> {
    let Some(live) = cluster.get(lease).await? else {
        let (holder, since) = ("nobody".to_owned(), "its Lease was deleted".to_owned());
        return Err(LeaseError::Held { holder, since });
    };
    let holder = live.str("/spec/holderIdentity").unwrap_or_default();
    if holder != me.identity() || Token::of(&live) != *token {
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
    json!({"holderIdentity": me.identity(), "leaseDurationSeconds": DURATION.as_secs(), "leaseTransitions": 0,
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
        let held = |live, me| matches!(claim(&live, &me, now, &|_| true), Claim::Held(_));
        assert!(held(live(&me(1), now), me(2)));
        assert!(matches!(
            claim(&live(&me(1), now), &me(2), now, &|_| false),
            Claim::Free
        ));
        assert!(matches!(
            claim(&live(&me(1), old), &me(2), now, &|_| true),
            Claim::LooksOld
        ));
        assert!(!held(live(&me(2), now), me(2)));
        let elsewhere = Holder {
            machine: "other".into(),
            ..me(1)
        };
        assert!(matches!(
            claim(&live(&elsewhere, now), &me(2), now, &|_| false),
            Claim::Held(_)
        ));
    }
}

//! Free loopback ports.
//!
//! Ports are taken below the range that the system hands out for outgoing connections, so that one that is free now is
//! still free when its program binds it. Testbeds that are starting are told apart by their recorded ports.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

/// The ports of a testbed, all on 127.0.0.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// The store, for the API server.
    pub etcd: u16,
    /// The store, for its peers (there are none).
    pub etcd_peer: u16,
    /// The Kubernetes API.
    pub api: u16,
    /// The OCI registry.
    pub registry: u16,
    /// The ways into pods, for the API server.
    #[serde(default)]
    pub kubelet: u16,
}

impl Ports {
    /// All of them.
    pub fn all(&self) -> [u16; 5] {
        [self.etcd, self.etcd_peer, self.api, self.registry, self.kubelet]
    }
}

/// Picks ports that are free and not in `taken`.
pub(crate) fn reserve(taken: &HashSet<u16>) -> Result<Ports> {
    let seed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.subsec_nanos());
    let start = seed.wrapping_mul(2_654_435_761).wrapping_add(std::process::id()) % 12_000;
    let candidates = (0..12_000).filter_map(|i| u16::try_from(20_000 + (start + i) % 12_000).ok());
    let mut free = candidates.filter(|p| !taken.contains(p) && TcpListener::bind((Ipv4Addr::LOCALHOST, *p)).is_ok());
    let mut next = || {
        free.next()
            .ok_or_else(|| Error::Data("no free port between 20000 and 32000".into()))
    };
    Ok(Ports {
        etcd: next()?,
        etcd_peer: next()?,
        api: next()?,
        registry: next()?,
        kubelet: next()?,
    })
}

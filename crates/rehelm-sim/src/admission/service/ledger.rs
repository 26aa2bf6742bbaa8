//! Which cluster IPs and node ports are taken; follows the log of changes, so that one look costs little.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::store::{ChangeKind, Store};

/// Node ports are from this one …
pub(super) const FIRST_PORT: i64 = 30_000;
/// … to this one.
pub(super) const LAST_PORT: i64 = 32_767;

/// Where addresses come from when the cluster does not show it.
const BASE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);

/// Addresses and ports that Services have.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    seen: u64,
    begun: bool,
    addresses: BTreeSet<String>,
    ports: BTreeSet<i64>,
}

impl Ledger {
    /// Takes up what changed since the last look.
    pub(super) fn catch_up(&mut self, store: &Store) {
        if self.begun && self.seen >= store.compacted() {
            for change in store.since(self.seen).filter(|change| &*change.resource == "services") {
                if let Some(old) = &change.old {
                    self.count(old, false);
                }
                self.count(&change.object, change.kind != ChangeKind::Deleted);
            }
        } else {
            (self.addresses, self.ports) = Default::default();
            for service in store.list("services", None) {
                self.count(&service, true);
            }
            self.begun = true;
        }
        self.seen = store.version();
    }

    fn count(&mut self, service: &Value, there: bool) {
        let Some(spec) = service.get("spec").and_then(Value::as_object) else {
            return;
        };
        let addresses = spec.get("clusterIPs").and_then(Value::as_array).into_iter().flatten();
        for address in addresses.filter_map(Value::as_str).filter(|address| *address != "None") {
            if there {
                self.addresses.insert(address.to_owned());
            } else {
                self.addresses.remove(address);
            }
        }
        for port in super::numbers(spec) {
            if there {
                self.ports.insert(port);
            } else {
                self.ports.remove(&port);
            }
        }
    }

    pub(super) fn has_address(&self, address: &str) -> bool {
        self.addresses.contains(address)
    }

    pub(super) fn has_port(&self, port: i64) -> bool {
        self.ports.contains(&port)
    }

    /// An address that nobody has; which one depends on the draw only.
    pub(super) fn free_address(&self, store: &Store, draw: u64) -> String {
        let api = store.get("services", "default", "kubernetes");
        let own = api.and_then(|api| api.pointer("/spec/clusterIP")?.as_str()?.parse::<Ipv4Addr>().ok());
        let base = own.map_or(u32::from(BASE), |own| u32::from(own) & 0xffff_0000);
        // The first 256 are left to those who ask for a certain address.
        let start = 257 + u32::try_from(draw % 65_000).unwrap_or(0);
        (0..65_278)
            .map(|step| 257 + (start - 257 + step) % 65_278)
            .map(|offset| Ipv4Addr::from(base + offset).to_string())
            .find(|address| !self.has_address(address))
            .unwrap_or_default()
    }

    /// A port that nobody has, and that is none of `given`.
    pub(super) fn free_port(&self, draw: u64, given: &[i64]) -> i64 {
        let count = LAST_PORT - FIRST_PORT + 1;
        let start = i64::try_from(draw % 2768).unwrap_or(0);
        (0..count)
            .map(|step| FIRST_PORT + (start + step) % count)
            .find(|port| !self.has_port(*port) && !given.contains(port))
            .unwrap_or(0)
    }
}

//! The processes of a testbed: store, API server, controllers, scheduler, registry, the ways into pods.
//!
//! Each file here knows the flags of one program and nothing of the others.

mod control;
mod ports;
mod registry;
mod streams;

pub(crate) use control::{api_server, controllers, etcd, kubeconfig, private, ready, scheduler};
pub use ports::Ports;
pub(crate) use ports::reserve;
pub(crate) use registry::start as registry;
pub(crate) use streams::start as streams;

use crate::Result;
use std::io::Read;

/// A random token of 32 hex digits.
pub(crate) fn random_token() -> Result<String> {
    let mut bytes = [0u8; 16];
    fs_err::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

//! The ways into pods: commands and ports, as the API server asks a kubelet for them.

use super::Ports;
use crate::Result;
use crate::build::Containers;
use crate::process::Process;
use camino::Utf8Path;
use std::process::Command;

/// Starts the endpoint. It lets in whoever has the API server's certificate, which must be there by now.
pub(crate) fn start(made: &Containers, dir: &Utf8Path, ports: &Ports) -> Result<Process> {
    let mut streams = Command::new(&made.streams);
    streams.args(["serve", dir.as_str(), &ports.kubelet.to_string()]);
    Process::spawn("streams", &mut streams, dir)
}

//! Real clients, kubectl and Helm: scripts run them against both servers.

pub mod tools;

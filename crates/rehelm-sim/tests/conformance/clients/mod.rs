//! Real clients, kubectl and Helm, against both servers.

pub mod tools;

//! The world behind the ports: Kubernetes, Helm, MongoDB, files.
#![forbid(unsafe_code)]

pub mod kube;
pub mod mongo;
pub mod secrets_folder;

//! The world behind the ports: Kubernetes, Helm, MongoDB, files.
#![forbid(unsafe_code)]

pub mod clock;
pub mod files;
pub mod helm;
pub mod in_pod;
pub mod input;
pub mod kube;
pub mod kustomize;
mod leftover;
mod lines;
pub mod mongo;
pub mod post_renderer;
mod process;
pub mod secrets_folder;
pub mod snapshot_file;
pub mod tunnel;

pub use process::find as program;

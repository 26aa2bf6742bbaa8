//! A Kubernetes API in memory.
//!
//! [`Sim`] holds a cluster: its objects, a virtual clock, and the controllers that act on it. Ask it through
//! [`Sim::service`], a tower `Service` that a Kubernetes client can use in place of a connection, or through
//! [`Sim::serve`], a loopback listener with TLS and a kubeconfig for kubectl, Helm and the like.
//!
//! Invariants:
//!
//! - **Nothing happens by itself.** Controllers are steps in virtual time; time passes when somebody waits, or says so.
//! - **The same requests in the same order give the same objects**, uids and times included.
//! - **What is known of kinds is data**: tables taken from a real API server, extended by the CRDs of the cluster.
//! - It knows nothing of any other crate of this project.
#![forbid(unsafe_code)]

mod accept;
mod admission;
mod controllers;
mod convert;
mod decode;
mod discovery;
mod faults;
mod inside;
mod kinds;
mod meta;
mod openapi;
mod pace;
mod patch;
mod printer;
mod protobuf;
mod quantity;
mod rbac;
mod refusal;
mod request;
mod route;
mod schema;
mod serve;
mod service;
mod shape;
mod sim;
mod store;
mod tables;
mod timeline;
mod verbs;
mod world;
mod written;

pub use controllers::{NodeOptions, Timing};
pub use faults::requests::{Interference, RequestRecord, Rule};
pub use faults::{Fault, Readiness};
pub use inside::Ended;
pub use pace::{Hold, Pace, TimedOut};
pub use rbac::Identity;
pub use serve::{ServeError, ServeOptions, Served};
pub use service::{AnswerBody, ConnectionLost, SimService};
pub use sim::{LoadError, Options, Sim};
pub use timeline::Time;

/// The README's examples, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

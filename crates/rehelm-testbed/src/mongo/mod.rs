//! A database server that speaks MongoDB's protocol, on loopback, without a MongoDB binary.
//!
//! Documents are stored by [mongo-java-server](https://github.com/bwaldvogel/mongo-java-server); a wire front of our own
//! adds what a migration meets and that server lacks: SCRAM-SHA-256 and SHA-1 logins, users and roles that are enforced, the face
//! of a real version, a replica set's identity, its change streams, retryable writes, collection options, and faults that tests order.
//!
//! What it cannot show: speed, elections, write concerns, enforced validators, caps and collations, readable views, time
//! series, `dbHash`. Such things need a real server (`TEST_MONGO_URI` points the tests at one).
//!
//! Missing Java, Maven or libraries are [`crate::Error::Unavailable`].
//!
//! Invariant: the store never outlives the front, and a [`Server`] that is dropped leaves no process.

mod access;
mod asides;
mod catalog;
mod face;
mod fault;
mod front;
mod oplog;
mod out;
mod refusal;
mod scram;
mod server;
mod spawn;
mod store;
mod streams;
mod tls;
mod users;
mod wire;
mod written;

pub use face::Face;
pub use fault::{Effect, Fault};
pub use server::{Options, Server};
pub use spawn::{Spawned, serve, spawn};
pub use tls::TlsFront;

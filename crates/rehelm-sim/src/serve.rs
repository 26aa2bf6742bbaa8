//! The API on loopback, with TLS, for programs of their own.

/// A simulated API that listens; dropping it ends the listener.
pub struct Served {}

//! Whole migrations on a real control plane, with a real Helm, a real registry and a database server with logins.
//!
//! They need the testbed (Go, npm, Java) and the product's own files, which are no part of this project. Where either is
//! missing a test says so and passes without having tested anything.

#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod crash;
mod example;
mod failures;
mod fence;
mod happy;
mod inside;
mod kept;
mod outages;
mod prediction;
mod records;
mod rollback;
#[allow(dead_code, reason = "shared with a benchmark that uses more of it")]
mod scene;
mod vendor;

//! Rehearsals of the example, with the real Helm and kubectl and no cluster. Where the two cannot be had a test says so and
//! passes without having tested anything.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod course;
mod crash;
mod hall;
mod reference;
mod serve;
mod snapshot;
mod values;

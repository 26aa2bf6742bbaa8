//! `rehelm values derive` and `rehelm values diff`, run as a person runs them: no cluster, the real Helm.
#![forbid(unsafe_code)]
// What is skipped is said.
#![allow(clippy::print_stderr)]

mod existing;
mod hinted;
mod reference;
mod roundtrip;
mod support;
mod traps;
mod writer;

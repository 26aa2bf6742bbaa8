//! Values: what is learned about charts of our own, whose answers are known, with a real Helm.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr)]

mod lab;
mod traps;
mod umbrella;
mod vendor;
mod verbs;

//! Fuzz targets: `cargo +nightly fuzz run yaml` (yaml, manifest, profile, journal, values, uri, plan) in this folder.
//!
//! What they do is in [`bodies`], which `crates/rehelm-core/tests/mutate.rs` runs on every test run with mutations of
//! good inputs.

pub mod bodies;

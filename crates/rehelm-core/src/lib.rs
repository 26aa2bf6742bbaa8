//! Objects, inventory, plan, steps and executor: everything that decides, nothing that touches the world.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod checks;
pub mod cleanup;
pub mod constraint;
pub mod diff;
pub mod digest;
pub mod duplicate;
pub mod executor;
pub mod finding;
pub mod gather;
pub mod inventory;
pub mod journal;
pub mod lease;
pub mod mongo_uri;
pub mod object;
pub mod parallel;
pub mod plan;
pub mod planner;
pub mod pods;
pub mod ports;
pub mod profile;
pub mod quantity;
pub mod recovery;
pub mod restore;
pub mod rights;
pub mod secrets;
pub mod server;
pub mod snapshot;
pub mod stale;
pub mod standing;
pub mod steps;
pub mod values;
pub mod verification;
pub mod world;
pub mod yaml;

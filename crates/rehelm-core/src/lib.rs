//! Objects, inventory, plan, steps and executor: everything that decides, nothing that touches the world.
#![forbid(unsafe_code)]

pub mod finding;
pub mod mongo_uri;
pub mod object;
pub mod ports;
pub mod secrets;
pub mod yaml;

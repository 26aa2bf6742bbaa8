//! The sweep: everything that can go wrong, at every point where it can, on simulated clusters.
//!
//! A [`scenario::Scenario`] is a sequence of commands on an installed product. A run carries it out once, with one thing
//! that goes wrong ([`twist::Twist`]): a process that dies around a write, a fault, somebody else who interferes, or a defect
//! that is there to be caught. After every write the [`invariants`] are asked; at the end the state is compared with that of
//! a run that nothing disturbed, or with the beginning.
//!
//! Verbs, planner, steps, executor, journal and client are those of earnest runs. What stands in are the API server, the
//! databases, the clock, the folder, and Helm ([`helm`]), which plays what the real one did.
//!
//! **The same run has the same history**: one thread, virtual time, names drawn by what they are for.
#![forbid(unsafe_code)]

pub mod answer;
pub mod bench;
pub mod call;
pub mod cli;
pub mod course;
pub mod databases;
pub mod defect;
pub mod fault;
pub mod files;
pub mod ground;
pub mod guide;
pub mod helm;
pub mod invariants;
pub mod job;
pub mod kill;
pub mod life;
pub mod outside;
pub mod pool;
pub mod process;
pub mod record;
pub mod report;
pub mod rival;
pub mod run;
pub mod same;
pub mod scenario;
pub mod stale;
pub mod state;
pub mod sweep;
pub mod tap;
pub mod tree;
pub mod trunk;
pub mod turn;
pub mod twist;

//! A migration rehearsed on a simulated copy of a cluster: other ports, and everything else as in earnest.
//!
//! What stands in: the API server (in memory), the databases (in memory, made up from their shapes), the clock (virtual),
//! and the folder of the run (temporary). What does not: Helm, kubectl, the chart, the planner, the steps, the executor,
//! the journal, the checks. Nothing outside the temporary folder changes.

pub mod clock;
pub mod compare;
pub mod course;
pub mod databases;
pub mod example;
pub mod fault;
pub mod helm;
pub mod shut;
pub mod stage;
pub mod summary;

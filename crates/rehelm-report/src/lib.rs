//! Words: what a person reads about plans, findings and runs, in their language.
//!
//! Invariant: knows nothing of how things are done; takes values, gives text. Styles are part of the text and are
//! stripped by whoever prints it, so no meaning rests on them.
#![forbid(unsafe_code)]

pub mod facts;
pub mod findings;
pub mod human;
pub mod plan_text;
pub mod plan_view;
pub mod table;
pub mod values_report;
pub mod words;

pub use facts::Facts;
pub use words::Words;

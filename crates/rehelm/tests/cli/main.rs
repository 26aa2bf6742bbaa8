//! The command line as a person meets it: golden outputs of the program itself.
#![forbid(unsafe_code)]

mod config_errors;
mod db;
mod forward;
mod help;
mod in_pod;
mod init;
mod inside;
mod place;
mod saved_plan;
mod schemas;
mod secrets;

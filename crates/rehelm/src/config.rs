//! `rehelm.yaml`: what it may say ([`file`]), what holds after flags and variables ([`settings`]), how `init` writes it
//! ([`template`]).
//!
//! Invariant: no password is ever in the file. Whatever looks like one is refused before anything else is read from it.

pub mod file;
mod kept;
pub mod names;
pub mod secrecy;
pub mod settings;
pub mod template;

pub use file::File;
pub use settings::Settings;

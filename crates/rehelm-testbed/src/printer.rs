//! The one door to the terminal: data on stdout, talk on stderr.

use std::io::Write;

/// Prints a line of data.
pub fn data(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Prints a line of talk.
pub fn talk(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

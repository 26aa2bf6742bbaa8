//! The program `rehelm`; everything is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    rehelm::run(std::env::args_os()).into()
}

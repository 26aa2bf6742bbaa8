//! Running a program to its end, with its words kept for the error.

use crate::{Error, Result};
use std::io::{Read, Write};
use std::process::{Command, Stdio};

/// What a program said.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Runs `command` with `stdin` as its input; an exit status other than 0 is an error.
///
/// A program that does not exist gives [`Error::Unavailable`] with `install` as the hint.
pub(crate) fn run(command: &mut Command, stdin: &[u8], install: &str) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::unavailable(&program, e, install),
        _ => Error::Io(e),
    })?;
    let (mut input, mut out, mut err) = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(i), Some(o), Some(e)) => (i, o, e),
        _ => return Err(Error::Data(format!("{program}: no pipes"))),
    };
    let (stdout, stderr) = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = input.write_all(stdin);
        });
        let err = scope.spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            text
        });
        let mut text = Vec::new();
        let _ = out.read_to_end(&mut text);
        (text, err.join().unwrap_or_default())
    });
    let status = child.wait()?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let output = Output {
        stdout: text(stdout),
        stderr: text(stderr),
    };
    if status.success() {
        return Ok(output);
    }
    let words = if output.stderr.trim().is_empty() {
        output.stdout
    } else {
        output.stderr
    };
    let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    Err(Error::Command {
        program: format!("{program} {}", args.join(" ")),
        status,
        output: words,
    })
}

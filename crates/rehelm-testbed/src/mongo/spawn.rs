//! The server as processes that outlive their starter: `PROGRAM mongo`, which is given its options on standard input (a
//! password belongs neither in arguments nor in a file) and says on standard output where it listens.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use camino::Utf8Path;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::{Options, Server};
use crate::{Error, Process, Result};

/// A server in processes of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spawned {
    /// The root user's connection string, password included.
    pub uri: String,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// The front and the store; the store ends by itself when the front does.
    pub processes: Vec<Process>,
}

/// What the child answers: `{"port":…,"store":…}`, or why it is not there.
#[derive(Serialize, Deserialize)]
enum Ready {
    Listening { port: u16, store: u32 },
    Unavailable { what: String, why: String, install: String },
    Failed(String),
}

/// Starts `program mongo` detached, its words in `dir/mongo.log`, and waits until it listens.
pub fn spawn(program: &Utf8Path, dir: &Utf8Path, options: &Options) -> Result<Spawned> {
    let log: File = fs::File::create(dir.join("mongo.log"))?.into();
    let mut command = Command::new(program);
    command
        .arg("mongo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .process_group(0);
    let mut child = command.spawn()?;
    let text = serde_json::to_string(options).map_err(|error| Error::Data(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let pid = child.id();
    // A child that nobody waits for stays as a zombie and would look alive.
    std::thread::Builder::new()
        .name("wait-mongo".into())
        .spawn(move || child.wait())?;
    match serde_json::from_str(&line) {
        Ok(Ready::Listening { port, store }) => {
            let processes = [("mongo", pid), ("mongo-store", store)];
            let processes = processes
                .into_iter()
                .filter_map(|(name, pid)| Process::of(name, pid))
                .collect();
            Ok(Spawned {
                uri: options.uri(port),
                port,
                processes,
            })
        }
        Ok(Ready::Unavailable { what, why, install }) => Err(Error::Unavailable { what, why, install }),
        Ok(Ready::Failed(why)) => Err(Error::Data(why)),
        Err(_) => Err(Error::Data(format!(
            "{program} mongo ended at once, see {dir}/mongo.log"
        ))),
    }
}

/// The child's side: reads [`Options`] from `input` to its end, starts, tells `output`, and serves until it is ended.
pub fn serve(mut input: impl Read, mut output: impl Write) -> Result<()> {
    let mut text = String::new();
    input.read_to_string(&mut text)?;
    let options = serde_json::from_str(&text).map_err(|error| Error::Data(error.to_string()))?;
    let started = Server::start(options);
    let ready = match &started {
        Ok(server) => Ready::Listening {
            port: server.port(),
            store: server.store_pid(),
        },
        Err(Error::Unavailable { what, why, install }) => Ready::Unavailable {
            what: what.clone(),
            why: why.clone(),
            install: install.clone(),
        },
        Err(error) => Ready::Failed(error.to_string()),
    };
    let line = serde_json::to_string(&ready).map_err(|error| Error::Data(error.to_string()))?;
    writeln!(output, "{line}")?;
    output.flush()?;
    let _server = started?;
    loop {
        std::thread::park();
    }
}

//! `cargo xtask sim-tables [--check] [--testbed NAME]`: takes the simulator's tables from a real API server.
//!
//! Facts only: what discovery and OpenAPI say (without descriptions), how the server's own types are written (which empty
//! fields they leave out), the roles and classes that a new cluster has, and what the server adds to objects that are sent to it with `dryRun=All`. Everything is in a
//! fixed order, so that the same server gives the same files.

mod bootstrap;
mod defaults;
mod facts;
mod server;
mod shapes;
mod wire;

use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::{Map, Value};

use crate::run::{build_programs, program, root, run};
use server::Server;

const NAME: &str = "sim-tables";

/// Runs the verb.
pub fn run_verb(words: &[String]) -> ExitCode {
    let check = words.iter().any(|word| word == "--check");
    let named = words
        .iter()
        .position(|word| word == "--testbed")
        .and_then(|at| words.get(at + 1));
    let done = match named {
        Some(name) => write_all(name, check),
        None => with_testbed(|| write_all(NAME, check)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "sim-tables: {why}");
            ExitCode::FAILURE
        }
    }
}

fn with_testbed(work: impl FnOnce() -> Result<bool, String>) -> Result<bool, String> {
    let testbed = |verb: &str| run(Command::new(program("rehelm-testbed")).args([verb, "--name", NAME]));
    if build_programs() != ExitCode::SUCCESS || testbed("up") != ExitCode::SUCCESS {
        return Err("the testbed does not start".to_owned());
    }
    let done = work();
    testbed("down");
    done
}

/// Writes the files, or compares them; false when they differ.
fn write_all(testbed: &str, check: bool) -> Result<bool, String> {
    let server = Server::of_testbed(testbed)?;
    let tables = root().join("crates/rehelm-sim/tables");
    let minor = server.get("/version")?["minor"].as_str().unwrap_or_default().to_owned();
    let facts = facts::read(&server)?;
    let shapes = shapes::read(&root().join("testbed/kubernetes"), &facts.schemas)?;
    let wire = wire::read(&root().join("testbed/kubernetes"), &facts.schemas)?;
    let probes: Value = serde_json::from_str(&read(&tables.join("probes.json"))?).map_err(|e| e.to_string())?;
    let probes = defaults::ask(&server, &facts, probes.as_array().map_or(&[][..], Vec::as_slice))?;
    let defaults = defaults::of(&facts, &probes);
    let mut same = true;
    for (name, text) in [
        (format!("v1.{minor}.json"), facts.text()),
        ("shapes.json".to_owned(), by_line(&shapes)),
        ("wire.json".to_owned(), by_line(&wire)),
        ("probes.json".to_owned(), lines("[", &probes, "]")),
        ("defaults.json".to_owned(), by_line(&defaults)),
        ("bootstrap.json".to_owned(), lines("[", &bootstrap::read(&server)?, "]")),
    ] {
        let path = tables.join(name);
        let old = read(&path).unwrap_or_default();
        if old != text {
            same = false;
            let _ = writeln!(
                std::io::stderr(),
                "{} {}",
                if check { "differs:" } else { "wrote" },
                path.display()
            );
            if !check {
                std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
    }
    Ok(same || !check)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// One entry a line.
fn by_line(map: &Map<String, Value>) -> String {
    let lines: Vec<String> = map
        .iter()
        .map(|(key, value)| format!("{}:{value}", Value::from(key.as_str())))
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn lines(open: &str, all: &[Value], close: &str) -> String {
    let lines: Vec<String> = all.iter().map(Value::to_string).collect();
    format!("{open}\n{}\n{close}\n", lines.join(",\n"))
}

/// The same value with the keys of all mappings in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(sorted).collect(),
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect())
        }
        other => other.clone(),
    }
}

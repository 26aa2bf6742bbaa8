//! Good inputs, damaged: byte by byte and line by line, by a generator whose seed is printed. The same bodies as the fuzz
//! targets' run on every one; none may panic or take long.
//!
//! `MUTATE_SEED=n` repeats a run, `MUTATE_RUNS=n` makes it longer.
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

#[path = "../../../fuzz/src/bodies.rs"]
mod bodies;

use std::time::{Duration, Instant};

use rehelm_core::digest;
use rehelm_core::journal::{Event, Record};

/// SplitMix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap_or_default()
    }
}

/// Pieces that parsers stumble over.
const ODD: [&str; 24] = [
    "\t",
    "\r\n",
    "\u{feff}",
    "\0",
    "&a",
    "*a",
    "<<: *a",
    "!!binary",
    "!!float",
    "{",
    "[",
    "\"",
    "'",
    "|",
    ">-",
    "---\n",
    "...\n",
    "null",
    "~",
    "0o7",
    "1e999",
    "-9223372036854775809",
    "%ff",
    "\u{2028}",
];

fn mutated(good: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        let end = (at + chance.below(40)).min(bytes.len());
        match chance.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => drop(bytes.splice(at..at, ODD[chance.below(ODD.len())].bytes())),
            5 => drop(bytes.splice(at..end, ODD[chance.below(ODD.len())].bytes())),
            _ => bytes = lines(&bytes, chance),
        }
    }
    bytes
}

/// Lines swapped, doubled, dropped or indented otherwise.
fn lines(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    let (a, b) = (chance.below(lines.len()), chance.below(lines.len()));
    match chance.below(4) {
        0 => lines.swap(a, b),
        1 => {
            let line = lines[a].clone();
            lines.insert(b, line);
        }
        2 => drop(lines.remove(a)),
        _ => lines[a].splice(0..0, *b"  ").for_each(drop),
    }
    lines.join(&b'\n')
}

fn run(name: &str, body: fn(&[u8]), good: &[Vec<u8>]) {
    let number = |name: &str, usual: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(usual);
    let seed = number("MUTATE_SEED", jiff::Timestamp::now().as_second().unsigned_abs());
    let runs = number("MUTATE_RUNS", 3000);
    eprintln!("{name}: {runs} runs, MUTATE_SEED={seed}");
    let mut chance = Chance(seed);
    for _ in 0..runs {
        let input = mutated(&good[chance.below(good.len())], &mut chance);
        let begun = Instant::now();
        let outcome = std::panic::catch_unwind(|| body(&input));
        let shown = String::from_utf8_lossy(&input);
        assert!(outcome.is_ok(), "{name}, MUTATE_SEED={seed}: panics at\n{shown}");
        let took = begun.elapsed();
        assert!(
            took < Duration::from_secs(5),
            "{name}, MUTATE_SEED={seed}: {took:?} for\n{shown}"
        );
    }
}

fn example(name: &str) -> Vec<u8> {
    let path = format!("{}/../../examples/notes/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn yaml() {
    let good = ["kustomize/base/web.yaml", "chart/values.yaml", "rehelm.yaml"].map(example);
    run("yaml", bodies::yaml, &good);
}

#[test]
fn manifest() {
    let files = [
        "kustomize/base/cluster.yaml",
        "kustomize/prod/kustomization.yaml",
        "surroundings.yaml",
    ];
    run("manifest", bodies::manifest, &files.map(example));
}

#[test]
fn profile() {
    let names = ["profile", "secrets", "databases", "volumes", "values"];
    let good: Vec<Vec<u8>> = (0u8..)
        .zip(names)
        .map(|(n, name)| [vec![n], example(&format!("profile/{name}.yaml"))].concat())
        .collect();
    run("profile", bodies::profile, &good);
}

#[test]
fn journal() {
    let events = [
        Event::RunStarted {
            format: 1,
            version: None,
            run: "r".into(),
            plan: "sha256:p".into(),
            accepted: vec![],
        },
        Event::PhaseStarted {
            command: "prepare".into(),
            by: "me".into(),
        },
        Event::StepStarted {
            step: 1,
            kind: "backup".into(),
        },
        Event::StepDone { step: 1 },
    ];
    let mut text = String::new();
    let mut prev = String::new();
    for (n, event) in (1..).zip(events) {
        let record = Record {
            n,
            at: jiff::Timestamp::UNIX_EPOCH,
            prev,
            event,
        };
        let line = serde_json::to_string(&record).expect("JSON");
        prev = digest::of_bytes(line.as_bytes());
        text.push_str(&format!("{line}\n"));
    }
    run("journal", bodies::journal, &[text.into_bytes()]);
}

#[test]
fn values() {
    run(
        "values",
        bodies::values,
        &["chart/values.yaml", "values_prod.yaml"].map(example),
    );
}

#[test]
fn uri() {
    let good = [
        "mongodb://user:hunter2-hunter2@host:27017/database",
        "mongodb://user:hunter2-hunter2%40@a:1,b:2,[::1]:3/database?replicaSet=rs0&authSource=admin",
        "mongodb+srv://user:hunter2-hunter2@cluster.example/database?tls=true",
    ];
    run("uri", bodies::uri, &good.map(|text| text.as_bytes().to_vec()));
}

#[test]
fn plan() {
    let plan = serde_json::json!({
        "format": 1, "profile": {"name": "n", "digest": "sha256:p"}, "scenario": "in-cluster",
        "cluster": {"uid": "u", "version": "v1.30.0"},
        "source": {"context": "c", "namespace": "a", "kustomize": ["k"], "build": "sha256:b"},
        "target": {"namespace": "b", "release": "r", "chart": "c", "chartName": "c", "version": "1.0.0", "digest": "sha256:c", "values": []},
        "objects": [{"object": {"apiVersion": "v1", "kind": "Service", "namespace": "a", "name": "s"}, "verdict": "move", "uid": "1"}],
        "steps": [{"number": 1, "phase": "prepare", "spec": {"kind": "namespace", "name": "b", "exists": false}},
                  {"number": 2, "phase": "prepare", "spec": {"kind": "retain", "volumes": [{"volume": "v", "uid": "2", "claim": "c", "policy": "Delete"}]}}],
        "findings": [], "outageSeconds": {"from": 1, "to": 2},
    });
    let text = format!("{plan:#}");
    rehelm_core::plan::Plan::from_json(&text).expect("a good plan");
    run("plan", bodies::plan, &[text.into_bytes()]);
}

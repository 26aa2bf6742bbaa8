//! How fast a database is copied and proven: side by side the ways that documents can go, the proof, a plain read, and, where
//! those are installed, mongodump | mongorestore. Every round does everything once, so that what slows the machine down meets
//! all of them. Figures are those of the server that answers: the testbed's stand-in unless `TEST_MONGO_URI` names another.
//! Nothing is judged.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use mongodb::Client;
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_core::ports::{Databases, How, Way};
use rehelm_testbed::mongo::{Face, Options, Server};

const FROM: &str = "bench_from";
const TO: &str = "bench_to";
const COLLECTIONS: [&str; 4] = ["one", "two", "three", "four"];

const SERVER: &str = "copy, inside the server";
const STREAM: &str = "copy, one stream a collection";
const RANGES: &str = "copy, four ranges a collection";
const BOTH: &str = "proof of both sides at once";
const ONE: &str = "proof of one side";
const READ: &str = "plain read of one side";
const READ_TWICE: &str = "plain reads of both sides";
const SAME: &str = "comparing ranges, nothing differs";
const PIPE: &str = "mongodump | mongorestore";

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// The most memory that this process ever had, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    words.unwrap_or(0) / 1024
}

async fn fill(client: &Client, documents: u64) {
    let db = client.database(FROM);
    db.drop().await.expect("drops");
    for name in COLLECTIONS {
        let own = db.collection::<Document>(name);
        for from in (0..documents / 4).step_by(1000) {
            let to = (from + 1000).min(documents / 4);
            let batch = (from..to).map(|n| {
                let n = n as i64;
                doc! { "_id": bson::oid::ObjectId::new(), "n": n, "who": format!("user {}", n % 977), "text": "x".repeat(850),
                "at": bson::DateTime::from_millis(n), "below": { "a": [n, n + 1], "b": true } }
            });
            own.insert_many(batch).await.expect("inserts");
        }
        for (name, key) in [("n", doc! { "n": 1 }), ("who", doc! { "who": 1, "n": -1 })] {
            let own_name = own.name().to_owned();
            let index = doc! { "key": key, "name": name };
            let command = doc! { "createIndexes": own_name, "indexes": [index] };
            db.run_command(command).await.expect("an index");
        }
    }
}

fn tools() -> bool {
    ["mongodump", "mongorestore"].iter().all(|tool| {
        let mut run = Command::new(tool);
        run.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        run.status().is_ok_and(|status| status.success())
    })
}

/// How dump and restore through a pipe ended.
struct Piped {
    dump: Option<i32>,
    restore: Option<i32>,
    /// What they called a failure, up to where a URI could follow.
    failures: Vec<String>,
}

fn dump_and_restore(uri: &str) -> Piped {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    // The URI holds a password, which belongs into no argument. Without `authSource`, `--db` would be taken for it.
    let source = if uri.contains('?') { "" } else { "?authSource=admin" };
    std::fs::write(file("config.yaml"), format!("uri: {uri}{source}\n")).expect("written");
    let config = format!("--config={}", file("config.yaml").display());
    let said = |name: &str| std::fs::File::create(file(name)).expect("a file");
    let mut dump = Command::new("mongodump");
    dump.args([&config, "--db", FROM, "--archive"])
        .stdout(Stdio::piped())
        .stderr(said("dump"));
    let mut dump = dump.spawn().expect("mongodump starts");
    let mut restore = Command::new("mongorestore");
    restore.args([&config, "--archive"]).stderr(said("restore"));
    restore.args(["--nsFrom", &format!("{FROM}.*"), "--nsTo", &format!("{TO}.*")]);
    let restored = restore.stdin(dump.stdout.take().expect("a pipe")).status();
    let code = |status: std::io::Result<ExitStatus>| status.ok().and_then(|status| status.code());
    let (dump, restore) = (code(dump.wait()), code(restored));
    let failures = ["dump", "restore"].into_iter().flat_map(|name| {
        let said = std::fs::read_to_string(file(name)).unwrap_or_default();
        let lines: Vec<String> = said
            .lines()
            .filter(|line| line.contains("Failed:") || line.contains("error"))
            .map(str::to_owned)
            .collect();
        lines
            .into_iter()
            .map(|line| line.split("mongodb://").next().unwrap_or_default().to_owned())
    });
    Piped {
        dump,
        restore,
        failures: failures.collect(),
    }
}

/// Reads every document once, as plainly as the driver can, one collection after the other.
async fn read(client: &Client) -> u64 {
    let mut bytes = 0;
    for name in COLLECTIONS {
        let own = client.database(FROM).collection::<RawDocumentBuf>(name);
        let mut cursor = own.find(doc! {}).batch_size(1000).await.expect("finds");
        while cursor.advance().await.expect("goes on") {
            bytes += cursor.current().as_bytes().len() as u64;
        }
    }
    bytes
}

/// Seconds of each round, under what was done.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<f64>)>);

impl Times {
    fn add(&mut self, name: &'static str, time: Duration) {
        match self.0.iter_mut().find(|(own, _)| *own == name) {
            Some((_, all)) => all.push(time.as_secs_f64()),
            None => self.0.push((name, vec![time.as_secs_f64()])),
        }
    }

    /// The smallest and the middle one.
    fn of(&self, name: &str) -> Option<(f64, f64)> {
        let (_, all) = self.0.iter().find(|(own, _)| *own == name)?;
        let mut sorted = all.clone();
        sorted.sort_by(f64::total_cmp);
        Some((*sorted.first()?, *sorted.get(sorted.len() / 2)?))
    }

    fn show(&self, bytes: u64) {
        println!("{:<44}{:>9}{:>9}{:>13}", "seconds", "least", "median", "MB a second");
        for (name, _) in &self.0 {
            if let Some((least, median)) = self.of(name) {
                let rate = bytes as f64 / 1e6 / median;
                println!("{name:<44}{least:>9.2}{median:>9.2}{rate:>13.1}");
            }
        }
    }

    /// How much of the one the other ones take together, by their medians and by their least.
    fn ratio(&self, what: &str, parts: &[&str], of: &str) {
        let parts: Option<Vec<_>> = parts.iter().map(|part| self.of(part)).collect();
        let (Some(parts), Some(of)) = (parts, self.of(of)) else {
            return;
        };
        let least: f64 = parts.iter().map(|part| part.0).sum();
        let median: f64 = parts.iter().map(|part| part.1).sum();
        println!(
            "{what}: {:.2} by the medians, {:.2} by the least",
            median / of.1,
            least / of.0
        );
    }
}

#[tokio::main]
async fn main() {
    let (server, uri) = match std::env::var("TEST_MONGO_URI") {
        Ok(uri) => (None, uri),
        Err(_) => {
            let options = Options {
                face: Face::V7_0,
                ..Options::default()
            };
            match Server::start(options) {
                Ok(server) => {
                    let uri = server.uri();
                    (Some(server), uri)
                }
                Err(why) => {
                    println!("SKIPPED: {why}");
                    return;
                }
            }
        }
    };
    let client = Client::with_uri_str(format!("{uri}?directConnection=true"))
        .await
        .expect("a driver");
    let mongo = Mongo::connect(&Login::uri(uri.clone().into())).await.expect("connects");
    let (documents, rounds) = (number("BENCH_DOCUMENTS", 100_000), number("BENCH_ROUNDS", 3));
    fill(&client, documents).await;
    let proof = mongo.prove(FROM, None).await.expect("proves");
    let bytes: u64 = proof.values().map(|own| own.bytes).sum();
    let which = if server.is_some() {
        "the testbed's stand-in (mongo-java-server), no MongoDB"
    } else {
        "TEST_MONGO_URI"
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("unknown").to_owned();
    println!("server: {which}; {cores} cores for it and for its clients; load before: {load}");
    let size = bytes / 1_000_000;
    println!("{documents} documents in 4 collections, {size} MB, 8 indexes; {rounds} rounds");
    let (mut times, tools) = (Times::default(), tools());
    for round in 1..=rounds {
        once(&client, &mongo, &uri, tools, &mut times).await;
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!(
            "round {round} is done; load {}",
            load.split_whitespace().next().unwrap_or_default()
        );
    }
    times.show(bytes);
    if tools {
        times.ratio(
            "inside the server, proof included, of mongodump | mongorestore",
            &[SERVER, BOTH],
            PIPE,
        );
        times.ratio(
            "as a stream, proof included, of mongodump | mongorestore",
            &[STREAM, BOTH],
            PIPE,
        );
    } else {
        println!("mongodump | mongorestore: not on PATH");
    }
    times.ratio("proof of one side, of a plain read of it", &[ONE], READ);
    times.ratio(
        "proof of both sides at once, of plain reads of both",
        &[BOTH],
        READ_TWICE,
    );
    println!("most memory of this process: {} MiB", peak());
    for name in [FROM, TO] {
        mongo.drop_database(name).await.expect("drops");
    }
}

/// One round.
async fn once(client: &Client, mongo: &Mongo, uri: &str, tools: bool, times: &mut Times) {
    let begin = Instant::now();
    let proof = mongo.prove(FROM, None).await.expect("proves");
    times.add(ONE, begin.elapsed());
    let begin = Instant::now();
    let read = read(client).await;
    times.add(READ, begin.elapsed());
    times.add(READ_TWICE, begin.elapsed() * 2);
    assert_eq!(read, proof.values().map(|own| own.bytes).sum::<u64>());
    for (name, way) in [(STREAM, Way::Stream), (RANGES, Way::Ranges), (SERVER, Way::Server)] {
        mongo.drop_database(TO).await.expect("drops");
        let how = How { way, ..How::default() };
        let begin = Instant::now();
        mongo.copy(FROM, TO, &how, &|_, _, _| {}).await.expect("copies");
        times.add(name, begin.elapsed());
        let begin = Instant::now();
        let both = futures::try_join!(mongo.prove(FROM, None), mongo.prove(TO, None)).expect("proves");
        times.add(BOTH, begin.elapsed());
        assert_eq!(both.0, both.1, "{name}");
    }
    let begin = Instant::now();
    let done = mongo
        .level(FROM, TO, &How::default(), &|_, _, _| {})
        .await
        .expect("levels");
    times.add(SAME, begin.elapsed());
    assert_eq!(done.documents(), 0);
    if !tools {
        return;
    }
    mongo.drop_database(TO).await.expect("drops");
    let begin = Instant::now();
    let piped = dump_and_restore(uri);
    let took = begin.elapsed();
    let arrived = mongo.prove(TO, None).await.ok();
    if (piped.dump, piped.restore) != (Some(0), Some(0)) || arrived.as_ref() != Some(&proof) {
        let count = |own: &rehelm_core::ports::DatabaseProof| own.values().map(|own| own.documents).sum::<u64>();
        let arrived = arrived.as_ref().map_or(0, count);
        println!(
            "mongodump | mongorestore: exit codes {:?} and {:?}, {arrived} of {} documents arrived: not counted",
            piped.dump,
            piped.restore,
            count(&proof)
        );
        piped.failures.iter().for_each(|line| println!("  {line}"));
        return;
    }
    times.add(PIPE, took);
}

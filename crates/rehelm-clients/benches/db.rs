//! How fast a database is copied and proven: side by side the ways that documents can go, the proof, and, where those are
//! installed, mongodump | mongorestore. Figures are those of the server that answers: the testbed's stand-in unless
//! `TEST_MONGO_URI` names another. Nothing is judged.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_core::ports::{Databases, How, Way};
use rehelm_testbed::mongo::{Face, Options, Server};

const FROM: &str = "bench_from";
const TO: &str = "bench_to";

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
    for name in ["one", "two", "three", "four"] {
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

/// Dump and restore through a pipe; both exit codes count.
fn dump_and_restore(uri: &str) -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.yaml");
    // The URI holds a password, which belongs into no argument.
    std::fs::write(&config, format!("uri: {uri}\n")).expect("written");
    let config = format!("--config={}", config.display());
    let mut dump = Command::new("mongodump");
    dump.args([&config, "--db", FROM, "--archive", "--quiet"])
        .stdout(Stdio::piped());
    let mut dump = dump.spawn().expect("mongodump starts");
    let mut restore = Command::new("mongorestore");
    restore.args([&config, "--archive", "--quiet"]);
    restore.args(["--nsFrom", &format!("{FROM}.*"), "--nsTo", &format!("{TO}.*")]);
    let restored = restore.stdin(dump.stdout.take().expect("a pipe")).status();
    let restored = restored.is_ok_and(|status| status.success());
    dump.wait().is_ok_and(|status| status.success()) && restored
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
    let documents = number("BENCH_DOCUMENTS", 100_000);
    fill(&client, documents).await;
    let begin = Instant::now();
    let proof = mongo.prove(FROM, None).await.expect("proves");
    let proving = begin.elapsed();
    let bytes: u64 = proof.values().map(|own| own.bytes).sum();
    let which = if server.is_some() {
        "the testbed's stand-in, no MongoDB"
    } else {
        "TEST_MONGO_URI"
    };
    println!("server: {which}");
    println!(
        "{documents} documents in 4 collections, {} MB, 8 indexes",
        bytes / 1_000_000
    );
    println!("{:<34}{:>9}{:>12}{:>8}", "", "seconds", "MB a second", "ratio");
    let mut first = None;
    let mut show = |name: &str, time: Duration| {
        let seconds = time.as_secs_f64();
        let base = *first.get_or_insert(seconds);
        let rate = bytes as f64 / 1e6 / seconds;
        println!("{name:<34}{seconds:>9.2}{rate:>12.1}{:>8.2}", seconds / base);
    };
    for (name, way) in [
        ("copy, inside the server", Way::Server),
        ("copy, one stream a collection", Way::Stream),
        ("copy, four ranges a collection", Way::Ranges),
    ] {
        mongo.drop_database(TO).await.expect("drops");
        let how = How { way, ..How::default() };
        let begin = Instant::now();
        mongo.copy(FROM, TO, &how, &|_, _, _| {}).await.expect("copies");
        show(name, begin.elapsed());
        assert_eq!(mongo.prove(TO, None).await.expect("proves"), proof, "{name}");
    }
    show("proof of one side", proving);
    let begin = Instant::now();
    let both = futures::try_join!(mongo.prove(FROM, None), mongo.prove(TO, None)).expect("proves");
    show("proof of both sides at once", begin.elapsed());
    assert_eq!(both.0, both.1);
    let begin = Instant::now();
    let done = mongo
        .level(FROM, TO, &How::default(), &|_, _, _| {})
        .await
        .expect("levels");
    show("comparing ranges, nothing differs", begin.elapsed());
    assert_eq!(done.documents(), 0);
    let changed = documents / 100;
    let own = client.database(FROM).collection::<Document>("one");
    let filter = doc! { "n": { "$lt": changed as i64 } };
    own.delete_many(filter).await.expect("deletes");
    let begin = Instant::now();
    let done = mongo
        .level(FROM, TO, &How::default(), &|_, _, _| {})
        .await
        .expect("levels");
    show("comparing ranges, 1 % differs", begin.elapsed());
    assert!(done.deleted > 0);
    if tools() {
        mongo.drop_database(TO).await.expect("drops");
        let begin = Instant::now();
        let well = dump_and_restore(&uri);
        show("mongodump | mongorestore", begin.elapsed());
        let equal = mongo.prove(TO, None).await.ok() == mongo.prove(FROM, None).await.ok();
        println!(
            "{:<34}exit codes {}, copy {}",
            "",
            if well { "0" } else { "not 0" },
            if equal { "equal" } else { "NOT EQUAL" }
        );
    } else {
        println!("mongodump | mongorestore: not on PATH");
    }
    println!("most memory of this process: {} MiB", peak());
    for name in [FROM, TO] {
        mongo.drop_database(name).await.expect("drops");
    }
}

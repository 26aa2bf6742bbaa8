//! Copies and proofs that end at any batch and go on there; rates; servers that step down, are full, or hold a foreign key.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_core::ports::{Databases, How, Notebook, PortError, PortResult, Way};
use rehelm_testbed::mongo::{Effect, Face, Fault, Options, Server};

use super::mongo_support::{documents, place, quiet, skipped};

/// A notebook in memory. When its pages are used up it fails, as if the process had died there.
#[derive(Default)]
struct Pages {
    notes: Mutex<BTreeMap<String, String>>,
    left: Mutex<Option<u32>>,
}

impl Notebook for Pages {
    fn read(&self, key: &str) -> PortResult<Option<String>> {
        Ok(self.notes.lock().expect("no panic").get(key).cloned())
    }

    fn write(&self, key: &str, value: &str) -> PortResult<()> {
        if let Some(left) = self.left.lock().expect("no panic").as_mut() {
            *left = left.checked_sub(1).ok_or_else(|| PortError::Other("killed".into()))?;
        }
        self.notes.lock().expect("no panic").insert(key.into(), value.into());
        Ok(())
    }

    fn forget(&self, key: &str) -> PortResult<()> {
        self.notes.lock().expect("no panic").remove(key);
        Ok(())
    }
}

impl Pages {
    fn with(left: u32) -> Self {
        Self {
            left: Mutex::new(Some(left)),
            ..Self::default()
        }
    }
}

/// Documents whose `_id`s are of every type that a server keeps.
fn of_many_types(each: i64) -> Vec<Document> {
    let ids = |n: i64| -> Vec<Bson> {
        vec![
            Bson::Int64(n),
            Bson::Double(n as f64 + 0.5),
            Bson::String(format!("s{n:04}")),
            doc! { "a": n }.into(),
            bson::oid::ObjectId::from_bytes([vec![1; 4], n.to_be_bytes().to_vec()].concat().try_into().expect("12"))
                .into(),
            bson::DateTime::from_millis(n).into(),
            bson::Timestamp {
                time: 1,
                increment: n as u32 + 1,
            }
            .into(),
        ]
    };
    let ends = [Bson::MinKey, true.into(), false.into(), Bson::MaxKey];
    // The stand-in sorts NaN last (servers: first) and makes up an `_id` where an upsert names null.
    let real = [Bson::Null, Bson::Double(f64::NAN)]
        .into_iter()
        .filter(|_| std::env::var("TEST_MONGO_URI").is_ok());
    let all = (0..each).flat_map(ids).chain(ends).chain(real);
    all.map(|id| doc! { "_id": id, "v": "x".repeat(40) }).collect()
}

async fn killed_at_every_batch(way: Way, name: &str, count: i64) {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    let (from, to) = (name.to_owned(), format!("{name}_to"));
    let db = place.driver().await.database(&from);
    db.drop().await.expect("drops");
    db.collection("docs")
        .insert_many(of_many_types(count))
        .await
        .expect("inserts");
    let before = mongo.prove(&from, None).await.expect("proves");
    let mut resumed_later = 0;
    for kill in 0.. {
        mongo.drop_database(&to).await.expect("drops");
        let pages = Pages::with(kill);
        let how = How {
            way,
            notebook: Some(&pages),
            ..How::default()
        };
        let outcome = mongo.copy(&from, &to, &how, &quiet).await;
        if outcome.is_ok() {
            assert!(kill > 3, "only {kill} notes were written");
            break;
        }
        *pages.left.lock().expect("no panic") = None;
        let first = Mutex::new(None);
        let watch = |_: &str, documents: u64, _: u64| {
            first.lock().expect("no panic").get_or_insert(documents);
        };
        mongo
            .copy(&from, &to, &how, &watch)
            .await
            .unwrap_or_else(|error| panic!("after {kill}: {error}"));
        let found = mongo.compare(&from, &to, 5).await.expect("compares");
        assert!(found.equal(), "killed after {kill} notes: {found:?}");
        assert_eq!(
            mongo.prove(&to, None).await.expect("proves"),
            before,
            "killed after {kill} notes"
        );
        resumed_later += u32::from(kill > 0);
        assert!(pages.notes.lock().expect("no panic").is_empty(), "notes are forgotten");
    }
    assert!(resumed_later >= 3);
    mongo.drop_database(&to).await.expect("drops");
    mongo.drop_database(&from).await.expect("drops");
}

#[tokio::test]
async fn a_stream_killed_at_every_batch_is_completed() {
    killed_at_every_batch(Way::Stream, "killed_stream", 600).await;
}

#[tokio::test]
async fn ranges_killed_at_every_batch_are_completed() {
    killed_at_every_batch(Way::Ranges, "killed_ranges", 600).await;
}

#[tokio::test]
async fn a_resumed_stream_writes_only_the_rest() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    place.fill("rest", 5000).await;
    mongo.drop_database("rest_to").await.expect("drops");
    let pages = Pages::with(3);
    let how = How {
        way: Way::Stream,
        notebook: Some(&pages),
        ..How::default()
    };
    mongo.copy("rest", "rest_to", &how, &quiet).await.expect_err("killed");
    let there = mongo.prove("rest_to", None).await.expect("proves");
    let there: u64 = there.values().map(|own| own.documents).sum();
    *pages.left.lock().expect("no panic") = None;
    let written = Mutex::new(BTreeMap::<String, u64>::new());
    let watch = |name: &str, documents: u64, _: u64| {
        written.lock().expect("no panic").insert(name.to_owned(), documents);
    };
    mongo.copy("rest", "rest_to", &how, &watch).await.expect("completes");
    // The last call of each collection tells all of its documents; what was streamed is less than everything.
    assert!(there >= 3000, "{there}");
    assert!(mongo.compare("rest", "rest_to", 1).await.expect("compares").equal());
}

#[tokio::test]
async fn a_proof_that_was_interrupted_goes_on() {
    let Some(place) = place(Face::V4_2) else { return };
    let Some(server) = place.server else {
        return skipped("faults are ordered from the testbed's server only");
    };
    let mongo = place.connect().await;
    place.fill("proof", 4000).await;
    let whole = mongo.prove("proof", None).await.expect("proves");
    let pages = Pages::default();
    assert_eq!(
        mongo.prove("proof", Some(&pages)).await.expect("proves in order"),
        whole
    );
    for effect in [Effect::CloseBefore, Effect::Error(43), Effect::CloseAfter] {
        server.inject(Fault::nth("getMore", 2, effect).on("proof"));
        assert_eq!(mongo.prove("proof", Some(&pages)).await.expect("goes on"), whole);
    }
    // One collection is noted, the process dies, the next one reads only the other.
    *pages.left.lock().expect("no panic") = Some(1);
    mongo.prove("proof", Some(&pages)).await.expect_err("killed");
    *pages.left.lock().expect("no panic") = None;
    assert_eq!(pages.notes.lock().expect("no panic").len(), 1);
    assert_eq!(mongo.prove("proof", Some(&pages)).await.expect("completes"), whole);
    assert!(pages.notes.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn a_rate_is_kept_and_a_queue_makes_room() {
    let Some(place) = place(Face::V7_0) else { return };
    let mongo = place.connect().await;
    place.fill("slow", 2000).await;
    mongo.drop_database("slow_to").await.expect("drops");
    let bytes = mongo.prove("slow", None).await.expect("proves");
    let bytes: u64 = bytes.values().map(|own| own.bytes).sum();
    let how = How {
        max_rate: Some(bytes),
        ..How::default()
    };
    let begin = Instant::now();
    mongo.copy("slow", "slow_to", &how, &quiet).await.expect("copies");
    assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());
    let Some(server) = place.server else {
        return skipped("the queue is the testbed's server's");
    };
    mongo.drop_database("slow_to").await.expect("drops");
    server.set_queue(50);
    let begin = Instant::now();
    let how = How {
        way: Way::Stream,
        ..How::default()
    };
    let (copied, ()) = tokio::join!(mongo.copy("slow", "slow_to", &how, &quiet), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        server.set_queue(0);
    });
    copied.expect("copies");
    assert!(
        begin.elapsed() >= Duration::from_millis(600),
        "it went on while others waited"
    );
    assert!(mongo.compare("slow", "slow_to", 1).await.expect("compares").equal());
}

/// A set of two members of its own, so that no other test meets the change of primary.
#[tokio::test]
async fn the_primary_is_found_and_found_again() {
    if std::env::var("TEST_MONGO_URI").is_ok() {
        return skipped("a primary steps down on the testbed's server only");
    }
    let server = match Server::start_members(Options::default(), 2) {
        Ok(server) => server,
        Err(error) if error.is_unavailable() => return skipped(&error.to_string()),
        Err(error) => panic!("{error}"),
    };
    let connect = async || {
        Mongo::connect(&Login::uri(server.uri().into()))
            .await
            .expect("connects")
    };
    let mongo = connect().await;
    let driver = mongodb::Client::with_uri_str(format!("{}?directConnection=true", server.uri()))
        .await
        .expect("a driver");
    driver
        .database("set")
        .collection("docs")
        .insert_many(documents(5000))
        .await
        .expect("inserts");
    // In the middle of a stream.
    let how = How {
        way: Way::Stream,
        ..How::default()
    };
    let stepped = Mutex::new(false);
    let watch = |_: &str, documents: u64, _: u64| {
        let mut stepped = stepped.lock().expect("no panic");
        if documents >= 2000 && !*stepped {
            server.step_down();
            *stepped = true;
        }
    };
    mongo
        .copy("set", "set_to", &how, &watch)
        .await
        .expect("goes on with the new primary");
    assert!(*stepped.lock().expect("no panic"));
    assert!(mongo.compare("set", "set_to", 1).await.expect("compares").equal());
    // From the beginning: the URI names what is a secondary now.
    let again = connect().await;
    again.drop_database("set_to").await.expect("drops on the primary");
    server.step_down();
    again
        .copy("set", "set_to", &How::default(), &quiet)
        .await
        .expect("copies on the first again");
    assert!(again.compare("set", "set_to", 1).await.expect("compares").equal());
}

#[tokio::test]
async fn a_full_disk_and_a_foreign_key_are_told_and_nothing_is_lost() {
    let Some(place) = place(Face::V4_2) else { return };
    let Some(server) = place.server else {
        return skipped("faults are ordered from the testbed's server only");
    };
    let mongo = place.connect().await;
    place.fill("full", 2500).await;
    mongo.drop_database("full_to").await.expect("drops");
    let how = How {
        way: Way::Stream,
        ..How::default()
    };
    // 14031: out of disk space.
    server.inject(Fault::nth("insert", 2, Effect::Error(14031)).on("full_to"));
    let error = mongo.copy("full", "full_to", &how, &quiet).await.expect_err("full");
    assert!(error.to_string().contains("14031"), "{error}");
    mongo
        .copy("full", "full_to", &how, &quiet)
        .await
        .expect("when there is room again");
    assert!(mongo.compare("full", "full_to", 1).await.expect("compares").equal());
    // A document of somebody else under a key that an index makes unique.
    let to = place
        .driver()
        .await
        .database("full_to")
        .collection::<Document>("people");
    to.delete_one(doc! { "n": 7 }).await.expect("deletes");
    to.insert_one(doc! { "_id": "stranger", "n": 7_i64, "text": "text 7" })
        .await
        .expect("inserts");
    let error = mongo
        .copy("full", "full_to", &how, &quiet)
        .await
        .expect_err("in the way");
    assert!(
        error.to_string().contains("11000") || matches!(error, PortError::Conflict(..)),
        "{error}"
    );
    assert!(
        to.find_one(doc! { "_id": "stranger" }).await.expect("finds").is_some(),
        "it stays"
    );
    // Levelling is for copies that are this tool's own.
    let done = mongo
        .level("full", "full_to", &How::default(), &quiet)
        .await
        .expect("levels");
    assert_eq!((done.inserted, done.deleted), (1, 1));
    assert!(mongo.compare("full", "full_to", 1).await.expect("compares").equal());
}

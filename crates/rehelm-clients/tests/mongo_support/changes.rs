//! Change streams through the driver: what is told, resumed, lost, cut off in the middle.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use mongodb::change_stream::event::ResumeToken;
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_core::ports::{Change, ChangeBatch, Changes, Databases, DocumentId};
use rehelm_testbed::mongo::{Effect, Face, Fault, Options, Server};

use super::mongo_support::{Place, place, skipped};

const FACES: [Face; 2] = [Face::V4_2, Face::V7_0];
const WAIT: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(60);

type Seen = BTreeSet<(String, DocumentId)>;

fn document(collection: &str, id: impl Into<Bson>) -> (String, DocumentId) {
    let id = bson::to_vec(&doc! { "_id": id.into() }).expect("BSON");
    (collection.into(), DocumentId(id))
}

/// A server of the test's own, whose log can be trimmed and whose primary can step down.
fn own(face: Face, members: usize) -> Option<Server> {
    if std::env::var("TEST_MONGO_URI").is_ok() {
        skipped("faults are ordered from the testbed's server only");
        return None;
    }
    let options = Options {
        face,
        ..Options::default()
    };
    match Server::start_members(options, members) {
        Ok(server) => Some(server),
        Err(error) if error.is_unavailable() => {
            skipped(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

async fn connect(uri: String) -> Mongo {
    Mongo::connect(&Login::uri(uri.into())).await.expect("root may log in")
}

async fn driver(uri: String) -> mongodb::Client {
    let place = Place { uri, server: None };
    place.driver().await
}

async fn batch(record: &mut dyn Changes) -> ChangeBatch {
    record.next(WAIT).await.expect("answers").expect("not lost")
}

/// Follows until all of these were told. Answers everything that was told, and the newest token.
async fn follow(record: &mut dyn Changes, wanted: &Seen) -> (Seen, Vec<Change>, String) {
    let (mut seen, mut others, mut token) = (Seen::new(), Vec::new(), None);
    let begin = Instant::now();
    while !wanted.is_subset(&seen) {
        assert!(begin.elapsed() < LONGEST, "only {seen:?} of {wanted:?}");
        let batch = batch(record).await;
        token = batch.token.or(token);
        for change in batch.changes {
            match change {
                Change::Document { collection, id } => {
                    seen.insert((collection, id));
                }
                other => others.push(other),
            }
        }
    }
    (seen, others, token.expect("a token"))
}

/// One `_id` of each type, each in two collections: inserted, then updated, replaced or deleted.
async fn write_some(db: &mongodb::Database) -> Seen {
    let binary = bson::Binary {
        subtype: bson::spec::BinarySubtype::Uuid,
        bytes: (0..16).collect(),
    };
    let ids: Vec<Bson> = vec![
        "text".into(),
        7.into(),
        8_i64.into(),
        2.5.into(),
        doc! { "a": 1, "b": "c" }.into(),
        binary.into(),
        bson::oid::ObjectId::new().into(),
        bson::DateTime::from_millis(5).into(),
    ];
    let mut written = Seen::new();
    for (n, id) in ids.into_iter().enumerate() {
        for name in ["one", "two"] {
            let own = db.collection::<Document>(name);
            let key = doc! { "_id": id.clone() };
            own.insert_one(doc! { "_id": id.clone(), "n": n as i32 })
                .await
                .expect("inserts");
            let did = match n % 4 {
                0 => own
                    .update_one(doc! { "n": n as i32 }, doc! { "$set": { "m": 1 } })
                    .await
                    .map(drop),
                1 => own.replace_one(key, doc! { "k": 1 }).await.map(drop),
                2 => own.delete_one(doc! { "n": n as i32 }).await.map(drop),
                _ => own.find_one_and_delete(key).await.map(drop),
            };
            did.expect("writes");
            written.insert(document(name, id.clone()));
        }
    }
    written
}

#[tokio::test]
async fn what_is_written_is_told_and_nothing_older() {
    for face in FACES {
        let Some(place) = place(face) else { return };
        let mongo = place.connect().await;
        let db = place.driver().await.database("told");
        db.drop().await.expect("drops");
        db.collection("one")
            .insert_one(doc! { "_id": "older" })
            .await
            .expect("inserts");
        let Some(mut record) = mongo.changes("told", None).await.expect("opens") else {
            return skipped("this server has no change streams");
        };
        let mut wanted = write_some(&db).await;
        // Upserts, many at once, and a merge on the server.
        let one = db.collection::<Document>("one");
        let upsert = one
            .update_one(doc! { "_id": "up" }, doc! { "$set": { "s": 1 } })
            .upsert(true);
        upsert.await.expect("upserts");
        one.insert_many([doc! { "_id": "m1", "s": 2 }, doc! { "_id": "m2", "s": 2 }])
            .await
            .expect("inserts");
        one.delete_many(doc! { "s": 2 }).await.expect("deletes");
        let merge = [
            doc! { "$match": { "_id": "up" } },
            doc! { "$merge": { "into": "merged" } },
        ];
        one.aggregate(merge).await.expect("merges");
        db.collection("system_like")
            .insert_one(doc! { "_id": 1 })
            .await
            .expect("inserts");
        wanted.extend(["up", "m1", "m2"].map(|id| document("one", id)));
        wanted.extend([document("merged", "up"), document("system_like", 1)]);
        let (seen, others, _) = follow(&mut *record, &wanted).await;
        assert_eq!((seen, others), (wanted, vec![]), "{face:?}");
        drop(record);
        db.drop().await.expect("drops");
    }
}

#[tokio::test]
async fn a_token_goes_on_where_another_client_ended() {
    for face in FACES {
        let Some(place) = place(face) else { return };
        let db = place.driver().await.database("resumed");
        db.drop().await.expect("drops");
        db.collection("one")
            .insert_one(doc! { "_id": "first" })
            .await
            .expect("inserts");
        let mongo = place.connect().await;
        let Some(mut record) = mongo.changes("resumed", None).await.expect("opens") else {
            return skipped("this server has no change streams");
        };
        // Of an event whose token has more to it than others.
        db.collection("one")
            .insert_one(doc! { "_id": 9_i64 })
            .await
            .expect("inserts");
        let (_, _, token) = follow(&mut *record, &[document("one", 9_i64)].into()).await;
        drop((record, mongo));
        let wanted = write_some(&db).await;
        let mongo = place.connect().await;
        for _ in 0..2 {
            let mut record = mongo
                .changes("resumed", Some(&token))
                .await
                .expect("opens")
                .expect("follows");
            let (seen, ..) = follow(&mut *record, &wanted).await;
            assert_eq!(seen, wanted, "{face:?}");
        }
        db.drop().await.expect("drops");
    }
}

#[tokio::test]
async fn an_idle_stream_advances_and_a_slow_writer_holds_nothing_up() {
    for face in FACES {
        let Some(server) = own(face, 1) else { return };
        let (mongo, driver) = (connect(server.uri()).await, driver(server.uri()).await);
        let mut record = mongo.changes("idle", None).await.expect("opens").expect("follows");
        let begin = batch(&mut *record).await.token.expect("a token");
        driver
            .database("other")
            .collection("a")
            .insert_one(doc! { "a": 1 })
            .await
            .expect("inserts");
        let later = batch(&mut *record).await;
        assert!(later.changes.is_empty());
        assert!(later.token.expect("a token") > begin);
        let slow = async {
            for n in 0.. {
                driver
                    .database("idle")
                    .collection("a")
                    .insert_one(doc! { "_id": n })
                    .await
                    .expect("inserts");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let begin = Instant::now();
        let told = tokio::select! {
            told = record.next(Duration::from_millis(300)) => told.expect("answers").expect("not lost"),
            () = slow => unreachable!("it never ends"),
        };
        assert!(
            !told.changes.is_empty() && begin.elapsed() < Duration::from_secs(20),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn a_stream_survives_what_happens_to_its_connection() {
    for face in FACES {
        let Some(server) = own(face, 2) else { return };
        let (mongo, driver) = (connect(server.uri()).await, driver(server.uri()).await);
        let mut record = mongo.changes("cut", None).await.expect("opens").expect("follows");
        let one = driver.database("cut").collection::<Document>("one");
        for (n, what) in ["cut", "close", "cursor", "stepping"].into_iter().enumerate() {
            let n = n as i32;
            match what {
                "cut" => {}
                "close" => server.inject(Fault::nth("getMore", 1, Effect::CloseBefore).on("cut")),
                "cursor" => server.inject(Fault::nth("getMore", 1, Effect::Error(43)).on("cut")),
                _ => server.inject(Fault::nth("getMore", 1, Effect::Error(189)).on("cut")),
            }
            // Before, and while the stream was gone.
            one.insert_one(doc! { "_id": 2 * n }).await.expect("inserts");
            let wanted = [document("one", 2 * n), document("one", 2 * n + 1)].into();
            let disturb = async {
                server.stream_waits().await;
                if what == "cut" {
                    server.cut_streams();
                }
                one.insert_one(doc! { "_id": 2 * n + 1 }).await.expect("inserts");
            };
            tokio::join!(follow(&mut *record, &wanted), disturb);
        }
        assert_eq!(server.clear_faults(), 0);
        // The primary steps down while the stream waits.
        let step = async {
            server.stream_waits().await;
            server.step_down();
            let port = server.ports()[1];
            let uri = server
                .uri()
                .replace(&format!(":{}/", server.port()), &format!(":{port}/"));
            let there = self::driver(uri).await.database("cut");
            there
                .collection("one")
                .insert_one(doc! { "_id": "new primary" })
                .await
                .expect("inserts");
        };
        let wanted = [document("one", "new primary")].into();
        tokio::join!(follow(&mut *record, &wanted), step);
    }
}

#[tokio::test]
async fn a_window_that_moved_on_is_told() {
    for face in FACES {
        let Some(server) = own(face, 1) else { return };
        let (mongo, driver) = (connect(server.uri()).await, driver(server.uri()).await);
        let one = driver.database("window").collection::<Document>("one");
        let mut record = mongo.changes("window", None).await.expect("opens").expect("follows");
        let token = batch(&mut *record).await.token.expect("a token");
        one.insert_one(doc! { "_id": 1 }).await.expect("inserts");
        one.insert_one(doc! { "_id": 2 }).await.expect("inserts");
        server.forget_events();
        assert!(
            record.next(WAIT).await.expect("answers").is_none(),
            "{face:?}: while it runs"
        );
        let mut again = mongo
            .changes("window", Some(&token))
            .await
            .expect("opens")
            .expect("a record");
        assert!(
            again.next(WAIT).await.expect("answers").is_none(),
            "{face:?}: when it is opened"
        );
    }
}

#[tokio::test]
async fn a_dropped_database_and_collection_are_told() {
    for face in FACES {
        let Some(place) = place(face) else { return };
        let mongo = place.connect().await;
        let db = place.driver().await.database("dropped");
        db.drop().await.expect("drops");
        for name in ["one", "two"] {
            db.collection(name)
                .insert_one(doc! { "_id": 1 })
                .await
                .expect("inserts");
        }
        let Some(mut record) = mongo.changes("dropped", None).await.expect("opens") else {
            return skipped("this server has no change streams");
        };
        db.collection::<Document>("one").drop().await.expect("drops");
        let told = batch(&mut *record).await;
        assert_eq!(told.changes, [Change::Other(Some("one".into()))]);
        db.drop().await.expect("drops");
        // Everything is compared then, by whatever comes first: the events, or that it ended.
        let begin = Instant::now();
        while record.next(WAIT).await.expect("answers").is_some() {
            assert!(begin.elapsed() < LONGEST, "it never ends");
        }
        // A token of the end itself, which no stream goes on from.
        let stream = db
            .watch()
            .resume_after(serde_json::from_str::<ResumeToken>(&told.token.expect("a token")).expect("a token"));
        let mut stream = stream.await.expect("opens");
        let mut end = None;
        loop {
            match stream.next_if_any().await.expect("answers") {
                Some(_) => end = stream.resume_token(),
                None if !stream.is_alive() => break,
                None => {}
            }
        }
        let end = serde_json::to_string(&end.expect("a token")).expect("JSON");
        let mut record = mongo
            .changes("dropped", Some(&end))
            .await
            .expect("opens")
            .expect("a record");
        assert!(record.next(WAIT).await.expect("answers").is_none(), "{face:?}");
    }
}

#[tokio::test]
async fn a_standalone_server_has_none() {
    let options = Options {
        replica_set: None,
        ..Options::default()
    };
    let Ok(server) = Server::start(options) else {
        return skipped("no server");
    };
    assert!(
        connect(server.uri())
            .await
            .changes("a", None)
            .await
            .expect("asks")
            .is_none()
    );
    let error = driver(server.uri())
        .await
        .database("a")
        .watch()
        .await
        .expect_err("refused");
    assert!(error.to_string().contains("40573"), "{error}");
}

//! The database client on a database server: the testbed's stand-in, showing itself as 4.2 and as 7.0, or the server
//! that `TEST_MONGO_URI` names (then tests that order faults say that they are skipped).

mod mongo_support;

#[path = "mongo_support/broken.rs"]
mod broken;
#[path = "mongo_support/changes.rs"]
mod changes;
#[path = "mongo_support/followed.rs"]
mod followed;
#[path = "mongo_support/logins.rs"]
mod logins;
#[path = "mongo_support/random.rs"]
mod random;
#[path = "mongo_support/resumed.rs"]
mod resumed;
#[path = "mongo_support/shapes.rs"]
mod shapes;
#[path = "mongo_support/sides.rs"]
mod sides;

use bson::{Bson, doc};
use mongo_support::{documents, place, quiet, skipped};
use rehelm_core::ports::{Databases, How, PortError};
use rehelm_testbed::mongo::Face;

async fn a_copy_is_equal(face: Face) {
    let Some(place) = place(face) else { return };
    let mongo = place.connect().await;
    place.fill("copy_from", 2500).await;
    let seen = std::sync::Mutex::new(std::collections::BTreeMap::new());
    let progress = |name: &str, documents: u64, _: u64| {
        seen.lock().expect("no panic").insert(name.to_owned(), documents);
    };
    let before = mongo.prove("copy_from", None).await.expect("proves");
    mongo
        .copy("copy_from", "copy_to", &How::default(), &progress)
        .await
        .expect("copies");
    let proof = mongo.prove("copy_to", None).await.expect("proves");
    assert_eq!(proof, before);
    assert_eq!(
        proof,
        mongo.prove("copy_from", None).await.expect("the source is as it was")
    );
    let people = &proof["people"];
    let bytes: usize = documents(0).len() + people.bytes as usize;
    assert!(people.documents == 2500 && bytes > 250_000, "{people:?}");
    assert_eq!(seen.into_inner().expect("no panic").get("people"), Some(&2500));
    // Views, options and indexes went along.
    let target = place.driver().await.database("copy_to");
    let listed = target.run_command(doc! { "listCollections": 1 }).await.expect("lists");
    let listed = listed
        .get_document("cursor")
        .expect("a cursor")
        .get_array("firstBatch")
        .expect("a batch");
    let entry = |name: &str| {
        let found = listed
            .iter()
            .filter_map(Bson::as_document)
            .find(|entry| entry.get_str("name") == Ok(name));
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!(entry("recent").get_str("type"), Ok("view"));
    let options = entry("events").get_document("options").expect("options").clone();
    assert_eq!(options.get_document("validator"), Ok(&doc! { "n": { "$gte": 0 } }));
    let indexes = target
        .collection::<bson::Document>("people")
        .list_index_names()
        .await
        .expect("lists");
    assert_eq!(indexes, ["_id_", "n_text"]);
    // Again, over itself.
    mongo
        .copy("copy_from", "copy_to", &How::default(), &quiet)
        .await
        .expect("copies again");
    assert_eq!(mongo.prove("copy_to", None).await.expect("proves"), proof);
}

#[tokio::test]
async fn a_copy_is_equal_on_4_2() {
    a_copy_is_equal(Face::V4_2).await;
}

#[tokio::test]
async fn a_copy_is_equal_on_7_0() {
    a_copy_is_equal(Face::V7_0).await;
}

#[tokio::test]
async fn one_byte_changes_the_proof() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    place.fill("byte", 100).await;
    let before = mongo.prove("byte", None).await.expect("proves");
    let people = place
        .driver()
        .await
        .database("byte")
        .collection::<bson::Document>("people");
    let set = async |text: &str| {
        people
            .update_one(doc! { "n": 50 }, doc! { "$set": { "text": text } })
            .await
            .expect("updates");
        mongo.prove("byte", None).await.expect("proves")
    };
    let after = set("text 5O").await;
    assert_eq!(
        (before["people"].documents, before["people"].bytes),
        (after["people"].documents, after["people"].bytes)
    );
    assert_ne!(before["people"].content, after["people"].content);
    assert_eq!(
        (&before["people"].shape, &before["events"]),
        (&after["people"].shape, &after["events"])
    );
    assert_eq!(set("text 50").await, before);
    people.drop_index("n_text").await.expect("drops");
    let without = mongo.prove("byte", None).await.expect("proves");
    assert_eq!(without["people"].content, before["people"].content);
    assert_ne!(without["people"].shape, before["people"].shape);
}

#[tokio::test]
async fn databases_are_listed_sized_and_dropped() {
    let Some(place) = place(Face::V7_0) else { return };
    let mongo = place.connect().await;
    place.fill("house", 100).await;
    assert!(mongo.list().await.expect("lists").contains(&"house".to_owned()));
    assert!(mongo.size("house").await.expect("sizes") > 10_000);
    assert_eq!(mongo.size("no_house").await.expect("sizes"), 0);
    mongo.drop_database("house").await.expect("drops");
    assert!(!mongo.list().await.expect("lists").contains(&"house".to_owned()));
    mongo.drop_database("house").await.expect("gone already");
    assert!(matches!(
        mongo.drop_database("admin").await,
        Err(PortError::Invalid(..))
    ));
    let facts = mongo.facts().await.expect("facts");
    assert!(facts.version.starts_with("7.0.") || place.server.is_none());
}

#[tokio::test]
async fn what_is_not_there_is_an_error() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    assert!(
        mongo
            .copy("typo", "typo_to", &How::default(), &quiet)
            .await
            .expect_err("no source")
            .is_not_found()
    );
    assert!(mongo.prove("typo", None).await.expect_err("no database").is_not_found());
    assert!(!mongo.list().await.expect("lists").contains(&"typo_to".to_owned()));
}

#[tokio::test]
async fn what_does_not_belong_in_a_copy_is_an_error_and_stays() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    place.fill("own", 10).await;
    place.fill("own_to", 10).await;
    // Same collections and options, other documents.
    let before = mongo.prove("own_to", None).await.expect("proves");
    let error = mongo
        .copy("own", "own_to", &How::default(), &quiet)
        .await
        .expect_err("other documents are there");
    assert!(matches!(error, PortError::Conflict(..)), "{error}");
    let after = mongo.prove("own_to", None).await.expect("proves");
    assert!(after["people"].documents >= before["people"].documents);
    // A collection that the source has not.
    let driver = place.driver().await;
    driver.database("own_more").drop().await.expect("drops");
    driver
        .database("own_more")
        .collection("mine")
        .insert_one(doc! { "a": 1 })
        .await
        .expect("inserts");
    let error = mongo
        .copy("own", "own_more", &How::default(), &quiet)
        .await
        .expect_err("another collection is there");
    assert!(matches!(error, PortError::Conflict(..)), "{error}");
    assert_eq!(mongo.prove("own_more", None).await.expect("proves").len(), 1);
    assert!(matches!(
        mongo.copy("own", "own", &How::default(), &quiet).await,
        Err(PortError::Invalid(..))
    ));
    assert!(matches!(
        mongo.copy("own", "admin", &How::default(), &quiet).await,
        Err(PortError::Invalid(..))
    ));
}

#[tokio::test]
async fn a_time_series_is_refused_before_anything_is_written() {
    let Some(place) = place(Face::V7_0) else { return };
    let mongo = place.connect().await;
    place.fill("series", 10).await;
    let db = place.driver().await.database("series");
    db.run_command(doc! { "create": "ticks", "timeseries": { "timeField": "at" } })
        .await
        .expect("create");
    let error = mongo
        .copy("series", "series_to", &How::default(), &quiet)
        .await
        .expect_err("time series");
    assert!(error.to_string().contains("series.ticks"), "{error}");
    assert!(!mongo.list().await.expect("lists").contains(&"series_to".to_owned()));
}

/// Of the stand-in itself: a tool that copies by `$out` meets what it would meet on real servers.
#[tokio::test]
async fn out_to_another_database_needs_4_4() {
    for (face, works) in [(Face::V4_2, false), (Face::V7_0, true)] {
        let Some(place) = place(face) else { return };
        if place.server.is_none() {
            return skipped("the version is the real server's own");
        }
        place.fill("out", 20).await;
        let driver = place.driver().await;
        let out = doc! { "$out": { "db": "out_to", "coll": "people" } };
        let command = doc! { "aggregate": "people", "pipeline": [out], "cursor": {} };
        let reply = driver.database("out").run_command(command).await;
        assert_eq!(reply.is_ok(), works, "{face:?}: {reply:?}");
        let count = driver
            .database("out_to")
            .collection::<bson::Document>("people")
            .count_documents(doc! {})
            .await;
        assert_eq!(count.expect("counts"), if works { 20 } else { 0 });
    }
}

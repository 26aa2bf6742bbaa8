//! Every shape of value and every kind of index arrives as it was, whichever way the documents go.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, JavaScriptCodeWithScope, Regex, Timestamp, doc};
use futures::TryStreamExt;
use rehelm_core::ports::{Databases, How, Way};
use rehelm_testbed::mongo::Face;

use super::mongo_support::{place, quiet, skipped};

fn binary(subtype: BinarySubtype, bytes: &[u8]) -> Bson {
    Binary {
        subtype,
        bytes: bytes.to_vec(),
    }
    .into()
}

fn decimal(text: &str) -> Bson {
    Bson::Decimal128(text.parse().expect("a decimal"))
}

fn regex(pattern: &str, options: &str) -> Bson {
    Bson::RegularExpression(Regex {
        pattern: pattern.into(),
        options: options.into(),
    })
}

fn shapes() -> Vec<(&'static str, Bson)> {
    let deep = (0..40).fold(Bson::Int32(1), |below, _| doc! { "d": below }.into());
    let scoped = JavaScriptCodeWithScope {
        code: "x".into(),
        scope: doc! { "x": 1 },
    };
    vec![
        ("double", 1.5.into()),
        ("negative zero", Bson::Double(-0.0)),
        ("not a number", Bson::Double(f64::NAN)),
        ("infinity", Bson::Double(f64::INFINITY)),
        ("smallest double", Bson::Double(f64::MIN_POSITIVE)),
        ("empty string", "".into()),
        ("string of many scripts", "añ漢字🦀\u{2028}\r\n\t\"".into()),
        ("string with a zero", "a\0b".into()),
        ("long string", "x".repeat(1_000_000).into()),
        ("empty document", doc! {}.into()),
        ("document in its order", doc! { "b": 1, "a": 2, "": 3 }.into()),
        ("dots in names", doc! { "a.b": 1 }.into()),
        ("deep document", deep),
        ("empty array", Bson::Array(vec![])),
        (
            "mixed array",
            Bson::Array(vec![1.into(), "two".into(), doc! { "three": 3 }.into(), Bson::Null]),
        ),
        (
            "array of arrays",
            Bson::Array(vec![Bson::Array(vec![Bson::Array(vec![1.into()])])]),
        ),
        ("bytes", binary(BinarySubtype::Generic, &[0, 255, 1])),
        ("no bytes", binary(BinarySubtype::Generic, &[])),
        ("uuid", binary(BinarySubtype::Uuid, &[7; 16])),
        ("old uuid", binary(BinarySubtype::UuidOld, &[8; 16])),
        ("md5", binary(BinarySubtype::Md5, &[9; 16])),
        ("own kind of bytes", binary(BinarySubtype::UserDefined(0x80), &[1, 2])),
        ("object id", bson::oid::ObjectId::from_bytes([0xab; 12]).into()),
        ("true", true.into()),
        ("false", false.into()),
        ("date", DateTime::from_millis(1_700_000_000_123).into()),
        ("date before 1970", DateTime::from_millis(-62_135_596_800_000).into()),
        ("null", Bson::Null),
        ("pattern", regex("^a.*b$", "imx")),
        ("code", Bson::JavaScriptCode("function () { return 1 }".into())),
        ("code with scope", Bson::JavaScriptCodeWithScope(scoped)),
        ("symbol", Bson::Symbol("s".into())),
        ("undefined", Bson::Undefined),
        ("int", 42_i32.into()),
        ("smallest int", i32::MIN.into()),
        ("long", i64::MAX.into()),
        ("small long", 1_i64.into()),
        ("timestamp", Bson::Timestamp(Timestamp { time: 5, increment: 6 })),
        ("decimal", decimal("1.10")),
        ("decimal not a number", decimal("NaN")),
        ("large decimal", decimal("9.999999999999999999999999999999999E+6144")),
        ("smallest key", Bson::MinKey),
        ("largest key", Bson::MaxKey),
    ]
}

async fn raw(client: &mongodb::Client, database: &str) -> Vec<bson::RawDocumentBuf> {
    let own = client.database(database).collection::<bson::RawDocumentBuf>("shapes");
    let found = own.find(doc! {}).sort(doc! { "_id": 1 }).await.expect("finds");
    found.try_collect().await.expect("reads")
}

async fn every_shape_arrives(face: Face, ways: &[Way]) {
    let Some(place) = place(face) else { return };
    let (mongo, client) = (place.connect().await, place.driver().await);
    let db = client.database("shapes");
    db.drop().await.expect("drops");
    let mut kept = Vec::new();
    for (name, value) in shapes() {
        let document = doc! { "_id": name, "v": value.clone(), "after": { "v": value } };
        let inserted = db.collection::<Document>("shapes").insert_one(&document).await;
        let found = db
            .collection::<bson::RawDocumentBuf>("shapes")
            .find_one(doc! { "_id": name })
            .await;
        let bytes = bson::to_vec(&document).expect("BSON");
        match (inserted, found) {
            (Ok(_), Ok(Some(found))) if found.as_bytes() == bytes => kept.push(name),
            // What the server itself changes or refuses is none of the copy's.
            _ => skipped(&format!("this server does not keep a {name} as it is")),
        }
    }
    assert!(kept.len() >= 26, "only {} shapes: {kept:?}", kept.len());
    let before = raw(&client, "shapes").await;
    for way in ways {
        let to = format!("shapes_{way:?}").to_lowercase();
        mongo.drop_database(&to).await.expect("drops");
        let how = How {
            way: *way,
            ..How::default()
        };
        mongo
            .copy("shapes", &to, &how, &quiet)
            .await
            .unwrap_or_else(|error| panic!("{way:?}: {error}"));
        let after = raw(&client, &to).await;
        assert_eq!(after.len(), before.len());
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.as_bytes(), new.as_bytes(), "{way:?}: {:?}", old.get("_id"));
        }
        assert!(mongo.compare("shapes", &to, 5).await.expect("compares").equal());
    }
}

#[tokio::test]
async fn every_shape_arrives_on_4_2() {
    every_shape_arrives(Face::V4_2, &[Way::Server, Way::Stream]).await;
}

#[tokio::test]
async fn every_shape_arrives_on_7_0() {
    every_shape_arrives(Face::V7_0, &[Way::Auto, Way::Ranges]).await;
}

#[tokio::test]
async fn every_kind_of_index_arrives() {
    let Some(place) = place(Face::V7_0) else { return };
    let (mongo, client) = (place.connect().await, place.driver().await);
    let db = client.database("indexes");
    db.drop().await.expect("drops");
    let documents: Vec<Document> = (0..30)
        .map(|n| doc! { "_id": n, "a": n, "b": { "c": n }, "list": [n, n + 1], "text": "words", "at": DateTime::now(), "p": [0.5, 1.0] })
        .collect();
    db.collection("docs").insert_many(documents).await.expect("inserts");
    let kinds = [
        ("ascending", doc! { "key": { "a": 1 } }),
        ("descending", doc! { "key": { "a": -1 } }),
        ("compound", doc! { "key": { "a": 1, "b.c": -1 } }),
        ("array", doc! { "key": { "list": 1 } }),
        ("unique", doc! { "key": { "a": 1, "at": 1 }, "unique": true }),
        ("sparse", doc! { "key": { "none": 1 }, "sparse": true }),
        ("expiring", doc! { "key": { "at": 1 }, "expireAfterSeconds": 1_000_000 }),
        (
            "partial",
            doc! { "key": { "b.c": 1 }, "partialFilterExpression": { "a": { "$gt": 5 } } },
        ),
        ("text", doc! { "key": { "text": "text" }, "weights": { "text": 3 } }),
        ("hashed", doc! { "key": { "a": "hashed" } }),
        ("flat", doc! { "key": { "p": "2d" } }),
        ("sphere", doc! { "key": { "p": "2dsphere" } }),
        ("wildcard", doc! { "key": { "$**": 1 } }),
        ("hidden", doc! { "key": { "b": 1 }, "hidden": true }),
        (
            "collated",
            doc! { "key": { "text": 1 }, "collation": { "locale": "fr" } },
        ),
    ];
    let mut kept = Vec::new();
    for (name, mut spec) in kinds {
        spec.insert("name", name);
        match db
            .run_command(doc! { "createIndexes": "docs", "indexes": [spec] })
            .await
        {
            Ok(_) => kept.push(name),
            Err(error) => skipped(&format!("this server makes no index of kind {name}: {error}")),
        }
    }
    let specs = async |database: &str| -> Vec<Document> {
        let command = doc! { "listIndexes": "docs" };
        let listed = client
            .database(database)
            .run_cursor_command(command)
            .await
            .expect("lists");
        let mut all: Vec<Document> = listed.try_collect().await.expect("reads");
        all.iter_mut().for_each(|spec| {
            spec.remove("ns");
        });
        all
    };
    assert!(kept.len() >= 9, "only {kept:?}");
    mongo.drop_database("indexes_to").await.expect("drops");
    mongo
        .copy("indexes", "indexes_to", &How::default(), &quiet)
        .await
        .expect("copies");
    assert_eq!(specs("indexes").await, specs("indexes_to").await);
    // An index more, and one that is another one, are seen and levelled.
    let to = client.database("indexes_to");
    to.run_command(doc! { "dropIndexes": "docs", "index": "ascending" })
        .await
        .expect("drops");
    let other = doc! { "createIndexes": "docs", "indexes": [{ "key": { "z": 1 }, "name": "more" }] };
    to.run_command(other).await.expect("creates");
    let found = mongo.compare("indexes", "indexes_to", 5).await.expect("compares");
    assert!(found.collections["docs"].shape && found.documents() == 0);
    mongo
        .level("indexes", "indexes_to", &How::default(), &quiet)
        .await
        .expect("levels");
    assert!(
        mongo
            .compare("indexes", "indexes_to", 5)
            .await
            .expect("compares")
            .equal()
    );
}

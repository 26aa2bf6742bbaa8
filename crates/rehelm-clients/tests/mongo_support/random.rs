//! Random databases: copied, proven equal; one byte changed anywhere is found.

use bson::{Bson, Document, doc};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rehelm_core::ports::{Databases, How, Way};
use rehelm_testbed::mongo::Face;

use super::mongo_support::{place, quiet};

fn id() -> impl Strategy<Value = Bson> {
    prop_oneof![
        any::<i32>().prop_map(Bson::Int32),
        // Halves, so that no two `_id`s of different types are the same number.
        any::<i32>().prop_map(|n| Bson::Double(f64::from(n) + 0.5)),
        "[a-zäß\\.\\$ ]{0,12}".prop_map(Bson::String),
        any::<[u8; 12]>().prop_map(|bytes| bson::oid::ObjectId::from_bytes(bytes).into()),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i32>().prop_map(|n| bson::DateTime::from_millis(i64::from(n)).into()),
        "[a-z]{1,3}".prop_map(|key| doc! { key: 1 }.into()),
        proptest::collection::vec(any::<u8>(), 0..8).prop_map(|bytes| {
            let subtype = bson::spec::BinarySubtype::Generic;
            bson::Binary { subtype, bytes }.into()
        }),
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        id(),
        Just(Bson::Null),
        any::<i64>().prop_map(Bson::Int64),
        "\\PC{0,200}".prop_map(Bson::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Bson::Array),
            proptest::collection::vec(("[a-zé_]{1,6}", inner), 0..4)
                .prop_map(|pairs| Bson::Document(pairs.into_iter().collect())),
        ]
    })
}

#[derive(Clone, Debug)]
struct Collection {
    name: String,
    documents: Vec<Document>,
    index: Option<Document>,
}

fn collection() -> impl Strategy<Value = Collection> {
    let document = (id(), value(), any::<i32>()).prop_map(|(id, value, n)| doc! { "_id": id, "v": value, "n": n });
    let index = prop_oneof![
        Just(None),
        Just(Some(doc! { "key": { "n": -1 }, "name": "by n" })),
        Just(Some(doc! { "key": { "v": 1, "n": 1 }, "name": "süß", "sparse": true })),
    ];
    (
        "[a-zA-Zé 0-9_-]{1,20}",
        proptest::collection::vec(document, 1..60),
        index,
    )
        .prop_map(|(name, mut documents, index)| {
            let mut seen = std::collections::BTreeSet::new();
            documents.retain(|own| seen.insert(own.get("_id").map(ToString::to_string)));
            Collection { name, documents, index }
        })
}

fn databases() -> impl Strategy<Value = (Vec<Collection>, Way, prop::sample::Index)> {
    let way = prop_oneof![Just(Way::Auto), Just(Way::Stream), Just(Way::Ranges)];
    (
        proptest::collection::vec(collection(), 1..4),
        way,
        any::<prop::sample::Index>(),
    )
}

#[test]
fn random_databases_are_copied_and_one_changed_byte_is_found() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let Some(place) = place(Face::V4_2) else { return };
    let (mongo, driver) = runtime.block_on(async { (place.connect().await, place.driver().await) });
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24);
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&databases(), |(mut collections, way, pick)| {
        collections.sort_by(|a, b| a.name.cmp(&b.name));
        collections.dedup_by(|a, b| a.name.eq_ignore_ascii_case(&b.name));
        runtime.block_on(async {
            let (from, to) = ("random", "random_to");
            mongo.drop_database(from).await.expect("drops");
            mongo.drop_database(to).await.expect("drops");
            let db = driver.database(from);
            for own in &collections {
                let target = db.collection::<Document>(&own.name);
                target.insert_many(&own.documents).await.expect("inserts");
                if let Some(index) = &own.index {
                    let command = doc! { "createIndexes": &own.name, "indexes": [index.clone()] };
                    db.run_command(command).await.expect("creates");
                }
            }
            let how = How { way, ..How::default() };
            mongo.copy(from, to, &how, &quiet).await.expect("copies");
            let proof = mongo.prove(from, None).await.expect("proves");
            prop_assert_eq!(&proof, &mongo.prove(to, None).await.expect("proves"));
            prop_assert!(mongo.compare(from, to, 1).await.expect("compares").equal());
            // One value of one document, one byte.
            let own = &collections[pick.index(collections.len())];
            let document = &own.documents[pick.index(own.documents.len())];
            let n = document.get_i32("n").expect("a number");
            let filter = doc! { "_id": document.get("_id").expect("an _id").clone() };
            let target = driver.database(to).collection::<Document>(&own.name);
            // Not an update: the stand-in's `$merge` keeps one document for both sides.
            let mut other = document.clone();
            other.insert("n", n ^ 1);
            prop_assert_eq!(target.delete_one(filter).await.expect("deletes").deleted_count, 1);
            target.insert_one(other).await.expect("inserts");
            prop_assert_ne!(&proof, &mongo.prove(to, None).await.expect("proves"));
            let found = mongo.compare(from, to, 9).await.expect("compares");
            prop_assert_eq!(found.documents(), 1);
            prop_assert_eq!(&found.differences[0].collection, &own.name);
            prop_assert_eq!(found.differences[0].fields.len(), 1);
            prop_assert_eq!(&found.differences[0].fields[0].path, "n");
            let done = mongo.level(from, to, &How::default(), &quiet).await.expect("levels");
            prop_assert_eq!(done.replaced, 1);
            prop_assert_eq!(&proof, &mongo.prove(to, None).await.expect("proves"));
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

//! Copies that are interrupted: by connections that close before or after a command was applied, by cursors that are
//! lost, by servers that step down, by the end of the program.

use bson::{Bson, Document, doc};
use rehelm_clients::mongo::Mongo;
use rehelm_core::ports::{Databases, How, PortError};
use rehelm_testbed::mongo::{Effect, Face, Fault, Server};

use super::mongo_support::{Place, documents, place, quiet, skipped};

/// "Unrecognized pipeline stage": the server cannot merge, so documents are streamed.
const CANNOT: i32 = 40324;

/// One collection `docs` in an own database, and its copy's name.
struct Case {
    place: Place,
    server: &'static Server,
    mongo: Mongo,
    from: String,
    to: String,
}

impl Case {
    async fn new(name: &str, documents: Vec<Document>, options: Document) -> Option<Self> {
        let place = place(Face::V4_2)?;
        let Some(server) = place.server else {
            skipped("faults are ordered from the testbed's server only");
            return None;
        };
        let mongo = place.connect().await;
        let (from, to) = (name.to_owned(), format!("{name}_to"));
        let db = place.driver().await.database(&from);
        let mut create = doc! { "create": "docs" };
        create.extend(options);
        db.run_command(create).await.expect("creates");
        db.collection("docs").insert_many(documents).await.expect("inserts");
        Some(Self {
            place,
            server,
            mongo,
            from,
            to,
        })
    }

    fn fault(&self, command: &str, nth: u32, effect: Effect, database: &str) {
        self.server.inject(Fault::nth(command, nth, effect).on(database));
    }

    /// The merge is the second aggregation on the source: a count comes first.
    fn cannot_merge(&self) {
        self.fault("aggregate", 2, Effect::Error(CANNOT), &self.from);
    }

    async fn copy(&self) -> Result<(), PortError> {
        self.mongo.copy(&self.from, &self.to, &How::default(), &quiet).await
    }

    async fn is_equal(&self) {
        let of = async |database: &str| self.mongo.prove(database, None).await.expect("proves");
        assert_eq!(of(&self.from).await, of(&self.to).await);
    }
}

#[tokio::test]
async fn a_merge_goes_on_after_a_broken_connection() {
    let Some(case) = Case::new("merge_cut", documents(1500), doc! {}).await else {
        return;
    };
    case.fault("aggregate", 2, Effect::CloseAfter, &case.from);
    case.copy().await.expect("copies");
    case.is_equal().await;
    for effect in [Effect::CloseBefore, Effect::Error(11600), Effect::Error(43)] {
        case.mongo.drop_database(&case.to).await.expect("drops");
        case.fault("aggregate", 2, effect.clone(), &case.from);
        case.copy().await.unwrap_or_else(|error| panic!("{effect:?}: {error}"));
        case.is_equal().await;
    }
}

#[tokio::test]
async fn a_stream_is_equal_and_goes_on_after_anything() {
    let Some(case) = Case::new("stream_cut", documents(3500), doc! {}).await else {
        return;
    };
    case.cannot_merge();
    case.copy().await.expect("copies");
    case.is_equal().await;
    let (from, to) = (&case.from, &case.to);
    for (command, nth, effect, database) in [
        ("insert", 2, Effect::CloseAfter, to),
        ("insert", 3, Effect::CloseBefore, to),
        ("insert", 1, Effect::Error(10107), to),
        ("getMore", 1, Effect::CloseBefore, from),
        ("getMore", 2, Effect::CloseAfter, from),
        ("getMore", 3, Effect::Error(43), from),
    ] {
        case.mongo.drop_database(to).await.expect("drops");
        case.cannot_merge();
        case.fault(command, nth, effect.clone(), database);
        case.copy()
            .await
            .unwrap_or_else(|error| panic!("{command} {nth} {effect:?}: {error}"));
        case.is_equal().await;
    }
}

#[tokio::test]
async fn a_copy_that_failed_half_way_is_completed_by_the_next() {
    let Some(case) = Case::new("half", documents(3500), doc! {}).await else {
        return;
    };
    case.cannot_merge();
    // The first batch arrives; then the server is gone for good.
    case.fault("insert", 2, Effect::Error(112), &case.to);
    let error = case.copy().await.expect_err("interrupted");
    assert!(matches!(error, PortError::Invalid(..)), "{error}");
    let half = case.mongo.prove(&case.to, None).await.expect("proves")["docs"].documents;
    assert_eq!(half, 1000);
    case.cannot_merge();
    case.copy().await.expect("replaces and completes by streaming");
    case.is_equal().await;
    case.copy().await.expect("replaces by merging");
    case.is_equal().await;
}

#[tokio::test]
async fn a_copy_that_is_given_up_is_completed_by_the_next() {
    let Some(case) = Case::new("given_up", documents(1500), doc! {}).await else {
        return;
    };
    case.fault(
        "aggregate",
        2,
        Effect::Delay(std::time::Duration::from_millis(300)),
        &case.from,
    );
    let short = tokio::time::timeout(std::time::Duration::from_millis(150), case.copy()).await;
    assert!(short.is_err(), "it was given up while the server went on");
    case.copy().await.expect("copies");
    case.is_equal().await;
}

#[tokio::test]
async fn ids_of_many_types_are_all_copied_after_a_lost_cursor() {
    let ids = |n: i64| -> Vec<Bson> {
        vec![
            Bson::Int64(n),
            Bson::Double(n as f64 + 0.5),
            Bson::String(format!("s{n:04}")),
            doc! { "a": n, "b": "x" }.into(),
            bson::Binary {
                subtype: bson::spec::BinarySubtype::Generic,
                bytes: n.to_be_bytes().to_vec(),
            }
            .into(),
            bson::oid::ObjectId::from_bytes([vec![1; 4], n.to_be_bytes().to_vec()].concat().try_into().expect("12"))
                .into(),
            bson::DateTime::from_millis(n).into(),
        ]
    };
    let mut all: Vec<Bson> = (0..400).flat_map(ids).collect();
    all.extend([
        Bson::Null,
        Bson::Boolean(false),
        Bson::Boolean(true),
        Bson::MinKey,
        Bson::MaxKey,
    ]);
    let count = all.len() as u64;
    let documents = all.into_iter().map(|id| doc! { "_id": id, "v": 1 }).collect();
    let Some(case) = Case::new("many_ids", documents, doc! {}).await else {
        return;
    };
    case.cannot_merge();
    case.fault("getMore", 1, Effect::Error(43), &case.from);
    case.fault("getMore", 1, Effect::CloseBefore, &case.from);
    case.copy().await.expect("copies");
    case.is_equal().await;
    assert_eq!(
        case.mongo.prove(&case.to, None).await.expect("proves")["docs"].documents,
        count
    );
    drop(case.place);
}

#[tokio::test]
async fn a_capped_collection_keeps_its_order_and_goes_on_where_it_stopped() {
    let options = doc! { "capped": true, "size": 1_000_000, "max": 5000 };
    let Some(case) = Case::new("capped", documents(1800), options).await else {
        return;
    };
    case.fault("insert", 2, Effect::CloseAfter, &case.to);
    case.fault("insert", 1, Effect::CloseBefore, &case.to);
    case.copy().await.expect("copies");
    case.is_equal().await;
    case.copy().await.expect("again");
    case.is_equal().await;
    let order = async |database: &str| {
        let collection = case
            .place
            .driver()
            .await
            .database(database)
            .collection::<Document>("docs");
        let found = collection
            .find(doc! {})
            .sort(doc! { "$natural": 1 })
            .await
            .expect("finds");
        futures::TryStreamExt::try_collect::<Vec<_>>(found)
            .await
            .expect("reads")
    };
    assert_eq!(order(&case.from).await, order(&case.to).await);
}

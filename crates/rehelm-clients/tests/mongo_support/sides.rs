//! Two databases held against each other: what differs is found to the document, and levelled; what cannot be carried and
//! who writes is told beforehand; roles of a product's own.

use bson::{Bson, Document, doc};
use rehelm_core::ports::{CustomRole, DatabaseUser, Databases, DifferenceKind, How, RolePrivilege, Way};
use rehelm_testbed::mongo::{Effect, Face, Fault};

use super::mongo_support::{place, quiet, skipped};

/// The stand-in's `$merge` keeps one document for both sides: an update of one would be one of the other.
const STREAM: How<'static> = How {
    way: Way::Stream,
    max_rate: None,
    notebook: None,
};

#[tokio::test]
async fn differences_are_found_to_the_document_and_levelled() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    place.fill("sides", 3000).await;
    mongo.drop_database("sides_to").await.expect("drops");
    mongo.copy("sides", "sides_to", &STREAM, &quiet).await.expect("copies");
    assert!(mongo.compare("sides", "sides_to", 9).await.expect("compares").equal());
    let driver = place.driver().await;
    let people = |database: &str| driver.database(database).collection::<Document>("people");
    people("sides_to")
        .delete_one(doc! { "_id": "id 1001" })
        .await
        .expect("deletes");
    let set = doc! { "$set": { "below.a.b": "Text 1501" } };
    people("sides_to")
        .update_one(doc! { "_id": "id 1501" }, set)
        .await
        .expect("updates");
    people("sides_to")
        .insert_one(doc! { "_id": "zzz", "n": -1 })
        .await
        .expect("inserts");
    people("sides_to")
        .insert_one(doc! { "_id": Bson::Null, "n": -2 })
        .await
        .expect("inserts");
    let strange = driver.database("sides_to").collection::<Document>("strange");
    strange
        .insert_many((0..2500).map(|n| doc! { "_id": n }))
        .await
        .expect("inserts");
    let found = mongo.compare("sides", "sides_to", 100).await.expect("compares");
    let counts = &found.collections["people"];
    assert_eq!(
        (counts.missing, counts.extra, counts.different),
        (1, 2, 1),
        "{counts:?}"
    );
    assert_eq!(
        (found.collections["strange"].extra, found.collections["strange"].shape),
        (2500, true)
    );
    assert_eq!(
        (found.collections["events"].extra, found.collections["events"].documents),
        (0, 3000)
    );
    let of = |kind: DifferenceKind| found.differences.iter().filter(move |one| one.kind == kind);
    assert_eq!(
        of(DifferenceKind::Missing)
            .map(|one| one.id.as_str())
            .collect::<Vec<_>>(),
        ["\"id 1001\""]
    );
    let changed = of(DifferenceKind::Different).next().expect("one");
    assert_eq!(
        (changed.id.as_str(), changed.fields[0].path.as_str()),
        ("\"id 1501\"", "below.a.b")
    );
    assert!(!format!("{found:?}").contains("Text 1501"), "contents are never told");
    assert_eq!(found.differences.len(), 100);
    let Some(server) = place.server else {
        return skipped("faults are ordered from the testbed's server only");
    };
    // A level that meets faults on both sides still ends equal.
    server.inject(Fault::nth("getMore", 1, Effect::Error(43)).on("sides"));
    server.inject(Fault::nth("find", 3, Effect::CloseBefore).on("sides_to"));
    server.inject(Fault::nth("update", 1, Effect::CloseAfter).on("sides_to"));
    server.inject(Fault::nth("delete", 1, Effect::CloseAfter).on("sides_to"));
    mongo
        .level("sides", "sides_to", &How::default(), &quiet)
        .await
        .expect("levels");
    server.clear_faults();
    assert!(mongo.compare("sides", "sides_to", 9).await.expect("compares").equal());
    assert_eq!(
        mongo.prove("sides", None).await.expect("p"),
        mongo.prove("sides_to", None).await.expect("p")
    );
    let again = mongo
        .level("sides", "sides_to", &How::default(), &quiet)
        .await
        .expect("levels");
    assert_eq!((again.documents(), again.compared), (0, 6000));
}

#[tokio::test]
async fn unique_keys_that_changed_hands_are_levelled() {
    let Some(place) = place(Face::V7_0) else { return };
    let mongo = place.connect().await;
    place.fill("hands", 50).await;
    mongo.drop_database("hands_to").await.expect("drops");
    mongo.copy("hands", "hands_to", &STREAM, &quiet).await.expect("copies");
    let people = place.driver().await.database("hands").collection::<Document>("people");
    // The key (n, text) goes from one document to another, which in turn gets the first one's.
    let set = async |id: &str, n: i64, text: &str| {
        let update = doc! { "$set": { "n": n, "text": text } };
        people.update_one(doc! { "_id": id }, update).await.expect("updates");
    };
    set("id 1", -1, "aside").await;
    set("id 3", 1, "text 1").await;
    set("id 1", 3, "text 3").await;
    let done = mongo
        .level("hands", "hands_to", &How::default(), &quiet)
        .await
        .expect("levels");
    assert_eq!(done.replaced, 2);
    assert!(mongo.compare("hands", "hands_to", 9).await.expect("compares").equal());
}

#[tokio::test]
async fn single_documents_are_brought_up_to_date() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    place.fill("single", 30).await;
    mongo.drop_database("single_to").await.expect("drops");
    mongo
        .copy("single", "single_to", &STREAM, &quiet)
        .await
        .expect("copies");
    let people = place.driver().await.database("single").collection::<Document>("people");
    people.delete_one(doc! { "_id": "id 1" }).await.expect("deletes");
    people
        .update_one(doc! { "_id": "id 3" }, doc! { "$set": { "half": 9 } })
        .await
        .expect("updates");
    people.insert_one(doc! { "_id": 77, "n": 77 }).await.expect("inserts");
    let ids = [Bson::from("id 1"), "id 3".into(), 77.into()]
        .map(|id| rehelm_core::ports::DocumentId(bson::to_vec(&doc! { "_id": id }).expect("BSON")));
    for _ in 0..2 {
        let done = mongo
            .refresh("single", "single_to", "people", &ids)
            .await
            .expect("refreshes");
        assert_eq!((done.replaced, done.deleted), (2, 1));
    }
    mongo
        .refresh("single", "single_to", "gone", &ids)
        .await
        .expect("a collection that is gone");
    assert!(mongo.compare("single", "single_to", 9).await.expect("compares").equal());
}

#[tokio::test]
async fn obstacles_are_told_before_anything_is_copied() {
    for face in [Face::V4_2, Face::V7_0] {
        let Some(place) = place(face) else { return };
        let mongo = place.connect().await;
        place.fill("obstacles", 3).await;
        assert_eq!(mongo.obstacles("obstacles", "free").await.expect("looks"), []);
        let db = place.driver().await.database("obstacles");
        let series = doc! { "create": "ticks", "timeseries": { "timeField": "at" } };
        db.run_command(series).await.expect("creates");
        db.collection("x".repeat(90).as_str())
            .insert_one(doc! { "a": 1 })
            .await
            .expect("inserts");
        let to = "a-rather-long-name-for-a-copy-of-all-that";
        let found = mongo.obstacles("obstacles", to).await.expect("looks");
        let why = found
            .iter()
            .map(|one| one.args["why"].to_string())
            .collect::<Vec<_>>()
            .join(" ");
        assert!(why.contains("time-series"), "{why}");
        // 255 bytes are enough for everybody from 4.4 on.
        if place.server.is_some() {
            assert_eq!(why.contains("name-too-long"), face == Face::V4_2, "{why}");
        }
        let near = mongo.obstacles("other", "OBSTACLES").await.expect("looks");
        assert!(
            near.iter()
                .any(|one| one.args["why"].to_string().contains("differs-in-case")),
            "{near:?}"
        );
        mongo.drop_database("obstacles").await.expect("drops");
    }
}

#[tokio::test]
async fn who_may_write_is_told() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    let user = DatabaseUser {
        name: "svc-writes".into(),
        database: "svc-writes".into(),
        password: "p".into(),
        roles: Vec::new(),
    };
    mongo.ensure_user(&user).await.expect("creates");
    let Some(others) = mongo.writers("svc-writes").await.expect("looks") else {
        return skipped("this server does not tell who is connected");
    };
    assert_eq!(others, Vec::<String>::new());
    let host = place
        .uri
        .rsplit('@')
        .next()
        .expect("a host")
        .trim_end_matches('/')
        .to_owned();
    let uri = format!(
        "mongodb://svc-writes:p@{host}/svc-writes?directConnection=true&appName=service&authMechanism=SCRAM-SHA-256"
    );
    let service = mongodb::Client::with_uri_str(uri).await.expect("a driver");
    service
        .database("svc-writes")
        .collection("a")
        .insert_one(doc! { "a": 1 })
        .await
        .expect("inserts");
    let others = mongo.writers("svc-writes").await.expect("looks").expect("tells");
    assert!(
        others
            .iter()
            .any(|one| one.starts_with("svc-writes at ") && one.ends_with("(service)")),
        "{others:?}"
    );
    assert_eq!(mongo.writers("svc").await.expect("looks"), Some(Vec::new()));
    mongo.drop_user("svc-writes", "svc-writes").await.expect("drops");
}

#[tokio::test]
async fn own_roles_are_made_brought_up_to_date_and_proven() {
    let Some(place) = place(Face::V7_0) else { return };
    let mongo = place.connect().await;
    let role = |actions: &[&str]| CustomRole {
        name: "appendOnly".into(),
        privileges: vec![RolePrivilege {
            collection: "bills".into(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        }],
    };
    let user = |actions: &[&str]| DatabaseUser {
        name: "svc-bills".into(),
        database: "svc-bills".into(),
        password: "p".into(),
        roles: vec![role(actions)],
    };
    mongo.ensure_user(&user(&["find", "insert"])).await.expect("creates");
    mongo.try_login(&user(&["find", "insert"])).await.expect("logs in");
    let error = mongo
        .try_login(&user(&["dropCollection", "collMod"]))
        .await
        .expect_err("not given");
    assert!(
        error.to_string().contains("may not collMod in svc-bills.bills"),
        "{error}"
    );
    mongo
        .ensure_user(&user(&["find", "collMod"]))
        .await
        .expect("brings up to date");
    mongo.try_login(&user(&["find", "collMod"])).await.expect("logs in");
    let listed = mongo.users("svc-bills").await.expect("lists");
    assert_eq!(listed[0].roles, ["appendOnly@svc-bills", "readWrite@svc-bills"]);
    mongo.drop_user("svc-bills", "svc-bills").await.expect("drops");
    assert_eq!(mongo.users("svc-bills").await.expect("lists"), []);
}

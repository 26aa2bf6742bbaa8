//! `rehelm db` on a database server: the testbed's stand-in.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use bson::{Document, doc};
use rehelm_testbed::mongo::{Options, Server};

use crate::place::Place;

/// A server with a database `old` of 300 documents, and a folder with the URI in `uri.txt`.
fn scene() -> Option<(Server, Place, mongodb::Client, tokio::runtime::Runtime)> {
    scene_on(Options::default())
}

fn scene_on(options: Options) -> Option<(Server, Place, mongodb::Client, tokio::runtime::Runtime)> {
    let server = match Server::start(options) {
        Ok(server) => server,
        Err(error) if error.is_unavailable() => {
            eprintln!("SKIPPED: {error}");
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let place = Place::empty();
    place.write("uri.txt", &format!("{}\n", server.uri()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let client = runtime.block_on(async {
        let uri = format!("{}?directConnection=true", server.uri());
        let client = mongodb::Client::with_uri_str(uri).await.expect("a driver");
        let people = client.database("old").collection("people");
        let documents = (0..300).map(|n| doc! { "_id": n, "name": format!("secret name {n}") });
        people.insert_many(documents).await.expect("inserts");
        client
    });
    Some((server, place, client, runtime))
}

#[test]
fn a_database_gets_a_new_name_by_hand() {
    let Some((_server, place, client, runtime)) = scene() else {
        return;
    };
    let db = |words: &str| place.rehelm(&format!("db {words} --uri-file {}", place.path("uri.txt")));
    let said = db("list");
    assert!(
        said.contains("old") && said.contains("300") && !said.contains("admin"),
        "{said}"
    );
    // Without proof nothing is dropped.
    let said = db("drop old --yes-irreversible");
    assert!(said.contains("exit 7") && said.contains("has no proven copy"), "{said}");
    let said = db("copy old new");
    assert!(
        said.contains("exit 0") && said.contains("new is equal to old: 300 documents"),
        "{said}"
    );
    assert!(said.contains("people: 300 of 300 documents"), "{said}");
    let said = db("copy olt new");
    assert!(said.contains("exit 1") && said.contains("did you mean old?"), "{said}");
    let said = db("verify old new -o json");
    assert!(
        said.contains("\"equal\": true") && said.contains("\"writers\": []"),
        "{said}"
    );
    // One document is another one.
    runtime.block_on(async {
        let people = client.database("new").collection::<Document>("people");
        people.delete_one(doc! { "_id": 7 }).await.expect("deletes");
        people
            .insert_one(doc! { "_id": 7, "name": "secret nine" })
            .await
            .expect("inserts");
    });
    let said = db("verify old new");
    assert!(
        said.contains("exit 7") && said.contains("people: 1 different"),
        "{said}"
    );
    assert!(
        said.contains("people _id 7: name: String") && !said.contains("secret n"),
        "{said}"
    );
    let said = db("drop old --yes-irreversible");
    assert!(said.contains("exit 7") && said.contains("not proven equal"), "{said}");
    runtime.block_on(async {
        let people = client.database("new").collection::<Document>("people");
        people.delete_one(doc! { "_id": 7 }).await.expect("deletes");
        people
            .insert_one(doc! { "_id": 7, "name": "secret name 7" })
            .await
            .expect("inserts");
    });
    assert!(db("verify old new --resumable").contains("exit 0"));
    // Nobody is there to type the name.
    let said = db("drop old");
    assert!(said.contains("exit 6") && said.contains("--yes-irreversible"), "{said}");
    let said = db("drop old --yes-irreversible");
    assert!(said.contains("exit 0") && said.contains("Dropped old."), "{said}");
    // What is left is the only copy.
    let said = db("drop new --yes-irreversible");
    assert!(said.contains("exit 7") && said.contains("is not there"), "{said}");
    assert!(!db("list").contains("old"));
}

#[test]
fn copies_are_kept_in_step_from_command_to_command() {
    kept_in_step(Options::default(), "changes", "new: 0 new, 1 changed, 1 gone");
    let standalone = Options {
        replica_set: None,
        ..Options::default()
    };
    kept_in_step(standalone, "by comparing", "new: 1 new, 0 changed, 1 gone");
}

fn kept_in_step(options: Options, follows: &str, wrote: &str) {
    let Some((_server, place, client, runtime)) = scene_on(options) else {
        return;
    };
    let db = |words: &str| place.rehelm(&format!("db {words} --uri-file {}", place.path("uri.txt")));
    let said = db("sync start --once --pair old:new");
    assert!(said.contains("exit 0") && said.contains(follows), "{said}");
    runtime.block_on(async {
        let people = client.database("old").collection::<Document>("people");
        people
            .insert_one(doc! { "_id": 1000, "name": "later" })
            .await
            .expect("inserts");
        people.delete_one(doc! { "_id": 5 }).await.expect("deletes");
    });
    let said = db("sync start --once --pair old:new");
    assert!(said.contains(wrote), "{said}");
    assert!(db("verify old new").contains("exit 0"));
    let status = place.rehelm("db sync status -o json");
    assert!(
        status.contains("\"runs\": false") && status.contains("\"from\": \"old\""),
        "{status}"
    );
    assert!(place.rehelm("db sync stop").contains("Nothing runs"));
    // A database that synchronisation did not make.
    let said = db("sync start --once --pair new:old");
    assert!(said.contains("exit 3") && said.contains("never touched"), "{said}");
}

#[test]
fn no_password_in_an_argument_and_users_are_listed() {
    let Some((server, place, _client, _runtime)) = scene() else {
        return;
    };
    let said = place.rehelm(&format!("db list --uri {}", server.uri()));
    assert!(said.contains("exit 2") && said.contains("--uri-file"), "{said}");
    assert!(
        !said.contains("root-password") && !said.contains("root%2Dpassword"),
        "{said}"
    );
    let bare = format!("mongodb://root@127.0.0.1:{}/", server.port());
    let words = format!("db users --uri {bare} --password-env WORD admin");
    let said = place.rehelm_with(&words, &[("WORD", "root-password")]);
    assert!(said.contains("exit 0") && said.contains("root@admin"), "{said}");
    let said = place.rehelm_with(&words, &[("WORD", "another")]);
    assert!(said.contains("exit 1") && !said.contains("another"), "{said}");
    // The root user's name is found out.
    let bare = format!("mongodb://127.0.0.1:{}/", server.port());
    let words = format!("db users --uri {bare} --password-env WORD --user admin,root admin");
    let said = place.rehelm_with(&words, &[("WORD", "root-password")]);
    assert!(said.contains("exit 0"), "{said}");
    let said = place.rehelm("db list");
    assert!(said.contains("exit 2") && said.contains("--uri-env"), "{said}");
}

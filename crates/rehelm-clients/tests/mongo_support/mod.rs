//! A server for the tests, and data in it.

#![allow(dead_code)]

use std::sync::OnceLock;

use bson::{Bson, Document, doc};
use mongodb::Client;
use mongodb::options::ClientOptions;
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_testbed::mongo::{Face, Options, Server};

/// A server with a root user.
pub struct Place {
    pub uri: String,
    /// None on a real server.
    pub server: Option<&'static Server>,
}

/// A skipped test says so.
#[allow(clippy::print_stderr)]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The server of that face, one per test binary; None, said on stderr, where none can be had.
pub fn place(face: Face) -> Option<Place> {
    if let Ok(uri) = std::env::var("TEST_MONGO_URI") {
        return Some(Place { uri, server: None });
    }
    static OLD: OnceLock<Option<Server>> = OnceLock::new();
    static NEW: OnceLock<Option<Server>> = OnceLock::new();
    let server = if face == Face::V4_2 { &OLD } else { &NEW };
    let start = || match Server::start(Options {
        face,
        ..Options::default()
    }) {
        Ok(server) => Some(server),
        Err(error) if error.is_unavailable() => {
            skipped(&error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    };
    let server = server.get_or_init(start).as_ref()?;
    Some(Place {
        uri: server.uri(),
        server: Some(server),
    })
}

impl Place {
    pub async fn connect(&self) -> Mongo {
        Mongo::connect(&Login::uri(self.uri.clone().into()))
            .await
            .expect("root may log in")
    }

    /// A plain driver client, for making data.
    pub async fn driver(&self) -> Client {
        let mut options = ClientOptions::parse(&self.uri).await.expect("a good URI");
        options.direct_connection = Some(true);
        Client::with_options(options).expect("good options")
    }

    /// Drops the database and fills two collections of it with an index and options.
    pub async fn fill(&self, database: &str, count: usize) {
        let driver = self.driver().await;
        let db = driver.database(database);
        db.drop().await.expect("drop");
        db.run_command(doc! { "create": "events", "validator": { "n": { "$gte": 0 } } })
            .await
            .expect("create");
        for name in ["events", "people"] {
            db.collection(name).insert_many(documents(count)).await.expect("insert");
        }
        let index = doc! { "key": { "n": 1, "text": -1 }, "name": "n_text", "unique": true };
        db.run_command(doc! { "createIndexes": "people", "indexes": [index] })
            .await
            .expect("index");
        let view = doc! { "create": "recent", "viewOn": "events", "pipeline": [{ "$match": { "n": { "$gt": 5 } } }] };
        db.run_command(view).await.expect("view");
    }
}

/// Documents with one value of most types.
pub fn documents(count: usize) -> Vec<Document> {
    let one = |n: usize| {
        let text = format!("text {n}");
        doc! {
            "_id": if n.is_multiple_of(2) { Bson::from(bson::oid::ObjectId::new()) } else { Bson::from(format!("id {n}")) },
            "n": n as i64, "small": n as i32, "half": n as f64 / 2.0, "text": &text, "yes": n.is_multiple_of(2), "none": Bson::Null,
            "at": bson::DateTime::from_millis(n as i64), "list": [1, "two", 3.0], "below": { "a": { "b": text } },
        }
    };
    (0..count).map(one).collect()
}

/// Progress that nobody watches.
pub fn quiet(_: &str, _: u64, _: u64) {}

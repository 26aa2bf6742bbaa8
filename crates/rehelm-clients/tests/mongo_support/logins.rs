//! Users, passwords, rights, and which root user it is.

use std::time::{Duration, Instant};

use bson::doc;
use rehelm_clients::mongo::{Login, Mongo};
use rehelm_core::mongo_uri::ConnectionString;
use rehelm_core::ports::{DatabaseUser, Databases, PortError};
use rehelm_testbed::mongo::{Face, TlsFront};

use super::mongo_support::{place, skipped};

fn user(name: &str, password: &str) -> DatabaseUser {
    DatabaseUser {
        name: name.into(),
        database: name.into(),
        password: password.into(),
        roles: Vec::new(),
    }
}

async fn users_are_made_and_log_in(face: Face) {
    let Some(place) = place(face) else { return };
    let mongo = place.connect().await;
    let own = user("svc-users", "p@ss:w/rd%é");
    mongo.drop_user("svc-users", "svc-users").await.expect("absent is fine");
    assert!(matches!(mongo.try_login(&own).await, Err(PortError::Forbidden(_))));
    mongo.ensure_user(&own).await.expect("creates");
    mongo.try_login(&own).await.expect("logs in");
    mongo.ensure_user(&own).await.expect("again");
    let newer = user("svc-users", "another-password");
    let error = mongo.try_login(&newer).await.expect_err("not the password");
    assert!(
        matches!(error, PortError::Forbidden(_)) && !error.to_string().contains("another-password"),
        "{error}"
    );
    mongo.ensure_user(&newer).await.expect("changes the password");
    mongo.try_login(&newer).await.expect("logs in");
    mongo.try_login(&own).await.expect_err("the old password");
    // It may use its own database and no other.
    let uri = ConnectionString::parse(&place.uri).expect("a good URI");
    let host = &uri.hosts()[0];
    let text = format!(
        "mongodb://svc-users:another-password@{}:{}/svc-users",
        host.name,
        host.port.unwrap_or(27017)
    );
    let other = Mongo::connect(&Login::uri(text.into())).await.expect("connects");
    assert_eq!(other.facts().await.expect("facts").user.as_deref(), Some("svc-users"));
    let error = other.prove("somebody-elses", None).await.expect_err("not its database");
    assert!(matches!(error, PortError::Forbidden(_)), "{error}");
    assert!(other.prove("svc-users", None).await.expect_err("empty").is_not_found());
    mongo.drop_user("svc-users", "svc-users").await.expect("drops");
    mongo.try_login(&newer).await.expect_err("gone");
}

#[tokio::test]
async fn users_are_made_and_log_in_on_4_2() {
    users_are_made_and_log_in(Face::V4_2).await;
}

#[tokio::test]
async fn users_are_made_and_log_in_on_7_0() {
    users_are_made_and_log_in(Face::V7_0).await;
}

#[tokio::test]
async fn a_user_without_the_right_is_told_and_keeps_its_other_roles() {
    let Some(place) = place(Face::V4_2) else { return };
    let mongo = place.connect().await;
    let db = place.driver().await.database("svc-rights");
    let own = user("svc-rights", "secret-word");
    mongo
        .drop_user("svc-rights", "svc-rights")
        .await
        .expect("absent is fine");
    let privilege = doc! { "resource": { "db": "svc-rights", "collection": "bills" }, "actions": ["insert"] };
    let role = doc! { "createRole": "appendOnly", "privileges": [privilege], "roles": [] };
    if let Err(error) = db.run_command(role).await {
        assert!(error.to_string().contains("51002"), "{error}");
    }
    let create = doc! { "createUser": "svc-rights", "pwd": "secret-word", "roles": ["appendOnly", "read"] };
    db.run_command(create).await.expect("creates");
    let error = mongo
        .try_login(&own)
        .await
        .expect_err("may only read and append")
        .to_string();
    assert!(error.contains("may not insert, update, remove"), "{error}");
    mongo.ensure_user(&own).await.expect("completes it");
    mongo.try_login(&own).await.expect("may now");
    let info = db
        .run_command(doc! { "usersInfo": "svc-rights" })
        .await
        .expect("info")
        .to_string();
    assert!(info.contains("appendOnly") && info.contains("readWrite"), "{info}");
    mongo.drop_user("svc-rights", "svc-rights").await.expect("drops");
}

#[tokio::test]
async fn the_root_users_name_is_found_out() {
    let Some(place) = place(Face::V4_2) else { return };
    let uri = ConnectionString::parse(&place.uri).expect("a good URI");
    let (Some(name), Some(password)) = (uri.user(), uri.password()) else {
        skipped("TEST_MONGO_URI names no user");
        return;
    };
    let host = &uri.hosts()[0];
    let bare = format!("mongodb://{}:{}/", host.name, host.port.unwrap_or(27017));
    let login = |users: &[&str], password| Login {
        uri: bare.clone().into(),
        password: Some(password),
        users: users.iter().map(|name| (*name).to_owned()).collect(),
    };
    let mongo = Mongo::connect(&login(&["admin-not", &name], password.clone()))
        .await
        .expect("the second is right");
    assert_eq!(mongo.facts().await.expect("facts").user, Some(name.clone()));
    let error = Mongo::connect(&login(&["admin-not", "nobody"], password))
        .await
        .expect_err("none is right")
        .to_string();
    assert!(error.contains("admin-not`, `nobody"), "{error}");
    let error = Mongo::connect(&login(&[&name], "wrong-word".to_owned().into()))
        .await
        .expect_err("wrong password");
    assert!(
        matches!(error, PortError::Forbidden(_)) && !error.to_string().contains("wrong-word"),
        "{error}"
    );
    // The connection string's own user is tried first, the others after it.
    let text = place.uri.replacen(&format!("{name}:"), "admin-not:", 1);
    let login = Login {
        uri: text.into(),
        password: None,
        users: vec![name.clone()],
    };
    let mongo = Mongo::connect(&login).await.expect("the candidate is right");
    assert_eq!(mongo.facts().await.expect("facts").user, Some(name));
}

#[tokio::test]
async fn no_server_is_a_clear_error_in_time() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port")
        .port();
    let start = Instant::now();
    let login = Login::uri(format!("mongodb://root:hunter2@127.0.0.1:{port}/").into());
    let error = Mongo::connect(&login).await.expect_err("nobody listens");
    assert!(start.elapsed() < Duration::from_secs(8));
    assert!(matches!(error, PortError::Unavailable(_)), "{error:?}");
    let words = error.to_string();
    assert!(
        words.contains(&format!("127.0.0.1:{port}")) && !words.contains("hunter2"),
        "{words}"
    );
    let error = Mongo::connect(&Login::uri("mongodb://root:hunter2/x@h/".to_owned().into()))
        .await
        .expect_err("malformed");
    assert!(
        matches!(error, PortError::Invalid(..)) && !error.to_string().contains("hunter2"),
        "{error}"
    );
}

#[tokio::test]
async fn a_user_that_knows_only_scram_sha_1_logs_in() {
    let Some(place) = place(Face::V4_2) else { return };
    let db = place.driver().await.database("svc-old");
    let _ = db.run_command(doc! { "dropUser": "svc-old" }).await;
    let create = doc! {
        "createUser": "svc-old", "pwd": "p@ss/word", "mechanisms": ["SCRAM-SHA-1"],
        "roles": [{ "role": "readWrite", "db": "svc-old" }],
    };
    db.run_command(create).await.expect("creates");
    let mongo = place.connect().await;
    let listed = mongo.users("svc-old").await.expect("lists");
    assert_eq!(listed[0].mechanisms, ["SCRAM-SHA-1"]);
    mongo.try_login(&user("svc-old", "p@ss/word")).await.expect("logs in");
    let error = mongo
        .try_login(&user("svc-old", "another-word"))
        .await
        .expect_err("not its password");
    assert!(matches!(error, PortError::Forbidden(_)), "{error}");
    let uri = ConnectionString::parse(&place.uri).expect("a good URI");
    let host = &uri.hosts()[0];
    let (name, port) = (&host.name, host.port.unwrap_or(27017));
    let uri = format!("mongodb://svc-old:p%40ss%2Fword@{name}:{port}/svc-old");
    let own = Mongo::connect(&Login::uri(uri.into())).await.expect("connects");
    own.outline("svc-old").await.expect("may read");
    mongo.drop_user("svc-old", "svc-old").await.expect("drops");
}

#[tokio::test]
async fn tls_wants_the_right_authority_name_and_certificate() {
    let Some(place) = place(Face::V4_2) else { return };
    let Some(server) = place.server else {
        skipped("TLS before the stand-in only");
        return;
    };
    let front = TlsFront::start(server.port(), &["localhost"]).expect("a front");
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let (ca, client) = (write("ca.pem", &front.ca), write("client.pem", &front.client));
    let other = TlsFront::start(server.port(), &["localhost"]).expect("another front");
    let strange = write("other.pem", &other.ca);
    let port = front.port();
    let uri = |host: &str, ca: &str, more: &str| {
        format!(
            "mongodb://root:root-password@{host}:{port}/?tls=true&tlsCAFile={ca}{more}&serverSelectionTimeoutMS=1500"
        )
    };
    let own = format!("&tlsCertificateKeyFile={client}");
    let connect = async |uri: String| Mongo::connect(&Login::uri(uri.into())).await;
    let mongo = connect(uri("localhost", &ca, &own)).await.expect("connects");
    mongo.list().await.expect("lists");
    for wrong in [
        uri("127.0.0.1", &ca, &own),
        uri("localhost", &strange, &own),
        uri("localhost", &ca, ""),
    ] {
        let error = connect(wrong.clone()).await.expect_err(&wrong);
        assert!(!error.to_string().contains("root-password"), "{error}");
    }
}

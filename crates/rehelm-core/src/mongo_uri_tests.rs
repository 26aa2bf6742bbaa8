//! Tests of [`super::ConnectionString`].

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::{ConnectionString, ConnectionStringError as E, Host};

const OLD: &str = "service-analytics-collector-provider";
const NEW: &str = "service-analytics-collector";

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn reads_every_part() {
    let uri =
        parse("mongodb://us%40er:p%3Aw@a.b:27018,[::1]:27019,%2Ftmp%2Fm.sock,10.0.0.1/d%2Db?authSource=admin&w=1\n");
    assert_eq!(uri.user().as_deref(), Some("us@er"));
    assert_eq!(uri.password().unwrap().expose_secret(), "p:w");
    assert_eq!(uri.database().as_deref(), Some("d-b"));
    assert_eq!(
        (uri.option("W").as_deref(), uri.auth_source().as_str()),
        (Some("1"), "admin")
    );
    let host = |name: &str, port| Host {
        name: name.into(),
        port,
    };
    assert_eq!(
        uri.hosts(),
        [
            host("a.b", Some(27018)),
            host("::1", Some(27019)),
            host("/tmp/m.sock", None),
            host("10.0.0.1", None)
        ]
    );
    let srv = parse("mongodb+srv://cluster0.example.net/?tls=true");
    assert!(srv.srv() && srv.user().is_none() && srv.database().is_none());
    assert_eq!(srv.auth_source(), "admin");
    assert_eq!(parse("mongodb://u:p@h/db").auth_source(), "db");
    assert_eq!(parse("mongodb://h?w=1").option("w").as_deref(), Some("1"));
}

#[test]
fn renames_user_and_database_only() {
    let text = format!("mongodb://{OLD}:{OLD}@{OLD}.mongo.svc:27017/{OLD}?appName={OLD}&authSource={OLD}\n");
    let new = parse(&text).rewrite((OLD, NEW), (OLD, NEW));
    let want = format!("mongodb://{NEW}:{OLD}@{OLD}.mongo.svc:27017/{NEW}?appName={OLD}&authSource={OLD}\n");
    assert_eq!(new.expose(), want);
    let want = want.replace(&format!("authSource={OLD}"), &format!("authSource={NEW}"));
    assert_eq!(new.rewrite_auth_source((OLD, NEW)).expose(), want);
    // Exact names only: a longer name that contains it is another database.
    let other = format!("mongodb://{OLD}-2:pw@h/{OLD}2");
    assert_eq!(parse(&other).rewrite((OLD, NEW), (OLD, NEW)).expose(), other);
    // Escaped names are the same names; a new name is escaped.
    let renamed = parse("mongodb://us%2Der:p%2Dw@h/d%62").rewrite(("us-er", "a b@c"), ("db", "x"));
    assert_eq!(renamed.expose(), "mongodb://a%20b%40c:p%2Dw@h/x");
}

#[test]
fn refuses_what_is_broken_or_ambiguous() {
    for (text, error) in [
        ("http://h/db", E::Scheme),
        ("", E::Scheme),
        ("mongodb://", E::Host(1)),
        ("mongodb://a,,b/db", E::Host(2)),
        ("mongodb://u:p@/db", E::Host(1)),
        ("mongodb://[::1/db", E::Host(1)),
        ("mongodb://h:0/db", E::Port(1)),
        ("mongodb://h:+1/db", E::Port(1)),
        ("mongodb://a,h:70000/db", E::Port(2)),
        ("mongodb+srv://a,b/db", E::Srv),
        ("mongodb+srv://a:1/db", E::Srv),
        ("mongodb://u%ff:p@h/db", E::Encoding("user")),
        ("mongodb://u:hunter2/x@h/db", E::Ambiguous),
        ("mongodb://u:12?hunter2@h/db", E::Ambiguous),
        ("mongodb://u:a@12/hunter2@h/db", E::Database),
        ("mongodb://h/a b", E::Database),
        ("mongodb://h/db?w", E::Option(1)),
        ("mongodb://h/db?w=1&=2", E::Option(2)),
    ] {
        let got = ConnectionString::parse(text).expect_err(text);
        assert_eq!(got, error, "{text}");
        assert!(!format!("{got} {got:?}").contains("hunter2"));
    }
}

#[test]
fn accepts_passwords_that_drivers_accept() {
    let uri = parse("mongodb://u:p@ss:w@h/db");
    assert_eq!(uri.password().unwrap().expose_secret(), "p@ss:w");
    assert_eq!(uri.to_string(), "mongodb://u:***@h/db");
}

#[test]
fn shows_no_secret() {
    let uri = parse("mongodb://u:hunter2@h/?tlsCertificateKeyFilePassword=hunter2&w=1&x=a@hunter2");
    assert_eq!(
        uri.to_string(),
        "mongodb://u:***@h/?tlsCertificateKeyFilePassword=***&w=1&x=***"
    );
    assert!(!format!("{uri:?}").contains("hunter2"));
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9._~-]{1,12}"
}

fn escaped() -> impl Strategy<Value = String> {
    "([a-zA-Z0-9!*-]|%2F|%40|%3A|%3f|%C3%A9){1,16}"
}

proptest! {
    #[test]
    fn keeps_every_byte(user in escaped(), password in escaped(), hosts in prop::collection::vec(name(), 1..4),
        database in name(), options in prop::collection::vec((name(), escaped()), 0..3)) {
        let options: Vec<_> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let tail = if options.is_empty() { String::new() } else { format!("?{}", options.join("&")) };
        let text = format!("mongodb://{user}:{password}@{}/{database}{tail}", hosts.join(","));
        let uri = parse(&text);
        prop_assert_eq!(uri.expose(), &text);
        prop_assert_eq!(uri.rewrite(("\0", "x"), ("\0", "x")), uri.clone());
        prop_assert_eq!(uri.hosts().len(), hosts.len());
    }

    #[test]
    fn a_password_that_holds_the_name_stays(before in escaped(), after in escaped(), host in name()) {
        let password = format!("{before}{OLD}{after}");
        let uri = parse(&format!("mongodb://{OLD}:{password}@{host}/{OLD}"));
        let new = uri.rewrite((OLD, NEW), (OLD, NEW));
        prop_assert_eq!(new.expose(), &format!("mongodb://{NEW}:{password}@{host}/{NEW}"));
        prop_assert!(new.password().unwrap().expose_secret() == uri.password().unwrap().expose_secret());
        prop_assert!(!uri.to_string().contains(&password));
    }

    #[test]
    fn never_panics(text in "(mongodb://|mongodb\\+srv://)?[a-z0-9:@/?%,\\[\\]&= \u{e9}]{0,40}") {
        if let Ok(uri) = ConnectionString::parse(&text) {
            let _ = (uri.to_string(), uri.hosts(), uri.auth_source(), uri.rewrite(("a", "b"), ("c", "d")));
        }
    }
}

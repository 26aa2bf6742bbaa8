//! The database server in processes of its own.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rehelm_testbed::mongo::{Options, spawn};

#[allow(clippy::print_stderr)]
#[test]
fn it_outlives_the_call_and_its_store_ends_with_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = Utf8Path::from_path(dir.path()).expect("a plain path");
    let options = Options {
        root_password: "a/b@c".into(),
        ..Options::default()
    };
    let spawned = match spawn(Utf8Path::new(env!("CARGO_BIN_EXE_rehelm-testbed")), folder, &options) {
        Err(error) if error.is_unavailable() => return eprintln!("SKIPPED: {error}"),
        other => other.expect("starts"),
    };
    assert_eq!(
        spawned.uri,
        format!("mongodb://root:a%2Fb%40c@127.0.0.1:{}/", spawned.port)
    );
    TcpStream::connect(("127.0.0.1", spawned.port)).expect("listens");
    let [front, store] = spawned.processes.as_slice() else {
        panic!("{:?}", spawned.processes)
    };
    assert!(front.alive() && store.alive());
    let arguments = std::fs::read_to_string(format!("/proc/{}/cmdline", front.pid)).expect("Linux");
    assert!(!arguments.contains("a/b@c"), "{arguments}");
    front.end();
    let start = Instant::now();
    while store.alive() {
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "the store goes on without its front"
        );
        std::thread::yield_now();
    }
}

//! Files of a run while processes die: SIGKILL at any moment, and at every byte that a file grows by.
#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::files::RunFiles;
use rehelm_core::ports::Files;

/// What the child is to do; it is this very test, started again.
const DEED: &str = "REHELM_TEST_FILES_DEED";
const FOLDER: &str = "REHELM_TEST_FILES_FOLDER";
/// Bytes that a file of the child may have; the system ends it, or refuses, at the next one.
const ROOM: &str = "REHELM_TEST_FILES_ROOM";

const OLD: &str = "the old content, which is as good as the new one";
const NEW: &str = "the new content is longer than the old content was: it takes some more bytes";

/// The part of a test that runs in the child; never returns there.
fn child(test: &str, deed: impl FnOnce(&RunFiles)) -> Option<impl Fn(&Utf8Path, Option<usize>, bool) -> Command> {
    if std::env::var(DEED).is_ok_and(|name| name == test) {
        let folder = std::env::var(FOLDER).expect("a folder");
        if let Ok(room) = std::env::var(ROOM) {
            let room = room.parse().ok();
            let limit = rustix::process::Rlimit {
                current: room,
                maximum: room,
            };
            rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).expect("limited");
        }
        deed(&RunFiles::open(Utf8Path::new(&folder)).expect("a folder"));
        return None;
    }
    let test = test.to_owned();
    Some(move |folder: &Utf8Path, room: Option<usize>, refuses: bool| {
        let myself = std::env::current_exe().expect("this test");
        // A signal that is ignored stays so in programs that are started: then the system refuses instead of ending.
        let trap = if refuses { "trap '' XFSZ; " } else { "" };
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{trap}exec \"$0\" \"$@\"")])
            .arg(myself)
            .args(["--exact", &test, "--nocapture", "--test-threads=1"])
            .env(DEED, &test)
            .env(FOLDER, folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(room) = room {
            command.env(ROOM, room.to_string());
        }
        command
    })
}

fn place() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = Utf8Path::from_path(dir.path()).expect("UTF-8").join("run");
    (dir, path)
}

#[test]
fn killed_at_any_moment_the_old_file_or_the_new_one_is_there() {
    let Some(start) = child("killed_at_any_moment_the_old_file_or_the_new_one_is_there", |files| {
        loop {
            files.write("a/plan.json".into(), OLD.as_bytes()).expect("written");
            files.write("a/plan.json".into(), NEW.as_bytes()).expect("written");
        }
    }) else {
        return;
    };
    let (_dir, path) = place();
    let files = RunFiles::open(&path).expect("a folder");
    files.write("a/plan.json".into(), OLD.as_bytes()).expect("written");
    let (mut old, mut new) = (0, 0);
    for round in 0..60_u64 {
        let mut child = start(&path, None, false).spawn().expect("started");
        // Any moment will do; these are spread over starting and many rounds of writing.
        std::thread::sleep(Duration::from_micros(3_000 + round * 1_317 % 20_000));
        child.kill().expect("SIGKILL");
        child.wait().expect("gone");
        match files.read("a/plan.json".into()).expect("readable").as_deref() {
            Some(content) if content == OLD.as_bytes() => old += 1,
            Some(content) if content == NEW.as_bytes() => new += 1,
            other => panic!("round {round}: {:?}", other.map(String::from_utf8_lossy)),
        }
    }
    assert_eq!(old + new, 60);
    assert_eq!(files.list("a".into()).expect("listed"), ["plan.json"]);
}

#[test]
fn killed_at_every_byte_the_old_file_or_the_new_one_is_there() {
    let Some(start) = child("killed_at_every_byte_the_old_file_or_the_new_one_is_there", |files| {
        files.write("plan.json".into(), NEW.as_bytes()).expect("written");
    }) else {
        return;
    };
    for room in 0..=NEW.len() {
        let (_dir, path) = place();
        let files = RunFiles::open(&path).expect("a folder");
        files.write("plan.json".into(), OLD.as_bytes()).expect("written");
        let ended = start(&path, Some(room), false).status().expect("started");
        let content = files.read("plan.json".into()).expect("readable").expect("there");
        let expected = if room < NEW.len() { OLD } else { NEW };
        assert_eq!(ended.success(), room == NEW.len(), "room for {room}");
        assert_eq!(String::from_utf8_lossy(&content), expected, "room for {room}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_part_of_a_line() {
    let Some(start) = child("a_full_disk_is_an_error_and_leaves_no_part_of_a_line", |files| {
        let written = files.append("journal.jsonl".into(), NEW);
        let whole = files.write("plan.json".into(), NEW.as_bytes());
        // What is said is what the parent looks at.
        let said = match (written, whole) {
            (Ok(()), Ok(())) => return,
            (Err(error), _) | (_, Err(error)) => error.to_string(),
        };
        assert!(
            said.contains("File too large") && said.contains(".rehelm-test"),
            "{said}"
        );
        std::process::exit(7);
    }) else {
        return;
    };
    let line = format!("{OLD}\n");
    for room in (0..=line.len() + NEW.len() + 1).step_by(3) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = Utf8Path::from_path(dir.path()).expect("UTF-8").join(".rehelm-test");
        let files = RunFiles::open(&path).expect("a folder");
        files.append("journal.jsonl".into(), OLD).expect("written");
        files.write("plan.json".into(), OLD.as_bytes()).expect("written");
        let ended = start(&path, Some(room), true).status().expect("started");
        let journal = files.read("journal.jsonl".into()).expect("readable").expect("there");
        let fits = line.len() + NEW.len() < room;
        assert_eq!(ended.code(), Some(if fits { 0 } else { 7 }), "room for {room}");
        let expected = if fits { format!("{line}{NEW}\n") } else { line.clone() };
        assert_eq!(String::from_utf8_lossy(&journal), expected, "room for {room}");
        let plan = files.read("plan.json".into()).expect("readable").expect("there");
        assert!([OLD.as_bytes(), NEW.as_bytes()].contains(&plan.as_slice()));
        assert_eq!(files.list("".into()).expect("listed"), ["journal.jsonl", "plan.json"]);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let (_dir, path) = place();
    let files = RunFiles::open(&path).expect("a folder");
    // A file where a folder should be stops everybody, root too.
    files.write("backup".into(), b"x").expect("written");
    let failed = files.write("backup/before/a.json".into(), b"y").expect_err("no folder");
    assert!(failed.to_string().contains("backup"), "{failed}");
    let failed = files.append("backup/journal".into(), "y").expect_err("no folder");
    assert!(failed.to_string().contains("backup"), "{failed}");
}

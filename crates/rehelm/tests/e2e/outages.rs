//! Others die: the API server, Helm, the connections between.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::scene::{Scene, differences};

/// Starts a command and waits for a step's beginning in the journal.
fn until_step(scene: &Scene, command: &[&str], kind: &str, log: &str) -> std::process::Child {
    let mut child = scene.start(command, log);
    let words = format!("\"kind\":\"{kind}\"");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let text = std::fs::read_to_string(scene.run_file("journal.jsonl")).unwrap_or_default();
        if text.contains(&words) {
            return child;
        }
        if let Some(status) = child.try_wait().expect("a child") {
            let said = std::fs::read_to_string(scene.folder().join(log)).unwrap_or_default();
            panic!("ended with {status} before {kind}:\n{said}");
        }
        assert!(Instant::now() < deadline, "never came to {kind}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Exit codes that say: the same command goes on.
fn resumable(code: Option<i32>) -> bool {
    matches!(code, Some(0 | 1 | 4 | 9 | 11))
}

/// Resumes until it is done; a lock that could not be given back ends by itself.
fn resume(scene: &Scene, words: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(240);
    loop {
        let said = scene.rehelm(words);
        if said.code == 0 {
            return;
        }
        assert!(resumable(Some(said.code)), "{}: {}", said.code, said.err);
        assert!(Instant::now() < deadline, "{}: {}", said.code, said.err);
    }
}

#[test]
fn the_api_server_dies_in_the_middle_and_so_does_helm() {
    let Some(mut scene) = Scene::up("notes") else { return };
    let (before, bystander) = (scene.outside(), scene.bystander());
    scene.plan().code(0);
    for (command, kind) in [("prepare", "secrets"), ("migrate", "rebind")] {
        let child = until_step(&scene, &[command, "--yes"], kind, "api.log");
        scene.bed.kill_api();
        // Long enough for requests to fail, short enough for some to be sent again.
        std::thread::sleep(Duration::from_secs(3));
        scene.start_api();
        let ended = child.wait_with_output().expect("ended").status;
        assert!(resumable(ended.code()), "{kind}: {ended}");
        // A phase that came through has nothing to resume.
        resume(&scene, &["resume", "--yes"]);
        if kind == "secrets" {
            scene.rehelm(&["prepare", "--yes"]).code(0);
        }
    }
    scene.rehelm(&["migrate", "--yes"]).code(0);
    scene.rehelm(&["verify"]).code(0);
    resume(&scene, &["rollback", "--yes", "--drop-copies"]);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));

    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    let child = until_step(&scene, &["migrate", "--yes"], "release", "helm.log");
    kill_helm(child.id());
    let ended = child.wait_with_output().expect("ended").status;
    assert!(resumable(ended.code()), "{ended}");
    resume(&scene, &["resume", "--yes"]);
    scene.rehelm(&["verify"]).code(0);
    assert_eq!(scene.bystander(), bystander);
}

/// SIGKILL for the Helm that this process started, as soon as there is one.
fn kill_helm(parent: u32) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let children = std::fs::read_dir("/proc").expect("proc").filter_map(|entry| {
            let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (name, rest) = stat.rsplit_once(") ")?;
            let of: u32 = rest.split(' ').nth(1)?.parse().ok()?;
            let words = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
            let installs = name.contains("(helm") && words.contains("upgrade");
            (of == parent && installs).then_some(pid)
        });
        if let Some(pid) = children.into_iter().next() {
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
            // It may be done already.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            return;
        }
        assert!(Instant::now() < deadline, "Helm never came");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A connection between: every piece is late, and each connection ends in the middle of something after a while.
fn proxy(to: String) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let dropped = Arc::new(AtomicU64::new(0));
    let count = dropped.clone();
    std::thread::spawn(move || {
        let mut seed: u64 = 0x5eed;
        for client in listener.incoming().flatten() {
            // A plain congruential generator: the same connections end at the same byte each time.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let Ok(server) = TcpStream::connect(&to) else { continue };
            // The handshake takes some 6 kB; after that a few requests or many.
            let room = 20_000 + (seed >> 33) % 600_000;
            let delay = Duration::from_millis((seed >> 20) % 8);
            for (from, to) in [(&client, &server), (&server, &client)] {
                let (from, to) = (from.try_clone().expect("cloned"), to.try_clone().expect("cloned"));
                let dropped = count.clone();
                std::thread::spawn(move || pass(from, to, room, delay, &dropped));
            }
        }
    });
    (port, dropped)
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut room: u64, delay: Duration, dropped: &AtomicU64) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        std::thread::sleep(delay);
        let whole = room >= read as u64;
        let read = read.min(usize::try_from(room).unwrap_or(usize::MAX));
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
        if !whole {
            dropped.fetch_add(1, Ordering::SeqCst);
            break;
        }
        room -= read as u64;
    }
    // Nobody waits for a proper goodbye.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn connections_are_slow_and_break() {
    let Some(mut scene) = Scene::up("notes") else { return };
    let (before, bystander) = (scene.outside(), scene.bystander());
    scene.plan().code(0);
    let api = format!("127.0.0.1:{}", scene.bed.state().ports.api);
    let (port, dropped) = proxy(api.clone());
    scene.reach_api_at(&api, &format!("127.0.0.1:{port}"));
    resume(&scene, &["prepare", "--yes"]);
    resume(&scene, &["migrate", "--yes"]);
    resume(&scene, &["verify"]);
    assert_eq!(scene.bystander(), bystander);
    resume(&scene, &["rollback", "--yes", "--drop-copies"]);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    let dropped = dropped.load(Ordering::SeqCst);
    eprintln!("{dropped} connections broke");
    assert!(dropped > 3, "{dropped} connections broke");
}

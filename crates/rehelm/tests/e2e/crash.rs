//! SIGKILL in the middle, then the same command again.

use std::time::{Duration, Instant};

use crate::scene::{Scene, differences};

/// Kills a command as soon as its journal shows a line with these words.
fn kill_at(scene: &Scene, command: &[&str], words: &[&str], log: &str) {
    let mut child = scene.start(command, log);
    let journal = scene.run_file("journal.jsonl");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let text = std::fs::read_to_string(&journal).unwrap_or_default();
        if text.lines().any(|line| words.iter().all(|w| line.contains(w))) {
            break;
        }
        if let Some(status) = child.try_wait().expect("a child") {
            let said = std::fs::read_to_string(scene.folder().join(log)).unwrap_or_default();
            panic!("ended with {status} before {words:?}:\n{said}\n{text}");
        }
        assert!(Instant::now() < deadline, "never came to {words:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("SIGKILL");
    child.wait().expect("gone");
}

/// Five places on the way there; each time the same command goes on, and the end is the one of an undisturbed run.
#[test]
fn killed_on_the_way_there() {
    let Some(scene) = Scene::up("aws") else { return };
    let bystander = scene.bystander();
    scene.plan().code(0);
    for (n, kind) in ["secrets", "claims", "recreate"].iter().enumerate() {
        kill_at(
            &scene,
            &["prepare", "--yes"],
            &["step-started", &format!("\"kind\":\"{kind}\"")],
            &format!("p{n}.log"),
        );
    }
    scene.rehelm(&["prepare", "--yes"]).code(0);
    for (n, kind) in ["scale", "copy", "rebind", "release", "ready"].iter().enumerate() {
        kill_at(
            &scene,
            &["migrate", "--yes"],
            &["step-started", &format!("\"kind\":\"{kind}\"")],
            &format!("m{n}.log"),
        );
    }
    scene.rehelm(&["migrate", "--yes"]).code(0);
    scene.rehelm(&["verify"]).code(0);
    assert_eq!(scene.bystander(), bystander);
}

/// On the way there and on the way back.
#[test]
fn killed_on_the_way_back() {
    let Some(scene) = Scene::up("local") else { return };
    let before = scene.outside();
    scene.plan().code(0);
    scene.rehelm(&["prepare", "--yes"]).code(0);
    kill_at(
        &scene,
        &["migrate", "--yes"],
        &["step-started", "\"kind\":\"release\""],
        "m.log",
    );
    let numbers: Vec<u64> = std::fs::read_to_string(scene.run_file("journal.jsonl"))
        .expect("a journal")
        .lines()
        .filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        .filter(|r| r["event"] == "step-started")
        .filter_map(|r| r["step"].as_u64())
        .collect();
    for (n, step) in numbers.iter().rev().take(3).enumerate() {
        let step = format!("\"step\":{step},");
        kill_at(
            &scene,
            &["rollback", "--yes"],
            &["undo-started", &step],
            &format!("r{n}.log"),
        );
    }
    scene.rehelm(&["rollback", "--yes"]).code(0);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

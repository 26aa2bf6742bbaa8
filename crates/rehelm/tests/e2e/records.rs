//! SIGKILL at every record of the journal, there and back; `resume` goes on each time, and the end is the one of an
//! undisturbed run.
//!
//! `REHELM_RECORDS=all` kills at every record, otherwise at every seventh; `cargo xtask sweep --real` sets it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scene::{Scene, differences};

/// What the journal says so far, apart from what is said again after each kill.
fn records(scene: &Scene) -> BTreeSet<String> {
    let text = std::fs::read_to_string(scene.run_file("journal.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .map(|r| {
            format!(
                "{} {} {} {} {}",
                r["event"], r["command"], r["step"], r["key"], r["phase"]
            )
        })
        .collect()
}

/// Runs a command, and kills it when the journal says something that it did not say before, `stride` things ahead. True
/// when the command came to its end first.
fn killed_ahead(scene: &Scene, command: &[&str], stride: usize, log: &str) -> bool {
    let aim = records(scene).len() + stride;
    let mut child = scene.start(command, log);
    let deadline = Instant::now() + Duration::from_secs(300);
    let journal = scene.run_file("journal.jsonl");
    let mut length = None;
    loop {
        // Reading the whole journal takes longer than some steps; its length tells at once that there is more.
        let now = std::fs::metadata(&journal).map(|file| file.len()).ok();
        if now != length && records(scene).len() >= aim {
            child.kill().expect("SIGKILL");
            child.wait().expect("gone");
            return false;
        }
        length = now;
        if let Some(status) = child.try_wait().expect("a child") {
            let said = std::fs::read_to_string(scene.folder().join(log)).unwrap_or_default();
            assert!(status.success(), "{command:?} ended with {status}:\n{said}");
            return true;
        }
        assert!(Instant::now() < deadline, "{command:?} does not come to an end");
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// Begins with a command and resumes it after each kill; gives the number of kills.
fn through(scene: &Scene, command: &[&str], stride: usize) -> usize {
    let resume: &[&str] = match command.contains(&"rollback") {
        true => &["resume", "--yes", "--drop-copies"],
        false => &["resume", "--yes"],
    };
    let mut kills = 0;
    // Killed before its first record there is nothing to resume yet.
    let mut next = command;
    while !killed_ahead(scene, next, stride, "killed.log") {
        kills += 1;
        next = resume;
    }
    kills
}

fn killed_all_the_way(scenario: &str) {
    let Some(scene) = Scene::up(scenario) else { return };
    let all = std::env::var("REHELM_RECORDS").is_ok_and(|which| which == "all");
    let stride = if all { 1 } else { 7 };
    let (before, bystander) = (scene.outside(), scene.bystander());
    scene.plan().code(0);
    let mut kills = through(&scene, &["prepare", "--yes"], stride);
    kills += through(&scene, &["migrate", "--yes"], stride);
    let recorded = records(&scene).len();
    scene.rehelm(&["verify"]).code(0);
    assert_eq!(scene.bystander(), bystander);
    let there = kills;
    kills += through(&scene, &["rollback", "--yes", "--drop-copies"], stride);
    let differ = differences(&before, &scene.outside());
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert_eq!(scene.bystander(), bystander);
    eprintln!(
        "{scenario}: {there} kills on the way there, which has {recorded} records; {} on the way back",
        kills - there
    );
    assert!(kills >= 5, "{kills} kills");
    scene.rehelm(&["resume", "--yes"]).code(0);
}

#[test]
fn aws() {
    killed_all_the_way("aws");
}

#[test]
fn notes() {
    killed_all_the_way("notes");
}

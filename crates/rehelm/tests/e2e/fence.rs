//! Two processes and one lock: who was stopped for too long cannot write any more when it wakes.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::scene::Scene;

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("signalled");
}

fn until(what: &str, seconds: u64, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !there() {
        assert!(Instant::now() < deadline, "never came to: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_holder_that_slept_too_long_writes_nothing_when_it_wakes() {
    let Some(scene) = Scene::up("notes") else { return };
    scene.plan().code(0);
    let first = scene.start(&["prepare", "--yes"], "first.log");
    let journal = scene.run_file("journal.jsonl");
    until("the secrets", 60, || {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"kind\":\"secrets\""))
    });
    signal(&first, Signal::STOP);
    // The second process has nothing of the first one but the cluster. It waits until the lock has ended.
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = scene.folder().join("rehelm.yaml");
    std::fs::copy(yaml, folder.path().join("rehelm.yaml")).expect("copied");
    let place = folder.path().to_str().expect("UTF-8");
    let resume = || scene.rehelm_in(place, &["resume", "--yes"]);
    assert_eq!(resume().code, 9, "while the lock is fresh, nobody else gets it");
    let mut last = resume();
    until("the end of the lock", 120, || {
        last = resume();
        last.code != 9
    });
    let last = last.code(0);
    assert!(last.err.contains("Took over run"), "{}", last.err);
    let marks = || {
        let all = "secrets,persistentvolumeclaims,configmaps,persistentvolumes,storageclasses,clusterroles";
        let each = "jsonpath={range .items[*]}{.metadata.uid}/{.metadata.resourceVersion} {end}";
        scene.kubectl(&["get", all, "-A", "-o", each])
    };
    let before = marks();
    signal(&first, Signal::CONT);
    let ended = first.wait_with_output().expect("ended").status;
    let said = std::fs::read_to_string(scene.folder().join("first.log")).unwrap_or_default();
    assert_eq!(ended.code(), Some(9), "{said}");
    assert!(said.contains("the lock was lost"), "{said}");
    assert_eq!(marks(), before, "it wrote after it woke");
    // The run goes on where it was taken over, and nowhere else.
    scene.rehelm(&["migrate", "--yes"]).code(6);
    scene.rehelm_in(place, &["migrate", "--yes"]).code(0);
    scene.rehelm_in(place, &["verify"]).code(0);
    scene.rehelm_in(place, &["rollback", "--yes", "--drop-copies"]).code(0);
}

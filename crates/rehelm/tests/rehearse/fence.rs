//! Two processes and one lock: who was stopped for too long cannot write any more when it wakes.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::hall::{Hall, Said};

const PLAN: [&str; 5] = [
    "plan",
    "--fill-values",
    "--accept",
    "database-not-configured",
    "--kubeconfig",
];

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("signalled");
}

/// The lines of the journal that hold these words.
fn journaled(hall: &Hall, words: &str) -> usize {
    let text = std::fs::read_to_string(hall.path(".rehelm/journal.jsonl")).unwrap_or_default();
    text.lines().filter(|line| line.contains(words)).count()
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
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    let kubeconfig = served.kubeconfig.as_str();
    let made = hall.rehelm(&[&PLAN[..], &[kubeconfig]].concat());
    assert_eq!(made.code, 0, "{}", made.err);
    let first = hall
        .command(&["prepare", "--yes", "--kubeconfig", kubeconfig])
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(hall.path("first.log")).expect("a log"))
        .spawn()
        .expect("started");
    until("the secrets", 60, || journaled(&hall, "\"kind\":\"secrets\"") > 0);
    signal(&first, Signal::STOP);
    // The second process has nothing of the first one but the cluster. It waits until the lock has ended.
    let second = tempfile::tempdir().expect("a folder");
    rehelm::rehearsal::example::write(second.path().to_str().expect("UTF-8").into()).expect("written");
    let resume = || {
        let mut command = hall.command(&["resume", "--yes", "--kubeconfig", kubeconfig]);
        let output = command.current_dir(second.path()).output().expect("started");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::new(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    assert_eq!(resume().code, 9, "while the lock is fresh, nobody else gets it");
    let mut last = resume();
    until("the end of the lock", 120, || {
        last = resume();
        last.code != 9
    });
    assert_eq!(last.code, 0, "{}", last.err);
    let marks = || {
        let all = "secrets,persistentvolumeclaims,configmaps,persistentvolumes,storageclasses,clusterroles";
        served.kubectl(&[
            "get",
            all,
            "-A",
            "-o",
            "jsonpath={range .items[*]}{.metadata.uid}/{.metadata.resourceVersion} {end}",
        ])
    };
    let before = marks();
    signal(&first, Signal::CONT);
    let ended = first.wait_with_output().expect("ended").status;
    let said = std::fs::read_to_string(hall.path("first.log")).unwrap_or_default();
    assert_eq!(ended.code(), Some(9), "{said}");
    assert!(said.contains("the lock was lost"), "{said}");
    assert_eq!(marks(), before, "it wrote after it woke");
}

//! The whole course, and what it says when something is wrong.

use crate::hall::Hall;

#[test]
fn there_and_back_and_there_again() {
    let Some(hall) = Hall::open() else { return };
    let said = hall.rehearse(&["--example", "-o", "json"]).code(0).says(&[
        "The plan",
        "Prepare",
        "Migrate",
        "outage begins",
        "outage ends",
        "Verify",
        "Back",
        "Everything is as before",
        "There again",
        "Cleanup",
        "The rehearsal went through",
    ]);
    let account = said.json();
    assert_eq!(account["back"]["differences"].as_array().map(Vec::len), Some(0));
    assert_eq!(account["outageSeconds"].as_array().map(Vec::len), Some(2));
    assert!(
        account["requests"].as_u64() > Some(100) && account["helmCalls"].as_u64() > Some(4),
        "{account:#}"
    );
    let outage = account["outageSeconds"][0].as_f64().expect("a number");
    assert!((1.0..300.0).contains(&outage), "{outage}");
    // Nothing is left, neither there nor here.
    assert!(!camino::Utf8Path::new(account["folder"].as_str().expect("a path")).exists());
    assert!(!hall.path(".rehelm").exists());
}

#[test]
fn the_same_rehearsal_ends_the_same() {
    let Some(hall) = Hall::open() else { return };
    let end = || hall.rehearse(&["--example", "-o", "json"]).code(0).json()["end"].clone();
    assert_eq!(end(), end());
}

#[test]
fn the_journal_goes_to_stdout_when_asked_for() {
    let Some(hall) = Hall::open() else { return };
    let said = hall.rehearse(&["--example", "-o", "jsonl", "--quiet"]).code(0);
    let records: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a record"))
        .collect();
    let count = |event: &str| records.iter().filter(|record| record["event"] == event).count();
    assert_eq!(
        (count("run-started"), count("rolled-back"), count("cleaned-up")),
        (2, 1, 1)
    );
}

#[test]
fn an_image_that_cannot_be_pulled_fails_there_and_the_way_back_works() {
    let Some(hall) = Hall::open() else { return };
    // The chart's own image only: the old install runs on.
    let said = hall.rehearse(&["--example", "--fault", "pod=notes/web-:pull"]);
    said.code(4).says(&[
        "failed after",
        "The way back from there",
        "Everything is as before",
        "the rehearsed migration failed",
    ]);
}

#[test]
fn it_stops_after_a_step_by_number_or_by_name() {
    let Some(hall) = Hall::open() else { return };
    hall.rehearse(&["--example", "--until", "scale"])
        .code(0)
        .says(&["outage begins", "Stopped after step", "--serve"]);
    let said = hall
        .rehearse(&["--example", "--until", "2"])
        .code(0)
        .says(&["Stopped after step 2"]);
    assert!(
        !said.err.contains("3 secrets    5 secrets, converted   "),
        "{}",
        said.err
    );
    hall.rehearse(&["--example", "--until", "reebind"]).code(2);
}

#[test]
fn a_plan_of_another_cluster_is_stale() {
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    let kubeconfig = served.kubeconfig.as_str();
    hall.rehelm(&["snapshot", "--redact", "--kubeconfig", kubeconfig])
        .code(0);
    let plan = [
        "plan",
        "--fill-values",
        "--accept",
        "database-not-configured",
        "--out",
        "plan.json",
    ];
    let plan = [&plan[..], &["--kubeconfig", kubeconfig]].concat();
    let made = hall.rehelm(&plan);
    assert!([0, 3].contains(&made.code), "{}", made.err);
    served.kubectl(&[
        "-n",
        "notes-old",
        "patch",
        "service",
        "web",
        "-p",
        r#"{"spec":{"sessionAffinity":"ClientIP"}}"#,
    ]);
    hall.rehelm(&[
        "snapshot",
        "--redact",
        "--out",
        "later.tar.zst",
        "--kubeconfig",
        kubeconfig,
    ])
    .code(0);
    if made.code == 0 {
        hall.rehearse(&["plan.json", "--snapshot", "snapshot.tar.zst"]).code(0);
        hall.rehearse(&["plan.json", "--snapshot", "later.tar.zst"]).code(8);
    }
}

//! Verbs that read a saved plan and a journal, and need no cluster.

use rehelm_core::journal::{Event, Record};
use rehelm_core::plan::{ClusterInfo, Phase, Plan, ProfileInfo, Range, SourceInfo, Step, TargetInfo};
use rehelm_core::steps::StepSpec;
use rehelm_core::steps::namespace::Namespace;
use rehelm_core::steps::retain::{KeptVolume, Retain};

use crate::place::Place;

fn plan() -> Plan {
    let volume = KeptVolume {
        volume: "pv-1".into(),
        uid: "u1".into(),
        claim: "data".into(),
        policy: "Delete".into(),
    };
    let namespace = Namespace {
        name: "shop-new".into(),
        exists: false,
    };
    let specs = [
        StepSpec::Namespace(namespace),
        StepSpec::Retain(Retain { volumes: vec![volume] }),
    ];
    let steps = specs.into_iter().zip(1..).map(|(spec, number)| Step {
        number,
        phase: Phase::Prepare,
        spec,
    });
    Plan {
        format: rehelm_core::plan::FORMAT,
        profile: ProfileInfo {
            name: "shop".into(),
            digest: "sha256:p".into(),
        },
        scenario: "in-cluster".into(),
        cluster: ClusterInfo {
            uid: "c".into(),
            version: "v1.23.0".into(),
        },
        source: SourceInfo {
            context: "prod".into(),
            namespace: "shop-old".into(),
            kustomize: vec!["kustomize".into()],
            build: "sha256:b".into(),
        },
        target: TargetInfo {
            namespace: "shop-new".into(),
            release: "shop".into(),
            chart: "oci://x/shop".into(),
            chart_name: "shop".into(),
            version: "1.0.0".into(),
            digest: "sha256:c".into(),
            values: vec![],
            fills: vec![],
            helm_flags: vec![],
            post_renderer: None,
        },
        objects: vec![],
        plurals: Default::default(),
        steps: steps.collect(),
        findings: vec![],
        accepted: vec![],
        confirmed: vec![],
        outage_seconds: Range::default(),
    }
}

fn place() -> Place {
    let place = Place::with_product();
    place.write(".rehelm/plan.json", &plan().to_json());
    place
}

fn journal(place: &Place, events: Vec<Event>) {
    let mut prev = String::new();
    let mut text = String::new();
    for (n, event) in (1..).zip(events) {
        let at = jiff::Timestamp::from_second(1_700_000_000 + n * 2).expect("a time");
        let record = Record {
            n: n.unsigned_abs(),
            at,
            prev,
            event,
        };
        let line = serde_json::to_string(&record).expect("JSON");
        prev = rehelm_core::digest::of_bytes(line.as_bytes());
        text.push_str(&format!("{line}\n"));
    }
    place.write(".rehelm/journal.jsonl", &text);
}

#[test]
fn a_step_is_shown_by_number_and_by_name() {
    let place = place();
    let by_number = place.rehelm("show 2");
    assert_eq!(by_number, place.rehelm("show retain"));
    insta::assert_snapshot!(by_number);
    insta::assert_snapshot!("no_such_step", place.rehelm("show retian"));
}

#[test]
fn a_step_for_programs() {
    let said = place().rehelm("show 1 -o json");
    assert!(
        said.starts_with("exit 0\n") && said.contains("\"kind\": \"namespace\""),
        "{said}"
    );
}

#[test]
fn status_before_and_in_a_run() {
    let place = place();
    let planned = place.rehelm("status");
    let run = Event::RunStarted {
        // Its lines are written without proofs.
        format: 1,
        run: "r1".into(),
        plan: plan().digest(),
        version: None,
        accepted: vec![],
    };
    let by = Event::PhaseStarted {
        command: "prepare".into(),
        by: "me".into(),
    };
    let started = |step, kind: &str| Event::StepStarted {
        step,
        kind: kind.into(),
    };
    let failed = Event::StepFailed {
        step: 2,
        why: "no answer".into(),
    };
    let events = vec![
        run,
        by,
        started(1, "namespace"),
        Event::StepDone { step: 1 },
        started(2, "retain"),
        failed,
    ];
    journal(&place, events);
    insta::assert_snapshot!(format!("{planned}\n{}", place.rehelm("status")));
}

#[test]
fn a_damaged_journal_is_refused_with_its_line() {
    let place = place();
    place.write(".rehelm/journal.jsonl", "{\"n\":1}\nnonsense\n");
    let said = place.rehelm("status");
    assert!(
        said.starts_with("exit 1\n") && said.contains("journal.jsonl:1"),
        "{said}"
    );
}

#[test]
fn a_plan_of_a_newer_format_is_refused() {
    let place = place();
    let newer = plan().to_json().replace("\"format\": 1", "\"format\": 99");
    place.write(".rehelm/plan.json", &newer);
    insta::assert_snapshot!(place.rehelm("show 1"));
}

#[test]
fn an_output_format_that_a_verb_does_not_have_is_a_usage_error() {
    insta::assert_snapshot!(place().rehelm("show 1 -o jsonl"));
}

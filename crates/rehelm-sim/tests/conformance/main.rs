//! The simulator against a real control plane: request scripts, and real clients.
//!
//! - Without anything, the simulator is compared with the answers that a real server gave (`conformance/recorded`).
//! - `cargo xtask conformance` compares it with a live control plane, and records that one's answers on request.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, missing_docs)]

mod clients;
mod diff;
mod endpoint;
mod figure;
mod inputs;
mod live;
mod normal;
mod remains;
mod run;
mod script;
mod suite;

/// The kubeconfig of a live control plane; set by `cargo xtask conformance`.
pub const KUBECONFIG: &str = "REHELM_CONFORMANCE_KUBECONFIG";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulator_answers_as_recorded() {
    let figure = suite::recorded().await;
    println!("{figure}");
    assert!(figure.passed(), "{}", figure.complaints());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_simulator_answers_as_a_live_control_plane() {
    let Some(kubeconfig) = std::env::var_os(KUBECONFIG) else {
        println!("skipped: {KUBECONFIG} is not set; `cargo xtask conformance` runs this");
        return;
    };
    let figure = suite::live(kubeconfig.as_ref()).await;
    println!("{figure}");
    assert!(figure.passed(), "{}", figure.complaints());
}

#[test]
fn the_suite_is_large_enough() {
    let scripts = script::all();
    let steps: usize = scripts.iter().map(|script| script.content.steps.len()).sum();
    assert!(steps >= 250, "{steps} requests are too few");
    for script in &scripts {
        assert!(
            !script.content.about.is_empty(),
            "{} does not say what it is about",
            script.name
        );
        for step in &script.content.steps {
            let given = [&step.request, &step.run, &step.settle, &step.watch, &step.apply];
            let said = given.iter().filter(|given| given.is_some()).count();
            assert_eq!(
                said,
                1,
                "{}: a step does exactly one thing: {}",
                script.name,
                step.title()
            );
        }
    }
}

#[test]
fn every_gap_says_why() {
    for gap in diff::gaps() {
        assert!(
            gap.reason.split_whitespace().count() >= 4,
            "{} {}: no reason",
            gap.script,
            gap.step
        );
    }
}

/// The README says of every gap what the list says. `REHELM_CONFORMANCE_RECORD=1` writes it there.
#[test]
fn the_readme_lists_the_gaps() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).expect("the README");
    let (start, rest) = text.split_once("<!-- gaps -->\n").expect("the beginning of the gaps");
    let (listed, end) = rest.split_once("<!-- end of gaps -->").expect("the end of the gaps");
    let mut reasons: Vec<String> = Vec::new();
    for gap in diff::gaps() {
        let line = format!("- {}\n", gap.reason);
        if !reasons.contains(&line) {
            reasons.push(line);
        }
    }
    let wanted = reasons.concat();
    if std::env::var_os("REHELM_CONFORMANCE_RECORD").is_some() {
        let text = format!("{start}<!-- gaps -->\n{wanted}<!-- end of gaps -->{end}");
        std::fs::write(&path, text).expect("the README");
        return;
    }
    assert_eq!(
        listed, wanted,
        "gaps.yaml and README.md differ; run this with REHELM_CONFORMANCE_RECORD=1"
    );
}

//! All scripts: against the recordings, or against a live control plane.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;

use crate::clients::tools;
use crate::diff::{self, Gap};
use crate::endpoint::{Endpoint, Simulated};
use crate::figure::{Figure, Outcome};
use crate::live::Live;
use crate::normal::normal;
use crate::run;
use crate::script::{self, Script};

/// Comma-separated names of the only scripts to run.
const ONLY: &str = "REHELM_CONFORMANCE_ONLY";

/// Set when the live answers are to be stored.
const RECORD: &str = "REHELM_CONFORMANCE_RECORD";

/// A file for the figure as JSON.
const REPORT: &str = "REHELM_CONFORMANCE_REPORT";

/// Time that a script may take on the simulator.
const LONGEST: Duration = Duration::from_secs(600);

/// Scripts that run side by side on the real server.
const ABREAST: usize = 8;

fn chosen() -> Vec<Script> {
    let only = std::env::var(ONLY).unwrap_or_default();
    let wanted: Vec<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let mut all = script::all();
    all.retain(|script| wanted.is_empty() || wanted.contains(&script.name.as_str()));
    all
}

fn recording(script: &Script) -> std::path::PathBuf {
    script::folder().join("recorded").join(format!("{}.json", script.name))
}

/// Compares the simulator with what was recorded.
pub async fn recorded() -> Figure {
    let scripts = chosen();
    let (mut skipped, tools) = (Vec::new(), tools::there());
    let runs = |script: &Script| script.content.steps.iter().any(|step| step.run.is_some());
    for script in scripts.iter().filter(|script| runs(script) && !tools) {
        skipped.push(format!("{}: kubectl and Helm are not here", script.name));
    }
    let outcomes = scripts
        .iter()
        .filter(|script| script.content.needs.is_none() && (tools || !runs(script)))
        .map(|script| async move {
            let path = recording(script);
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|why| panic!("{}: {why}; `cargo xtask conformance --record` makes it", path.display()));
            let real: Value = serde_json::from_str(&text).expect("a recording");
            compare(script, &real).await
        });
    let outcomes = futures::stream::iter(outcomes).buffered(1).collect().await;
    finish(outcomes, skipped)
}

/// Compares the simulator with a live control plane.
pub async fn live(kubeconfig: &Path) -> Figure {
    let server = Arc::new(Live::new(kubeconfig));
    let (mut outcomes, mut skipped) = (Vec::new(), Vec::new());
    let missing = |script: &Script| {
        let needs = script.content.needs.as_ref();
        needs.is_some_and(|path| !script::root().join(path).exists())
    };
    let (out, scripts): (Vec<_>, Vec<_>) = chosen().into_iter().partition(missing);
    for script in out {
        skipped.push(format!(
            "{}: {} is not here",
            script.name,
            script.content.needs.unwrap_or_default()
        ));
    }
    let (alone, together): (Vec<_>, Vec<_>) = scripts.into_iter().partition(|script| script.content.alone);
    for (abreast, scripts) in [(1, alone), (ABREAST, together)] {
        let runs = scripts.into_iter().map(|script| {
            let server = server.clone();
            async move { one_live(&*server, &script).await }
        });
        let mut done = futures::stream::iter(runs).buffered(abreast);
        while let Some(outcome) = done.next().await {
            outcomes.push(outcome);
        }
    }
    finish(outcomes, skipped)
}

async fn one_live(server: &dyn Endpoint, script: &Script) -> Outcome {
    let real = normal(&run::run(server, script).await);
    if std::env::var_os(RECORD).is_some() && script.content.needs.is_none() {
        let text = serde_json::to_string_pretty(&real).expect("JSON");
        std::fs::write(recording(script), text + "\n").expect("a recording");
    }
    compare(script, &real).await
}

async fn compare(script: &Script, real: &Value) -> Outcome {
    let task = {
        let script = script.clone();
        tokio::spawn(async move {
            let simulated = Simulated::new().await;
            normal(&run::run(&simulated, &script).await)
        })
    };
    let simulated = tokio::time::timeout(LONGEST, task).await;
    let simulated = simulated.unwrap_or_else(|_| panic!("{} does not end on the simulator", script.name));
    let simulated = simulated.unwrap_or_else(|why| panic!("{} fails on the simulator: {why}", script.name));
    Outcome::new(&script.name, real, &simulated, &diff::gaps())
}

fn finish(outcomes: Vec<Outcome>, skipped: Vec<String>) -> Figure {
    let names: Vec<String> = outcomes.iter().map(|outcome| outcome.script.clone()).collect();
    let whole = std::env::var_os(ONLY).is_none() && skipped.is_empty();
    let used = |gap: &Gap| outcomes.iter().any(|outcome| outcome.gaps.contains(&gap.reason_key()));
    let stale = diff::gaps().into_iter().filter(|gap| {
        let ran = whole || names.contains(&gap.script);
        ran && !gap.live && !used(gap)
    });
    let stale = stale.map(|gap| gap.reason_key()).collect();
    let figure = Figure {
        outcomes,
        skipped,
        stale,
    };
    if let Some(path) = std::env::var_os(REPORT) {
        std::fs::write(path, figure.to_json().to_string()).expect("the report");
    }
    figure
}

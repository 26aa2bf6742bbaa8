//! How long learning the map of a chart takes, beside two naive ways to the same knowledge: one render for each value, and
//! what was tried by hand on the reference chart (every text and number at once, then the rest one by one). All three run in
//! one go on the same machine, with the same Helm, nothing remembered. Our own charts always, the one that
//! `REHELM_VENDOR_CHART` names when it is set. Prints figures; it judges nothing.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

#[path = "values/naive.rs"]
mod naive;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rehelm_clients::helm::offline::{OfflineHelm, Task};
use rehelm_core::values::learn::learn;
use rehelm_core::values::render::{Phase, Progress};

/// Set to a name, only charts with it in theirs are measured.
const ONLY: &str = "REHELM_BENCH_ONLY";
/// Set, the naive ways are left out.
const QUICK: &str = "REHELM_BENCH_QUICK";

/// One way's figures.
pub struct Figures {
    /// Values of the chart's own file that were located.
    pub located: usize,
    /// All of them.
    pub of: usize,
    /// Renders that it took.
    pub renders: usize,
    /// Time by the clock on the wall.
    pub time: Duration,
}

#[tokio::main]
async fn main() {
    if rehelm_clients::program("helm", "HELM_BIN").is_err() {
        eprintln!("SKIPPED: there is no Helm (HELM_BIN or PATH)");
        return;
    }
    let only = std::env::var(ONLY).unwrap_or_default();
    for (name, task) in tasks().into_iter().filter(|(name, _)| name.contains(&only)) {
        let helm = OfflineHelm::remembering(task, None).await.expect("a chart");
        let map = measured(&helm).await;
        println!("\n{name}: {} leaves", map.of);
        row("the map", &map, None);
        if std::env::var_os(QUICK).is_none() {
            row("one render each", &naive::one_each(&helm).await, Some(&map));
            row("batch, then alone", &naive::batch_then_alone(&helm).await, Some(&map));
        }
    }
}

fn row(way: &str, figures: &Figures, map: Option<&Figures>) {
    let seconds = figures.time.as_secs_f64();
    let ratio = map.map_or_else(String::new, |map| {
        let times = |a: f64, b: f64| format!("{:.1}x", a / b);
        format!(
            "   the map is {} faster, with {} fewer renders",
            times(seconds, map.time.as_secs_f64()),
            times(figures.renders as f64, map.renders as f64)
        )
    });
    let percent = 100.0 * figures.located as f64 / figures.of.max(1) as f64;
    println!(
        "  {way:<20}{:>5} renders {seconds:>7.1} s   located {:>4} ({percent:.1} %){ratio}",
        figures.renders, figures.located
    );
}

/// Charts of ours, and the vendor's where it is.
fn tasks() -> Vec<(String, Task)> {
    let here = Utf8PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let own = ["traps", "umbrella", "shop"].map(|name| {
        let start = here.join(format!("benches/values/{name}.yaml"));
        let task = Task {
            release: "rel".to_owned(),
            namespace: "apps".to_owned(),
            chart: here.join("tests/values/charts").join(name).into_string(),
            values: start.exists().then_some(start).into_iter().collect(),
            ..Task::default()
        };
        (name.to_owned(), task)
    });
    let vendor = std::env::var("REHELM_VENDOR_CHART").ok().map(|chart| {
        let values = here.join("../../../shared/reference/cognigy-4.38.0/values");
        let task = Task {
            release: "cognigy-ai".to_owned(),
            namespace: "cognigy-ai".to_owned(),
            chart,
            values: ["values-common.yaml", "values-aws.yaml"]
                .map(|n| values.join(n))
                .to_vec(),
            kube_version: Some("1.23.0".to_owned()),
            api_versions: vec!["networking.k8s.io/v1/IngressClass".to_owned()],
            ..Task::default()
        };
        ("vendor".to_owned(), task)
    });
    own.into_iter().chain(vendor).collect()
}

async fn measured(helm: &OfflineHelm) -> Figures {
    let watch = Watch::default();
    let begun = Instant::now();
    let map = learn(helm, helm.asked(), &watch).await.expect("learned");
    let time = begun.elapsed();
    let (located, of) = map.located();
    for entry in map.entries.iter().filter(|entry| entry.note.is_some()) {
        eprintln!("  not located: {} {:?} {:?}", entry.path, entry.origin, entry.note);
    }
    for (phase, renders, time) in watch.phases() {
        eprintln!("  {phase:?}: {renders} renders, {:.1} s", time.as_secs_f64());
    }
    eprintln!("  peak of memory {} MiB", peak());
    Figures {
        located,
        of,
        renders: map.renders,
        time,
    }
}

/// Peak of this process' memory so far, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// When each phase began, and after how many renders.
#[derive(Default)]
struct Watch(Mutex<Vec<(Phase, usize, Instant)>>, Mutex<(usize, Option<Instant>)>);

impl Watch {
    fn phases(&self) -> Vec<(Phase, usize, Duration)> {
        let begun = self.0.lock().expect("a lock");
        let (renders, last) = *self.1.lock().expect("a lock");
        let ends = begun.iter().skip(1).map(|(_, n, at)| (*n, *at));
        let ends = ends.chain(last.map(|last| (renders, last)));
        let phases = begun.iter().zip(ends);
        phases
            .map(|((phase, n, at), (m, end))| (*phase, m - n, end - *at))
            .collect()
    }
}

impl Progress for Watch {
    fn at(&self, done: usize, _: usize, what: Phase) {
        let mut begun = self.0.lock().expect("a lock");
        if begun.last().is_none_or(|(phase, ..)| *phase != what) {
            eprintln!("  {what:?} begins after {done} renders, {} MiB", peak());
            begun.push((what, done, Instant::now()));
        }
        *self.1.lock().expect("a lock") = (done, Some(Instant::now()));
    }
}

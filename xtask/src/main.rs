//! `cargo xtask VERB …`: the project's chores. One file a verb; this only looks at the first word.

#![forbid(unsafe_code)]

mod bench;
mod conformance;
mod demo;
mod demo_real;
mod deny;
mod run;
mod sim_tables;
mod sweep;
mod test;
mod testbed;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    match verb.as_str() {
        "bench" => bench::run_verb(&rest),
        "conformance" => conformance::run_verb(&rest),
        "demo" => demo::run_verb(&rest),
        "deny" => deny::run_verb(&rest),
        "sim-tables" => sim_tables::run_verb(&rest),
        "sweep" => sweep::run_verb(&rest),
        "test" => test::run_verb(&rest),
        "testbed" => testbed::run_verb(&rest),
        other => {
            let _ = writeln!(
                std::io::stderr(),
                "no such verb: {other:?}\nverbs: demo, test, testbed, conformance, bench, sweep, deny, sim-tables"
            );
            ExitCode::from(2)
        }
    }
}

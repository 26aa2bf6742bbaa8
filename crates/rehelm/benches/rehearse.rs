//! How long a rehearsal takes: the reference migration (or the example, where the reference's files are not at hand) with
//! Helm's time apart; and what loading, taking stock and planning cost at 100, 1,000 and 10,000 objects, each in a process of
//! its own, with its peak of memory. Prints figures; it judges nothing.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]
#![allow(dead_code, reason = "the hall is shared with the tests, which use all of it")]

#[path = "../tests/rehearse/hall.rs"]
mod hall;
#[path = "../tests/rehearse/reference.rs"]
mod reference;
mod sizes;

use std::process::{Command, Stdio};

use camino::Utf8Path;

use hall::Hall;

/// Says to a child which size is its.
const SIZE: &str = "REHELM_BENCH_SIZE";
/// Says to a child where the snapshot is.
const FILE: &str = "REHELM_BENCH_FILE";
/// Says to a child that it makes the snapshot.
const MAKE: &str = "REHELM_BENCH_MAKE";
const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn main() {
    if let Some(size) = std::env::var(SIZE).ok().and_then(|size| size.parse().ok()) {
        let file = std::env::var(FILE).expect("a file");
        match std::env::var_os(MAKE) {
            Some(_) => sizes::make(size, Utf8Path::new(&file)),
            None => println!("{}", sizes::measure(size, Utf8Path::new(&file))),
        }
        return;
    }
    whole();
    println!(
        "\n{:>10}{:>10}{:>10}{:>10}{:>10}{:>12}{:>10}",
        "objects", "load s", "read s", "plan s", "whole s", "peak MiB", "ratio"
    );
    let mut first: Option<(f64, f64)> = None;
    for size in SIZES {
        let me = std::env::current_exe().expect("a path");
        let folder = tempfile::tempdir().expect("a folder");
        let child = |make: bool| {
            let mut child = Command::new(&me);
            child.env(SIZE, size.to_string());
            child.env(FILE, folder.path().join("made-up.tar.zst"));
            if make {
                child.env(MAKE, "1");
            }
            child.stderr(Stdio::inherit()).output().expect("starts")
        };
        child(true);
        let child = child(false);
        let text = String::from_utf8_lossy(&child.stdout);
        let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [objects, load, read, plan, peak] = figures[..] else {
            panic!("{text}");
        };
        let whole = load + read + plan;
        let (objects0, whole0) = *first.get_or_insert((objects, whole));
        // 1 is linear in the number of objects, compared with the smallest.
        let ratio = (whole / whole0) / (objects / objects0);
        println!("{objects:>10}{load:>10.3}{read:>10.3}{plan:>10.3}{whole:>10.3}{peak:>12.0}{ratio:>10.2}");
    }
}

fn whole() {
    let Some(hall) = Hall::open() else { return };
    let reference = [
        "--snapshot",
        "snapshot.tar.zst",
        "--fill-values",
        "--confirm",
        "snapshots",
        "-o",
        "json",
        "--quiet",
    ];
    let (what, words) = match reference::installed(&hall, "aws") {
        Some(count) => (format!("the reference, {count} objects in the cluster"), &reference[..]),
        None => ("the example".to_owned(), &["--example", "-o", "json", "--quiet"][..]),
    };
    for _ in 0..3 {
        let account = hall.rehearse(words).code(0).json();
        let number = |name: &str| account[name].as_f64().unwrap_or_default();
        println!(
            "{what}: there {:.1} s, {:.1} s of it Helm's; with back, there again and cleanup {:.1} s, {:.1} s of it Helm's in {} calls; {} requests; outage {:.1} s",
            number("thereSeconds"),
            number("thereHelmSeconds"),
            number("seconds"),
            number("helmSeconds"),
            account["helmCalls"],
            account["requests"],
            account["outageSeconds"][0].as_f64().unwrap_or_default(),
        );
    }
}

//! Every folder of `scenarios/` is a story: a script that a newcomer can read, played on a simulated cluster through the
//! command line's own code, and what it said (`out/transcript.txt`), what was journaled and what was there at the end.
//!
//! `UPDATE_STORIES=1` writes what was said instead of comparing it, `STORY_LOUD=1` prints it as it comes. Stories of products whose files are not part of the
//! project are skipped where those are absent, and say so.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "tests talk to the person who runs them")]

mod picture;
mod plain;
mod play;
mod script;
mod setting;

use std::process::{Command, ExitCode};

use camino::{Utf8Path, Utf8PathBuf};
use libtest_mimic::{Arguments, Failed, Trial};

fn root() -> Utf8PathBuf {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize_utf8().expect("the checkout")
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    if !args.list && std::env::var_os("HELM_BIN").is_none() {
        return again();
    }
    let mut folders: Vec<Utf8PathBuf> = root()
        .join("scenarios")
        .read_dir_utf8()
        .expect("the stories' folder")
        .map(|entry| entry.expect("readable").into_path())
        .filter(|path| path.join("story.txt").is_file())
        .collect();
    folders.sort();
    let trials = folders.into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_owned();
        Trial::test(name, move || tell(&folder).map_err(Failed::from))
    });
    libtest_mimic::run(&args, trials.collect()).exit_code()
}

/// Helm and kubectl are named by variables, which a program cannot set for itself: starts this one again with them.
fn again() -> ExitCode {
    let cache = rehelm_testbed::Cache::open().expect("a folder for tools");
    let tools =
        match rehelm_testbed::build::tools(&cache, rehelm_testbed::HelmMajor::Helm3, &|line| eprintln!("{line}")) {
            Ok(tools) => tools,
            Err(why) => {
                eprintln!("SKIPPED (stories): {why}");
                return ExitCode::SUCCESS;
            }
        };
    let myself = std::env::current_exe().expect("this program");
    let ended = Command::new(myself)
        .args(std::env::args_os().skip(1))
        .env("HELM_BIN", tools.helm)
        .env("KUBECTL_BIN", tools.kubectl)
        .status()
        .expect("this program starts");
    if ended.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell(folder: &Utf8Path) -> Result<(), String> {
    let read = |path: Utf8PathBuf| std::fs::read_to_string(&path).map_err(|why| format!("{path}: {why}"));
    let lines = script::parse(&read(folder.join("story.txt"))?)?;
    let Some(told) = play::play(folder, &lines)? else {
        return Ok(());
    };
    let out = folder.join("out");
    if std::env::var_os("UPDATE_STORIES").is_some() {
        std::fs::create_dir_all(&out).map_err(|why| format!("{out}: {why}"))?;
        for (name, text) in &told {
            std::fs::write(out.join(name), text).map_err(|why| format!("{name}: {why}"))?;
        }
        return Ok(());
    }
    let mut differences = String::new();
    for (name, text) in &told {
        let expected = read(out.join(name)).unwrap_or_default();
        if expected != *text {
            let diff = similar::TextDiff::from_lines(&expected, text);
            let path = out.join(name);
            differences += &diff.unified_diff().header(path.as_str(), "now").to_string();
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{differences}\nIf this is right: UPDATE_STORIES=1 cargo test -p rehelm --test stories"
    ))
}

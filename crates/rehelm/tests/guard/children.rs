//! Children of this process, recorded: their arguments and their environment.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, ExitCode};

use camino::{Utf8Path, Utf8PathBuf};

/// Names the folder of the records.
const RECORDS: &str = "GUARD_CHILDREN";

/// True in a process whose children are recorded.
pub fn recorded() -> bool {
    std::env::var_os(RECORDS).is_some()
}

/// Everything that children were started with so far.
pub fn records() -> Vec<u8> {
    let folder = std::env::var(RECORDS).expect("started again");
    let files = Utf8Path::new(&folder)
        .read_dir_utf8()
        .expect("the folder of the records");
    files
        .map(|file| file.expect("readable").into_path())
        .filter(|path| path.extension() == Some("record"))
        .flat_map(|path| std::fs::read(path).expect("readable"))
        .collect()
}

/// Programs are named by variables, which a process cannot set for itself: starts this one again with wrapped ones.
pub fn again() -> ExitCode {
    let cache = rehelm_testbed::Cache::open().expect("a folder for tools");
    let said = |line: String| eprintln!("{line}");
    let tools = match rehelm_testbed::build::tools(&cache, rehelm_testbed::HelmMajor::Helm3, &said) {
        Ok(tools) => tools,
        Err(why) => {
            eprintln!("SKIPPED (guard): {why}");
            return ExitCode::SUCCESS;
        }
    };
    let folder = tempfile::tempdir().expect("a folder");
    let place = Utf8Path::from_path(folder.path()).expect("UTF-8");
    let ended = Command::new(std::env::current_exe().expect("this program"))
        .args(std::env::args_os().skip(1))
        .env(RECORDS, place)
        .env("HELM_BIN", wrapper(place, "helm", &tools.helm))
        .env("KUBECTL_BIN", wrapper(place, "kubectl", &tools.kubectl))
        .status()
        .expect("this program starts");
    if ended.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn wrapper(folder: &Utf8Path, name: &str, program: &Utf8Path) -> Utf8PathBuf {
    let path = folder.join(name);
    let script = format!(
        "#!/bin/sh\n{{ printf '%s\\n' \"$0\" \"$@\"; env; }} > {folder}/{name}-$$.record\nexec '{program}' \"$@\"\n"
    );
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("made a program");
    path
}

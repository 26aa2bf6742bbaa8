//! Bad input, one case each: what is wrong, which verb meets it, how it must end and what must be said.
//!
//! The cases are in `corpus/*.yaml`. Whatever the case, nothing panics, nothing is written beside what the verb is for,
//! nothing changes in the cluster, and no text of the input's secrets is repeated.

#[path = "bad/case.rs"]
mod case;
#[path = "bad/place.rs"]
mod place;

use camino::{Utf8Path, Utf8PathBuf};
use libtest_mimic::Trial;

use crate::trial;
use case::Case;

/// Contents of the practice secrets, as they are and encoded: no message repeats them.
const SECRETS: [&str; 5] = ["practice-", "cHJhY3RpY2Ut", "cHJhY3RpY2U6", "hunter2", "aHVudGVyM"];

pub fn trials() -> Vec<Trial> {
    let folder = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/corpus");
    let mut files: Vec<Utf8PathBuf> = folder
        .read_dir_utf8()
        .expect("the corpus")
        .map(|file| file.expect("readable").into_path())
        .collect();
    files.sort();
    let mut trials = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        let cases: Vec<Case> = rehelm_core::yaml::from_str(&text, file.as_str()).unwrap_or_else(|e| panic!("{e}"));
        let topic = file.file_stem().unwrap_or_default().to_owned();
        for case in cases {
            let name = format!("corpus::{topic}::{}", case.name.replace(' ', "_"));
            trials.push(trial(name, move || try_case(&case)));
        }
    }
    trials
}

fn try_case(case: &Case) -> Result<(), String> {
    let place = place::Place::new(case)?;
    let before = place.files();
    let said = place.run()?;
    let show = |why: String| format!("{why}\n$ rehelm {}\n{}", case.run, said.text);
    if said.code != case.exit {
        return Err(show(format!("exit code {} in place of {}", said.code, case.exit)));
    }
    if let Some(word) = case.says.iter().find(|word| !said.text.contains(word.as_str())) {
        return Err(show(format!("{word:?} is not said")));
    }
    if let Some(secret) = SECRETS.iter().find(|secret| said.text.contains(**secret)) {
        return Err(show(format!("{secret:?} is said")));
    }
    if ["panicked", "{ message:", "{$"]
        .iter()
        .any(|noise| said.text.contains(noise))
    {
        return Err(show("that is no sentence".to_owned()));
    }
    let after = place.files();
    let changed: Vec<&String> = after
        .iter()
        .filter(|(path, content)| before.get(*path) != Some(content))
        .map(|(path, _)| path)
        .chain(before.keys().filter(|path| !after.contains_key(*path)))
        .filter(|path| !case.writes.contains(path))
        .collect();
    if !changed.is_empty() {
        return Err(show(format!("files were changed: {changed:?}")));
    }
    let writes = place.writes();
    if !writes.is_empty() {
        return Err(show(format!("the cluster was changed: {writes:?}")));
    }
    Ok(())
}

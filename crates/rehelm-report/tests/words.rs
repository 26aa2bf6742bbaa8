//! Every code that the program can report has a sentence.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rehelm_report::{Facts, Words};

const MAKERS: [&str; 5] = [
    "Finding::error(",
    "Finding::warning(",
    "Finding::info(",
    "Finding::ok(",
    "Finding::new(",
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("readable").path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && name != "tests" {
            rust_files(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// Codes that the sources write out, with the first file that does.
fn codes() -> BTreeMap<String, PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(crates).expect("a folder") {
        let folder = entry.expect("readable").path();
        if !folder.ends_with("rehelm-report") {
            rust_files(&folder.join("src"), &mut files);
        }
    }
    files.sort();
    let mut codes = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("UTF-8");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for maker in MAKERS {
            for (at, _) in code.match_indices(maker) {
                let argument = code[at + maker.len()..].trim_start();
                if let Some(id) = argument.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                    codes.entry(id.to_owned()).or_insert_with(|| file.clone());
                }
            }
        }
    }
    codes
}

#[test]
fn every_check_has_words_and_says_what_to_do() {
    let words = Words::new("en");
    let missing: Vec<&str> = rehelm_core::checks::CODES
        .iter()
        .map(|(_, code)| *code)
        .filter(|code| !words.has(code) || words.attribute(code, "fix", &Facts::new()).is_none())
        .collect();
    assert!(
        missing.is_empty(),
        "no sentence, or no .fix, in words/en/*.ftl for {missing:?}"
    );
}

#[test]
fn every_code_has_words() {
    let words = Words::new("en");
    let missing: Vec<String> = codes()
        .into_iter()
        .filter(|(code, _)| !words.has(code))
        .map(|(code, file)| format!("{code}   ({})", file.display()))
        .collect();
    assert!(
        missing.is_empty(),
        "no sentence in words/en/*.ftl for:\n{}",
        missing.join("\n")
    );
}

/// Every kind of step, as the schema of a step names them.
#[test]
fn every_kind_of_step_has_words() {
    let words = Words::new("en");
    let schema = schemars::schema_for!(rehelm_core::steps::StepSpec);
    let schema = serde_json::to_value(schema).expect("JSON");
    let kinds: Vec<&str> = schema["oneOf"]
        .as_array()
        .expect("kinds")
        .iter()
        .filter_map(|kind| kind.pointer("/properties/kind/const")?.as_str())
        .collect();
    assert!(kinds.len() > 10, "{kinds:?}");
    let missing: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| {
            let id = format!("step-{kind}");
            let said = |name| words.attribute(&id, name, &Facts::new()).is_some();
            !words.has(&id) || !["assumes", "does", "proves"].into_iter().all(said)
        })
        .collect();
    assert!(
        missing.is_empty(),
        "no sentence, .assumes, .does or .proves in words/en/steps.ftl for {missing:?}"
    );
}

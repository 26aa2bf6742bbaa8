//! The product profile's rules against the vendor's own cases, which are no part of the project: they are found
//! through `REHELM_REFERENCE` or beside the checkout, and skipped, with a line on stderr, when absent.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rehelm_core::finding::{Finding, Severity};
use rehelm_core::secrets::{ConvertOptions, ConvertedSecret, SecretRules, convert_files};
use rehelm_core::yaml;
use serde_json::Value;

/// Folder of the reference, or None (said on stderr).
fn reference() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = ["../shared", "../../shared"].map(|up| root.join(up).join("reference/cognigy-4.38.0"));
    let named = std::env::var_os("REHELM_REFERENCE").map(PathBuf::from);
    let found = named.into_iter().chain(beside).find(|path| path.is_dir());
    if found.is_none() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: no reference folder (REHELM_REFERENCE)\n",
        );
    }
    found
}

fn rules() -> SecretRules {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/cognigy-ai/secrets.yaml");
    yaml::from_str(&fs::read_to_string(&file).unwrap(), "secrets.yaml").unwrap()
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

fn run(
    case: &str,
    namespace: &str,
    apps: bool,
    keep_server_fields: bool,
) -> Option<(Vec<ConvertedSecret>, Vec<Finding>)> {
    let folder = reference()?.join(case).join("secrets");
    let rules = rules();
    let options = ConvertOptions {
        namespace: namespace.into(),
        release: "cognigy-ai".into(),
        groups: rules.groups.keys().filter(|_| apps).cloned().collect(),
        keep_server_fields,
    };
    Some(convert_files(&files(&folder), &rules, &options))
}

fn errors(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| (f.code.as_str(), f.subject.as_str()))
        .collect()
}

/// The vendor's output: file name → object.
fn expected(case: &str) -> BTreeMap<String, Value> {
    let folder = reference().unwrap().join(case).join("migration-secrets");
    files(&folder)
        .into_iter()
        .map(|(file, text)| {
            let value = yaml::parse_document(&text, &file).unwrap().unwrap();
            (file, value)
        })
        .collect()
}

fn objects(converted: Vec<ConvertedSecret>) -> BTreeMap<String, Value> {
    converted.into_iter().map(|c| (c.file_name, c.object.0)).collect()
}

/// Equal file by file; contents are never printed.
fn assert_same(ours: &BTreeMap<String, Value>, theirs: &BTreeMap<String, Value>) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (file, object) in theirs {
        assert!(ours[file] == *object, "{file} differs");
    }
}

#[test]
fn complete_cases_give_what_the_vendor_gives() {
    for (case, namespace, apps, count) in [
        ("secrets", "cognigy-ai", false, 30),
        ("secrets-case4-complete-v3-apps", "my-ns", true, 31),
    ] {
        for keep in [true, false] {
            let Some((converted, findings)) = run(case, namespace, apps, keep) else {
                return;
            };
            assert_eq!(errors(&findings), []);
            let converted = objects(converted);
            assert_eq!(converted.len(), count);
            // None of these inputs carries server fields, so both ways give the same.
            assert_same(&converted, &expected(case));
        }
    }
}

#[test]
fn a_secret_that_no_generator_makes_is_not_missed() {
    let Some((converted, findings)) = run("secrets-case1-as-generated-v3", "cognigy-ai", false, false) else {
        return;
    };
    assert_eq!(errors(&findings), []);
    assert!(
        findings
            .iter()
            .any(|f| f.code == "secret-optional-missing" && f.subject == "cognigy-live-agent-credentials")
    );
    let converted = objects(converted);
    assert_eq!(converted.len(), 29);
    for (file, object) in expected("secrets-case1-as-generated-v3") {
        assert!(converted[&file] == object, "{file}");
    }
}

#[test]
fn a_secret_without_data_is_carried_with_a_warning() {
    let case = "secrets-case10-err-no-data";
    let Some((converted, findings)) = run(case, "cognigy-ai", false, true) else {
        return;
    };
    assert_eq!(errors(&findings), []);
    assert!(
        findings
            .iter()
            .any(|f| f.code == "secret-without-data" && f.subject == "cognigy-jwt.yaml")
    );
    let converted = objects(converted);
    let mut expected = expected(case);
    // The vendor leaves out what kubectl insists on.
    expected.get_mut("cognigy-jwt.yaml").unwrap()["apiVersion"] = "v1".into();
    assert_same(&converted, &expected);
}

#[test]
fn broken_cases_are_errors_that_name_the_file() {
    for (case, expected) in [
        (
            "secrets-case10-err-empty",
            vec![("secret-file-empty", "cognigy-jwt.yaml")],
        ),
        (
            "secrets-case10-err-no-metadata",
            vec![("secret-not-an-object", "cognigy-jwt.yaml")],
        ),
        (
            "secrets-case10-err-multi-doc",
            vec![("secret-not-an-object", "cognigy-jwt.yaml")],
        ),
    ] {
        let Some((_, findings)) = run(case, "cognigy-ai", false, false) else {
            return;
        };
        assert_eq!(errors(&findings), expected, "{case}");
    }
}

#[test]
fn an_empty_folder_misses_every_required_secret() {
    let Some((converted, findings)) = run("secrets-case6-missing-folder", "cognigy-ai", false, false) else {
        return;
    };
    assert_eq!(converted, []);
    assert_eq!(errors(&findings).len(), 29);
}

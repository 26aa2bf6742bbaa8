use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::*;

const RULES: &str = "
classes:
- name: owned
  helm-owned: true
  annotations: replace
  labels: replace
  secrets: {shop-mail: {}, shop-queue: {file: queue}}
";

struct Folders {
    _temp: tempfile::TempDir,
    base: Utf8PathBuf,
    from: Utf8PathBuf,
    to: Utf8PathBuf,
}

/// A source folder with everything that the rules want.
fn folders() -> Folders {
    let temp = tempfile::tempdir().unwrap();
    let base = Utf8PathBuf::from_path_buf(temp.path().canonicalize().unwrap()).unwrap();
    let (from, to) = (base.join("in"), base.join("out"));
    fs_err::create_dir(&from).unwrap();
    for (file, name) in [("shop-mail.yaml", "shop-mail"), ("queue.json", "shop-queue")] {
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": "{name}"}}, "data": {{"a": "YQ=="}}}}"#
        );
        fs_err::write(from.join(file), text).unwrap();
    }
    Folders {
        _temp: temp,
        base,
        from,
        to,
    }
}

fn run(f: &Folders) -> Result<Report, SecretsFolderError> {
    let rules = rehelm_core::yaml::from_str(RULES, "rules").unwrap();
    let options = ConvertOptions {
        namespace: "new".into(),
        release: "shop".into(),
        ..ConvertOptions::default()
    };
    convert_folder(&f.from, &f.to, &rules, &options)
}

/// Everything under a folder: path → content.
fn content(folder: &Utf8Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in folder.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            for (name, text) in content(entry.path()) {
                all.insert(format!("{}/{name}", entry.file_name()), text);
            }
        } else {
            all.insert(
                entry.file_name().to_owned(),
                fs_err::read_to_string(entry.path()).unwrap(),
            );
        }
    }
    all
}

#[test]
fn the_output_is_whole_private_and_can_be_made_again() {
    let f = folders();
    let report = run(&f).unwrap();
    assert_eq!(report.written.as_ref(), Some(&f.to));
    assert_eq!(report.findings, []);
    let files: Vec<_> = report
        .secrets
        .iter()
        .map(|s| (s.file.as_str(), s.name.as_str()))
        .collect();
    assert_eq!(files, [("shop-mail.yaml", "shop-mail"), ("queue.yaml", "shop-queue")]);
    let first = content(&f.to);
    assert_eq!(first.keys().collect::<Vec<_>>(), ["queue.yaml", "shop-mail.yaml"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Utf8Path| fs_err::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&f.to), 0o700);
        assert_eq!(mode(&f.to.join("queue.yaml")), 0o600);
    }
    // The second run replaces the folder, and with it what is no longer an output.
    fs_err::rename(f.to.join("queue.yaml"), f.to.join("queue.yml")).unwrap();
    run(&f).unwrap();
    assert_eq!(content(&f.to), first);
    let names: Vec<_> = f
        .base
        .read_dir_utf8()
        .unwrap()
        .map(|e| e.unwrap().file_name().to_owned())
        .collect();
    assert_eq!(names.len(), 2, "nothing is left beside: {names:?}");
}

#[test]
fn after_an_error_nothing_is_written_and_the_old_output_stays() {
    let f = folders();
    run(&f).unwrap();
    let before = content(&f.base.join("out"));
    fs_err::write(f.from.join("shop-mail.yaml"), "").unwrap();
    fs_err::remove_file(f.from.join("queue.json")).unwrap();
    let report = run(&f).unwrap();
    assert_eq!(report.written, None);
    let codes: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.subject.as_str()))
        .collect();
    assert_eq!(
        codes,
        [
            ("secret-file-empty", "shop-mail.yaml"),
            ("secret-missing", "shop-queue")
        ]
    );
    assert_eq!(content(&f.to), before);
}

#[test]
fn a_file_that_is_no_text_is_an_error_and_others_are_ignored() {
    let f = folders();
    fs_err::write(f.from.join("queue.json"), [0xff, 0xfe, 0x00]).unwrap();
    fs_err::write(f.from.join("README.md"), "x").unwrap();
    fs_err::create_dir(f.from.join("sub.yaml")).unwrap();
    let report = run(&f).unwrap();
    assert_eq!(report.written, None);
    let codes: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.subject.as_str()))
        .collect();
    assert_eq!(
        codes,
        [
            ("secret-file-unreadable", "queue.json"),
            ("secret-file-ignored", "README.md"),
            ("secret-file-ignored", "sub.yaml"),
        ]
    );
    assert!(!f.to.exists());
}

#[test]
fn what_no_conversion_wrote_is_never_replaced() {
    let f = folders();
    // A backup of the old install has the names of an output, but was not made by one.
    fs_err::create_dir(&f.to).unwrap();
    fs_err::copy(f.from.join("shop-mail.yaml"), f.to.join("shop-mail.yaml")).unwrap();
    fs_err::write(f.to.join("notes.txt"), "mine").unwrap();
    let before = content(&f.to);
    let error = run(&f).unwrap_err().to_string();
    assert!(error.contains("notes.txt, shop-mail.yaml"), "{error}");
    assert_eq!(content(&f.to), before);
}

#[test]
fn links_files_and_the_source_itself_are_no_targets() {
    let mut f = folders();
    fs_err::write(&f.to, "x").unwrap();
    assert!(matches!(run(&f), Err(SecretsFolderError::NotAFolder(_, "file"))));
    #[cfg(unix)]
    {
        fs_err::remove_file(&f.to).unwrap();
        fs_err::create_dir(f.base.join("elsewhere")).unwrap();
        fs_err::os::unix::fs::symlink(f.base.join("elsewhere"), &f.to).unwrap();
        assert!(matches!(run(&f), Err(SecretsFolderError::NotAFolder(_, "link"))));
        f.to = format!("{}/", f.to).into();
        assert!(matches!(run(&f), Err(SecretsFolderError::NotAFolder(_, "link"))));
        assert_eq!(content(&f.base.join("elsewhere")).len(), 0);
    }
    f.to = f.from.clone();
    assert!(matches!(run(&f), Err(SecretsFolderError::Overlap { .. })));
    f.to = f.from.join("out");
    assert!(matches!(run(&f), Err(SecretsFolderError::Overlap { .. })));
    assert!(!f.to.exists());
    f.to = f.base.clone();
    assert!(matches!(run(&f), Err(SecretsFolderError::Overlap { .. })));
    f.from = f.base.join("nowhere");
    assert!(matches!(run(&f), Err(SecretsFolderError::NoSource(_))));
}

#[test]
fn an_empty_target_and_missing_parents_are_fine() {
    let mut f = folders();
    fs_err::create_dir(&f.to).unwrap();
    run(&f).unwrap();
    f.to = f.base.join("a/b/out");
    run(&f).unwrap();
    assert_eq!(content(&f.to).len(), 2);
}

#[test]
fn secrets_of_a_cluster_go_the_same_way() {
    let f = folders();
    let rules = rehelm_core::yaml::from_str(RULES, "rules").unwrap();
    let options = ConvertOptions {
        namespace: "new".into(),
        release: "shop".into(),
        ..ConvertOptions::default()
    };
    let objects: Vec<Object> = ["shop-mail.yaml", "queue.json"]
        .iter()
        .map(|file| fs_err::read_to_string(f.from.join(file)).unwrap())
        .map(|text| Object::from_value(serde_json::from_str(&text).unwrap()).unwrap())
        .collect();
    let report = convert_objects(objects, &f.to, &rules, &options).unwrap();
    let live = content(&f.to);
    assert_eq!(report.findings, []);
    assert_eq!(run(&f).unwrap().secrets, report.secrets);
    assert_eq!(content(&f.to), live);
}

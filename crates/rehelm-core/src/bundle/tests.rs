//! Backups that are whole, damaged, foreign.

use serde_json::json;

use super::*;
use crate::checks::fixture::Case;

type Files = BTreeMap<Utf8PathBuf, Vec<u8>>;

/// A backup as the step leaves it, with every object as small as it can be.
fn whole() -> Files {
    let plan = Case::sound().plan();
    let mut files = Files::new();
    for step in &plan.steps {
        let StepSpec::Backup(backup) = &step.spec else { continue };
        for (path, (object, secret)) in paths(backup) {
            let image = json!({"apiVersion": object.api_version, "kind": object.kind,
                "metadata": {"name": object.name, "namespace": object.namespace}});
            let text = if secret {
                crate::yaml::to_string(&image)
            } else {
                image.to_string()
            };
            files.insert(path.strip_prefix(FOLDER).unwrap().to_owned(), text.into_bytes());
        }
    }
    let list = List {
        format: FORMAT,
        version: "0.1.0".into(),
        run: "r".into(),
        plan,
        files: files.iter().map(|(p, c)| (p.clone(), digest::of_bytes(c))).collect(),
    };
    files.insert("bundle.json".into(), serde_json::to_vec(&list).unwrap());
    files
}

fn some(files: &Files, below: &str) -> Utf8PathBuf {
    files.keys().find(|p| p.starts_with(below)).expect("one").clone()
}

/// Changes the list.
fn with_list(files: &mut Files, change: impl FnOnce(&mut serde_json::Value)) {
    let bytes = files.get("bundle.json".as_ref() as &Utf8Path).unwrap();
    let mut list = serde_json::from_slice(bytes).unwrap();
    change(&mut list);
    files.insert("bundle.json".into(), serde_json::to_vec(&list).unwrap());
}

#[test]
fn a_whole_backup_is_taken() {
    let files = whole();
    let bundle = Bundle::check(&files).unwrap();
    assert_eq!(bundle.images.len() + bundle.secrets.len() + 1, files.len());
    assert!(!bundle.images.is_empty());
    let opened = bundle.opened(&|content| Ok(content.to_vec())).unwrap();
    assert_eq!(opened.len(), bundle.secrets.len());
}

#[test]
fn a_file_that_was_changed_lost_or_added_is_refused_by_name() {
    for path in whole().keys().filter(|p| *p != "bundle.json") {
        let mut files = whole();
        files.get_mut(path).unwrap().push(b' ');
        assert!(matches!(Bundle::check(&files), Err(BundleError::Damaged(at, _)) if at == *path));
        files.remove(path);
        assert!(matches!(Bundle::check(&files), Err(BundleError::Missing(at)) if at == *path));
    }
    let mut files = whole();
    files.insert("before/core.ConfigMap.kube-system.x.json".into(), b"{}".to_vec());
    assert!(matches!(Bundle::check(&files), Err(BundleError::Foreign(_))));
}

#[test]
fn a_list_that_leads_elsewhere_is_refused() {
    let mut files = whole();
    with_list(&mut files, |list| {
        list["files"]["../../etc/passwd"] = json!("sha256:0");
    });
    assert!(matches!(Bundle::check(&files), Err(BundleError::Foreign(_))));
    // A file of the list with another object in it, and a hash that fits.
    let mut files = whole();
    let path = some(&files, "before");
    let other = br#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system"}}"#;
    files.insert(path.clone(), other.to_vec());
    with_list(&mut files, |list| {
        list["files"][path.as_str()] = json!(digest::of_bytes(other))
    });
    assert!(matches!(Bundle::check(&files), Err(BundleError::Damaged(..))));
}

#[test]
fn no_list_a_broken_one_and_a_newer_one_are_told_apart() {
    let mut files = whole();
    with_list(&mut files, |list| list["format"] = json!(FORMAT + 1));
    assert!(matches!(Bundle::check(&files), Err(BundleError::Newer(n)) if n == FORMAT + 1));
    files.insert("bundle.json".into(), b"{".to_vec());
    assert!(matches!(Bundle::check(&files), Err(BundleError::NoList(_))));
    assert!(matches!(Bundle::check(&Files::new()), Err(BundleError::NoList(_))));
}

#[test]
fn a_secret_that_is_another_object_is_refused_without_its_content() {
    let bundle = Bundle::check(&whole()).unwrap();
    if bundle.secrets.is_empty() {
        return;
    }
    let other = b"apiVersion: v1\nkind: Secret\nmetadata: {name: other}\nstringData: {k: precious}\n";
    let refused = bundle.opened(&|_| Ok(other.to_vec())).unwrap_err().to_string();
    assert!(
        refused.contains("another object") && !refused.contains("precious"),
        "{refused}"
    );
    let refused = bundle
        .opened(&|_| Ok(b"k: [precious".to_vec()))
        .unwrap_err()
        .to_string();
    assert!(!refused.contains("precious"), "{refused}");
}

//! What each target does with some bytes. Nothing in here may panic, whatever the bytes.

use std::collections::BTreeMap;

use rehelm_core::journal;
use rehelm_core::mongo_uri::ConnectionString;
use rehelm_core::plan::Plan;
use rehelm_core::profile::Profile;
use rehelm_core::{gather, yaml};

/// The password of the good connection strings.
const SECRET: &str = "hunter2-hunter2";

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What is read can be written, and read again.
pub fn yaml(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for document in yaml::parse_documents(text, "f.yaml").unwrap_or_default() {
        let written = yaml::to_string(&document);
        assert!(
            yaml::parse_document(&written, "again.yaml").is_ok(),
            "what was written cannot be read"
        );
    }
}

/// Manifests and patches as Kustomize builds them: objects with names, or findings.
pub fn manifest(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok((objects, _)) = yaml::parse_objects(text, "f.yaml") else {
        return;
    };
    for object in objects {
        let _ = (object.reference().key(), rehelm_core::rights::granted_by(&object));
        let _ = rehelm_core::server::fingerprint(&object);
    }
}

/// The first byte says which file of the profile the rest is.
pub fn profile(data: &[u8]) {
    const FILES: [&str; 8] = [
        "profile.yaml",
        "secrets.yaml",
        "databases.yaml",
        "volumes.yaml",
        "values.yaml",
        "workloads.yaml",
        "ingress.yaml",
        "cleanup.yaml",
    ];
    const ABOUT: &str = "name: n\ntitle: N\nsource-namespace: a\nnamespace: b\nrelease: r\nchart: c\n\
                         chart-versions: '>=1.0.0'\nkubernetes: '>=1.21.0'\n";
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let Some(text) = text(rest) else { return };
    let name = FILES[usize::from(*first) % FILES.len()];
    let mut files = BTreeMap::from([("profile.yaml".to_owned(), ABOUT.to_owned())]);
    files.insert(name.to_owned(), text.to_owned());
    let _ = Profile::from_files(&files);
}

/// A journal is folded, or refused with its line.
pub fn journal(data: &[u8]) {
    if let Ok(lines) = journal::read_records(data, "journal.jsonl".into()) {
        assert!(lines.sound <= lines.all, "more is sound than there is");
    }
}

/// Values of a user: one mapping, and places in it.
pub fn values(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok(Some(values)) = yaml::parse_document(text, "values.yaml") {
        let _ = (gather::value_at(&values, "a.b"), gather::value_at(&values, ""));
    }
}

/// A connection string never shows its password.
pub fn uri(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(uri) = ConnectionString::parse(text) else { return };
    let _ = (uri.user(), uri.password(), uri.hosts(), uri.database());
    assert!(!format!("{uri:?}").contains(SECRET), "the password is shown");
}

/// A plan that is read is the same plan when it is written and read again.
pub fn plan(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(plan) = Plan::from_json(text) else { return };
    let again = Plan::from_json(&plan.to_json());
    assert!(
        again.is_ok_and(|again| again == plan),
        "a plan does not survive being saved"
    );
}

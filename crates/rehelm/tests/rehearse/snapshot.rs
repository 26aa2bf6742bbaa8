//! From a cluster to a file, and from the file to a rehearsal.

use crate::hall::Hall;

/// Every password of the example, as its manifests say in their first lines.
const PASSWORDS: [&str; 4] = [
    "practice-session-key-0001",
    "practice-mail-password-0002",
    "practice-0003",
    "practice-0004",
];

fn content(path: &camino::Utf8Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("readable");
    zstd::decode_all(bytes.as_slice()).expect("zstd")
}

#[test]
fn a_redacted_snapshot_holds_no_secret_and_can_be_rehearsed() {
    use base64::Engine as _;
    let Some(hall) = Hall::open() else { return };
    let served = hall.serve(&["--example"]);
    // What kubectl applied is repeated in an annotation; the file must not have it either.
    let taken = hall
        .rehelm(&[
            "snapshot",
            "--redact",
            "--kubeconfig",
            served.kubeconfig.as_str(),
            "-o",
            "json",
        ])
        .code(0);
    assert!(taken.json()["objects"].as_u64() > Some(50), "{}", taken.out);
    drop(served);
    let content = content(&hall.path("snapshot.tar.zst"));
    let has = |needle: &str| content.windows(needle.len()).any(|window| window == needle.as_bytes());
    for password in PASSWORDS {
        assert!(!has(password), "{password}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(password);
        assert!(!has(encoded.trim_end_matches('=')), "{password} in base64");
    }
    assert!(has("mongodb.data.svc.cluster.local") || has("connection-string"));
    let said = hall
        .rehearse(&["--snapshot", "snapshot.tar.zst", "--fill-values"])
        .code(0);
    said.says(&[
        "A copy of context example",
        "made up",
        "Everything is as before",
        "The rehearsal went through",
    ]);
}

#[test]
fn an_encrypted_snapshot_opens_with_its_passphrase_only() {
    let Some(hall) = Hall::open() else { return };
    std::fs::write(hall.path("word"), "open sesame\n").expect("written");
    std::fs::write(hall.path("other"), "open barley\n").expect("written");
    let served = hall.serve(&["--example"]);
    let kubeconfig = served.kubeconfig.as_str();
    hall.rehelm(&["snapshot", "--passphrase-file", "word", "--kubeconfig", kubeconfig])
        .code(0);
    drop(served);
    let content = content(&hall.path("snapshot.tar.zst"));
    assert!(
        !content
            .windows(PASSWORDS[1].len())
            .any(|window| window == PASSWORDS[1].as_bytes())
    );
    let words =
        |more: &'static [&'static str]| [&["--snapshot", "snapshot.tar.zst", "--until", "1"][..], more].concat();
    hall.rehearse(&words(&["--fill-values"]))
        .code(1)
        .says(&["encrypted", "--passphrase-file"]);
    hall.rehearse(&words(&["--fill-values", "--passphrase-file", "other"]))
        .code(1);
    hall.rehearse(&words(&["--fill-values", "--passphrase-file", "word"]))
        .code(0);
}

use age::secrecy::ExposeSecret;
use rehelm_core::snapshot::redact;
use serde_json::json;

use super::*;

const WORD: &str = "correct-horse-7";

fn snapshot() -> Snapshot {
    use base64::Engine;
    let value = base64::engine::general_purpose::STANDARD.encode(WORD);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n", "uid": "1"},
        "data": {"password": value}});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n", "uid": "2"}});
    Snapshot {
        meta: serde_json::from_value(
            json!({"format": 1, "taken": "2026-01-01T00:00:00Z", "by": "me", "context": "c",
            "version": "v1.30.0", "clusterUid": "u", "apiVersions": [], "secrets": {"as": "plain"}, "resources": [],
            "unread": []}),
        )
        .unwrap(),
        objects: [
            ("secrets".to_owned(), vec![secret]),
            ("configmaps".to_owned(), vec![map]),
        ]
        .into(),
        databases: None,
    }
}

fn place() -> (tempfile::TempDir, camino::Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap().join("snap.tar.zst");
    (folder, path)
}

#[test]
fn what_was_written_comes_back_for_who_may_read_it() {
    let (_folder, path) = place();
    let taken = snapshot();
    let key = age::x25519::Identity::generate();
    let sealing = Sealing::Recipients(vec![key.to_public().to_string()]);
    write(&path, &taken, &sealing).unwrap();
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let identities = path.with_file_name("key.txt");
    std::fs::write(&identities, key.to_string().expose_secret()).unwrap();
    let keys = Keys {
        identities: Some(identities),
        passphrase: None,
    };
    let back = read(&path, &keys).unwrap();
    assert_eq!(back.objects, taken.objects);
    assert!(matches!(back.meta.secrets, Secrecy::Encrypted { recipients } if recipients.len() == 1));
    assert!(matches!(read(&path, &Keys::default()), Err(PortError::Forbidden(_))));
    let other = Keys {
        passphrase: Some("x".to_owned().into()),
        identities: None,
    };
    assert!(read(&path, &other).is_err());
    assert!(read(&path.with_file_name("none"), &keys).unwrap_err().is_not_found());
}

#[test]
fn a_passphrase_opens_what_it_closed() {
    let (_folder, path) = place();
    write(
        &path,
        &snapshot(),
        &Sealing::Passphrase("open sesame".to_owned().into()),
    )
    .unwrap();
    let keys = |word: &str| Keys {
        passphrase: Some(word.to_owned().into()),
        identities: None,
    };
    assert_eq!(read(&path, &keys("open sesame")).unwrap().objects, snapshot().objects);
    assert!(matches!(
        read(&path, &keys("open barley")),
        Err(PortError::Forbidden(_))
    ));
}

#[test]
fn secrets_are_in_no_file_as_they_are() {
    let (_folder, path) = place();
    let mut taken = snapshot();
    assert!(write(&path, &taken, &Sealing::Redacted).is_err());
    assert!(!path.exists());
    redact::redact(&mut taken, [5; 32]);
    write(&path, &taken, &Sealing::Redacted).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let mut all = Vec::new();
    zstd::Decoder::new(bytes.as_slice())
        .unwrap()
        .read_to_end(&mut all)
        .unwrap();
    let has = |needle: &[u8]| all.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"ConfigMap") && !has(WORD.as_bytes()) && !has(b"Y29ycmVjdC1ob3JzZS03"));
    assert_eq!(read(&path, &Keys::default()).unwrap().objects, taken.objects);
}

/// A packed tar with these entries.
fn packed(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // Set by hand: the builder refuses what an attacker would write.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

#[test]
fn nothing_but_what_a_writer_makes_is_read() {
    let good = serde_json::to_vec(&snapshot().meta).unwrap();
    let plain = tar::EntryType::Regular;
    let said = |bytes: &[u8]| unpack(bytes, &Keys::default(), "x").unwrap_err().to_string();
    for name in [
        "../../etc/passwd",
        "/etc/passwd",
        "objects/../x.jsonl",
        "objects/a/b.jsonl",
        "objects/.jsonl",
        "readme",
    ] {
        assert!(
            said(&packed(&[(META, plain, &good), (name, plain, b"")])).contains("no file of a snapshot"),
            "{name}"
        );
    }
    let link = tar::EntryType::Symlink;
    assert!(said(&packed(&[("objects/a.jsonl", link, b"")])).contains("no plain file"));
    assert!(said(&packed(&[("objects/a.jsonl", plain, b"{\n")])).contains("objects/a.jsonl"));
    assert!(said(&packed(&[])).contains("no meta.json"));
    assert!(said(b"nonsense").contains("refused"));
    let newer = String::from_utf8(good.clone())
        .unwrap()
        .replace("\"format\":1", "\"format\":2");
    assert!(said(&packed(&[(META, plain, newer.as_bytes())])).contains("newer rehelm"));
    let whole = packed(&[(META, plain, &good), ("objects/a.jsonl", plain, &[b'\n'; 5000])]);
    assert!(unpack(&whole[..whole.len() - 20], &Keys::default(), "x").is_err());
}

//! Snapshots as files: a tar under zstd, with `meta.json`, `databases.json` and `objects/RESOURCE.jsonl`.
//!
//! Secrets are in `objects/secrets.jsonl` when they are stand-ins and in `objects/secrets.jsonl.age` when they are encrypted;
//! a snapshot whose secrets are neither is not written. A file is written whole or not at all, 0600.
//!
//! Reading trusts nothing: every name is one that a writer makes, nothing is unpacked to disk, and sizes have limits.

use std::io::{BufReader, Read, Write};

use camino::Utf8Path;
use rehelm_core::ports::{PortError, PortResult};
use rehelm_core::snapshot::{FORMAT, Meta, SECRETS, Secrecy, Snapshot};
use secrecy::SecretString;
use serde_json::Value;

use crate::files::{self, backup};
use crate::input;

/// Bytes of a packed file.
const PACKED: u64 = 1 << 30;
/// All content together; a cluster with 100,000 objects has about half of it.
const MOST: u64 = 2 << 30;
/// Kinds of objects.
const MOST_FILES: usize = 10_000;
/// zstd's usual level: more makes it slower and hardly smaller.
const LEVEL: i32 = 3;

const META: &str = "meta.json";
const DATABASES: &str = "databases.json";
const FOLDER: &str = "objects/";
const PLAIN: &str = ".jsonl";
const SEALED: &str = ".jsonl.age";

/// Who can read the secrets of a snapshot.
#[derive(Clone)]
pub enum Sealing {
    /// They are stand-ins already.
    Redacted,
    /// Each of these age public keys.
    Recipients(Vec<String>),
    /// Who knows the passphrase.
    Passphrase(SecretString),
}

/// What opens the secrets of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// File of age identities.
    pub identities: Option<camino::Utf8PathBuf>,
    /// Passphrase.
    pub passphrase: Option<SecretString>,
}

/// Key for the stand-ins of one snapshot; kept nowhere.
pub fn random_key() -> [u8; 32] {
    rand::random()
}

/// Writes a snapshot; gives its size in bytes.
///
/// # Errors
/// Invalid when secrets would be readable; otherwise when the file cannot be written.
pub fn write(path: &Utf8Path, snapshot: &Snapshot, sealing: &Sealing) -> PortResult<u64> {
    let packed = pack(snapshot, sealing)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_str().is_empty() => folder,
        _ => Utf8Path::new("."),
    };
    files::whole(folder, path, &packed)?;
    Ok(packed.len() as u64)
}

/// Reads a snapshot.
///
/// # Errors
/// NotFound, Forbidden when the secrets cannot be opened, Invalid for anything that no writer made.
pub fn read(path: &Utf8Path, keys: &Keys) -> PortResult<Snapshot> {
    let bytes = match input::bytes(path, PACKED) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(PortError::NotFound(path.to_string())),
        Err(e) => return Err(PortError::Other(e.to_string())),
    };
    unpack(&bytes, keys, path.as_str())
}

fn pack(snapshot: &Snapshot, sealing: &Sealing) -> PortResult<Vec<u8>> {
    let broken = |e: std::io::Error| PortError::Other(format!("the snapshot cannot be packed: {e}"));
    let mut meta = snapshot.meta.clone();
    meta.secrets = match sealing {
        Sealing::Redacted if meta.secrets == Secrecy::Redacted => Secrecy::Redacted,
        Sealing::Redacted => {
            let why = "its secrets are neither redacted nor encrypted".to_owned();
            return Err(PortError::Invalid("the snapshot".to_owned(), why));
        }
        Sealing::Recipients(recipients) => Secrecy::Encrypted {
            recipients: recipients.clone(),
        },
        Sealing::Passphrase(_) => Secrecy::Encrypted { recipients: Vec::new() },
    };
    let mut files = vec![(META.to_owned(), json(&meta)?)];
    if let Some(databases) = &snapshot.databases {
        files.push((DATABASES.to_owned(), json(databases)?));
    }
    for (resource, objects) in &snapshot.objects {
        let mut lines = Vec::new();
        for object in objects {
            serde_json::to_writer(&mut lines, object).map_err(|e| PortError::Other(e.to_string()))?;
            lines.push(b'\n');
        }
        files.push(match (resource.as_str(), sealing) {
            (SECRETS, Sealing::Recipients(recipients)) => (
                format!("{FOLDER}{resource}{SEALED}"),
                backup::encrypt(recipients, &lines)?,
            ),
            (SECRETS, Sealing::Passphrase(passphrase)) => (
                format!("{FOLDER}{resource}{SEALED}"),
                backup::encrypt_with_passphrase(passphrase.clone(), &lines)?,
            ),
            _ => (format!("{FOLDER}{resource}{PLAIN}"), lines),
        });
    }
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), LEVEL).map_err(broken)?);
    let seconds = u64::try_from(meta.taken.as_second()).unwrap_or_default();
    for (name, content) in &files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(seconds);
        tar.append_data(&mut header, name, content.as_slice()).map_err(broken)?;
    }
    let mut packed = tar.into_inner().and_then(zstd::Encoder::finish).map_err(broken)?;
    packed.flush().map_err(broken)?;
    Ok(packed)
}

fn json(value: &impl serde::Serialize) -> PortResult<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| PortError::Other(e.to_string()))?;
    text.push(b'\n');
    Ok(text)
}

fn unpack(bytes: &[u8], keys: &Keys, name: &str) -> PortResult<Snapshot> {
    let bad = |why: String| PortError::Invalid(format!("snapshot {name}"), why);
    let broken = |e: std::io::Error| bad(e.to_string());
    let content = zstd::Decoder::new(BufReader::new(bytes)).map_err(broken)?;
    let mut tar = tar::Archive::new(content.take(MOST));
    let (mut meta, mut databases, mut sealed) = (None, None, None);
    let mut objects = std::collections::BTreeMap::new();
    for (count, entry) in tar.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        if count >= MOST_FILES {
            return Err(bad("it holds too many files".to_owned()));
        }
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|e| bad(e.to_string()))?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("{path:?} is no plain file")));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(broken)?;
        if content.len() as u64 != entry.size() {
            return Err(bad("it ends too early, or is larger than 2 GiB".to_owned()));
        }
        if path == META {
            let read: Meta = serde_json::from_slice(&content).map_err(|e| bad(format!("{META}: {e}")))?;
            if read.format > FORMAT {
                return Err(bad(format!("its format {} is of a newer rehelm", read.format)));
            }
            meta = Some(read);
        } else if path == DATABASES {
            databases = Some(serde_json::from_slice(&content).map_err(|e| bad(format!("{DATABASES}: {e}")))?);
        } else if path == format!("{FOLDER}{SECRETS}{SEALED}") {
            sealed = Some(content);
        } else {
            let resource = resource(&path).ok_or_else(|| bad(format!("{path:?} is no file of a snapshot")))?;
            objects.insert(
                resource.to_owned(),
                lines(&content).map_err(|e| bad(format!("{path}: {e}")))?,
            );
        }
    }
    let meta = meta.ok_or_else(|| bad(format!("it has no {META}")))?;
    if let Some(sealed) = sealed {
        let opened = open(&sealed, keys, name)?;
        let secrets = lines(&opened).map_err(|e| bad(format!("its secrets: {e}")))?;
        objects.insert(SECRETS.to_owned(), secrets);
    }
    Ok(Snapshot {
        meta,
        objects,
        databases,
    })
}

fn open(sealed: &[u8], keys: &Keys, name: &str) -> PortResult<Vec<u8>> {
    match (&keys.identities, &keys.passphrase) {
        (Some(identities), _) => backup::decrypt(identities, sealed),
        (None, Some(passphrase)) => backup::decrypt_with_passphrase(passphrase.clone(), sealed),
        (None, None) => Err(PortError::Forbidden(format!(
            "the secrets of snapshot {name} are encrypted, and no key was given"
        ))),
    }
}

/// `deployments.apps` of `objects/deployments.apps.jsonl`.
fn resource(path: &str) -> Option<&str> {
    let name = path.strip_prefix(FOLDER)?.strip_suffix(PLAIN)?;
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    (!name.is_empty() && name.chars().all(good)).then_some(name)
}

fn lines(content: &[u8]) -> Result<Vec<Value>, serde_json::Error> {
    let lines = content.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(serde_json::from_slice).collect()
}

#[cfg(test)]
#[path = "snapshot_file_tests.rs"]
mod tests;

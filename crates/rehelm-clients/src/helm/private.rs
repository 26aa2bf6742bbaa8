//! Files that hold secrets for as long as Helm runs: in a folder of their own (0700), 0600, removed on every way out.
//!
//! What a killed run leaves behind is removed by the next one: the folder's name tells the process.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use camino::Utf8Path;
use fs_err as fs;
use rehelm_core::ports::{PortError, PortResult};
use rustix::process::{Pid, test_kill_process};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

const PREFIX: &str = "helm-";

/// A private folder, removed on drop.
pub(crate) struct PrivateDir(TempDir);

impl PrivateDir {
    /// Makes one under `parent`, which is created (0700) when absent.
    pub fn create(parent: &Utf8Path) -> PortResult<Self> {
        let failed = |e: std::io::Error| PortError::Other(format!("private folder {parent}: {e}"));
        if !parent.exists() {
            fs::create_dir_all(parent).map_err(failed)?;
            fs::set_permissions(parent, PermissionsExt::from_mode(0o700)).map_err(failed)?;
        }
        sweep(parent);
        let made = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .permissions(PermissionsExt::from_mode(0o700))
            .tempdir_in(parent)
            .map_err(failed)?;
        Ok(Self(made))
    }

    /// Its place.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it, removed on drop.
    pub fn file(&self, suffix: &str, content: &[u8]) -> PortResult<NamedTempFile> {
        let made = tempfile::Builder::new()
            .suffix(suffix)
            .permissions(PermissionsExt::from_mode(0o600))
            .tempfile_in(self.path())
            .and_then(|mut file| file.write_all(content).map(|()| file));
        made.map_err(|e| PortError::Other(format!("private file: {e}")))
    }

    /// A folder in it, removed with it.
    pub fn folder(&self, name: &str) -> PortResult<PathBuf> {
        let path = self.path().join(name);
        fs::create_dir_all(&path).map_err(|e| PortError::Other(format!("private folder: {e}")))?;
        Ok(path)
    }
}

/// Removes what processes that are gone have left.
fn sweep(parent: &Utf8Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        if let Some(owner) = owner.and_then(Pid::from_raw)
            && test_kill_process(owner) == Err(rustix::io::Errno::SRCH)
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Values as Helm reads them: JSON with everything outside printable ASCII escaped the YAML way, as go-yaml takes
/// U+2028 for a line break and refuses some characters that JSON leaves as they are.
pub(crate) fn values_text(values: &Value) -> SecretString {
    let mut text = String::new();
    for c in values.to_string().chars() {
        match c {
            ' '..='~' => text.push(c),
            c if u32::from(c) <= 0xffff => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    text.into()
}

/// Takes secrets out of a message: every longer text of the values, plain or in base64.
pub(crate) fn redact(message: &str, values: Option<&Value>, more: &[&SecretString]) -> String {
    let mut secrets = Vec::new();
    if let Some(values) = values {
        collect(values, &mut secrets);
    }
    secrets.extend(more.iter().map(|secret| secret.expose_secret().to_owned()));
    // Longest first, so that a secret that contains another one goes as a whole.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let mut message = message.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= 4) {
        message = message.replace(secret.as_str(), "***");
        message = message.replace(&super::base64(secret.as_bytes()), "***");
    }
    message
}

fn collect(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) => secrets.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secrets)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, secrets)),
        _ => {}
    }
}

/// A place that only paths in UTF-8 can name, as arguments of Helm.
pub(crate) fn utf8(path: &Path) -> PortResult<&Utf8Path> {
    Utf8Path::from_path(path).ok_or_else(|| PortError::Other(format!("{} is not UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn folders_of_processes_that_are_gone_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let parent = Utf8Path::from_path(parent.path()).unwrap();
        let old = parent.join("helm-999999999-x");
        fs::create_dir(&old).unwrap();
        let alive = parent.join(format!("helm-{}-x", std::process::id()));
        fs::create_dir(&alive).unwrap();
        let made = PrivateDir::create(parent).unwrap();
        assert!(!old.exists() && alive.exists());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(made.path()), 0o700);
        let file = made.file(".json", b"x").unwrap();
        assert_eq!(mode(file.path()), 0o600);
        let place = made.path().to_owned();
        drop((file, made));
        assert!(!place.exists());
    }

    #[test]
    fn values_survive_the_yaml_of_helm() {
        let values = json!({"a": "é\u{2028}\u{7f}😀\n\"", "n": 3});
        assert_eq!(
            values_text(&values).expose_secret(),
            r#"{"a":"\u00e9\u2028\u007f\U0001f600\n\"","n":3}"#
        );
    }

    #[test]
    fn secrets_leave_no_trace_in_messages() {
        let values = json!({"a": ["s3cret", "s3cret-longer"], "b": {"c": "x"}});
        let said = redact("s3cret-longer x s3cret czNjcmV0", Some(&values), &[&"tok-en".into()]);
        assert_eq!(said, "*** x *** ***");
        assert_eq!(redact("/tok-en/api", None, &[&"tok-en".into()]), "/***/api");
    }
}

//! Where built binaries and running testbeds live: outside the checkout, shared by all checkouts of a user.
//!
//! Invariant: whatever is written here is either complete under its final name or not there (write aside, rename).

use crate::{Error, Result};
use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use sha2::{Digest, Sha256};
use std::fs::File;

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: Utf8PathBuf,
}

impl Cache {
    /// `$REHELM_CACHE`, else `$XDG_CACHE_HOME/rehelm`, else `~/.cache/rehelm`; created when missing.
    pub fn open() -> Result<Self> {
        let var = |name: &str| {
            std::env::var(name)
                .ok()
                .filter(|v| !v.is_empty())
                .map(Utf8PathBuf::from)
        };
        let root = var("REHELM_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|d| d.join("rehelm")))
            .or_else(|| var("HOME").map(|d| d.join(".cache/rehelm")))
            .ok_or_else(|| Error::unavailable("a cache folder", "HOME is not set", "set REHELM_CACHE to a folder"))?;
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// A path below the cache folder.
    pub fn path(&self, below: impl AsRef<Utf8Path>) -> Utf8PathBuf {
        self.root.join(below)
    }

    /// The folder that holds one folder per running testbed.
    pub fn runs(&self) -> Result<Utf8PathBuf> {
        let dir = self.path("run");
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }

    /// Waits until no other process holds the lock `name`; the lock ends with the returned file.
    pub fn lock(&self, name: &str) -> Result<File> {
        let path = self.path(format!("{name}.lock"));
        let file = fs::File::create(&path)?.into_file();
        file.lock()?;
        Ok(file)
    }
}

/// The first 16 hex digits of the SHA-256 of the parts, each ended by a zero byte.
pub(crate) fn short_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// The folder of the testbed's data files: `$REHELM_TESTBED_DATA`, else `testbed` in the checkout.
pub fn data_dir() -> Utf8PathBuf {
    match std::env::var("REHELM_TESTBED_DATA") {
        Ok(dir) if !dir.is_empty() => dir.into(),
        _ => Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed"),
    }
}

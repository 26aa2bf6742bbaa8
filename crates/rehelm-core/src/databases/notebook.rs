//! A notebook in the run's folder: one private file for each piece of work that may be interrupted.

use camino::{Utf8Path, Utf8PathBuf};

use crate::digest;
use crate::ports::{Files, Notebook, PortResult};

/// The folder of notes, below the run's.
pub const FOLDER: &str = "databases/notes";

/// Notes as files. Keys hold names of databases and collections, which may be no names of files: files are called by a
/// hash of them.
pub struct FileNotebook<'a> {
    files: &'a dyn Files,
}

impl<'a> FileNotebook<'a> {
    /// The notebook of a run.
    pub fn new(files: &'a dyn Files) -> Self {
        Self { files }
    }

    fn path(key: &str) -> Utf8PathBuf {
        let hash = digest::of_bytes(key.as_bytes());
        Utf8Path::new(FOLDER).join(&hash["sha256:".len()..][..32])
    }
}

impl Notebook for FileNotebook<'_> {
    fn read(&self, key: &str) -> PortResult<Option<String>> {
        let bytes = self.files.read(&Self::path(key))?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    fn write(&self, key: &str, value: &str) -> PortResult<()> {
        self.files.write(&Self::path(key), value.as_bytes())
    }

    fn forget(&self, key: &str) -> PortResult<()> {
        self.files.remove(&Self::path(key))
    }
}

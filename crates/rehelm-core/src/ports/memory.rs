//! Files that live as long as the process.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Files, PortResult};

/// Files in memory: what is read-only on disk, with a journal beside it that nobody keeps.
#[derive(Debug, Default)]
pub struct MemoryFiles(Mutex<BTreeMap<Utf8PathBuf, Vec<u8>>>);

impl MemoryFiles {
    /// With these files.
    pub fn new(files: BTreeMap<Utf8PathBuf, Vec<u8>>) -> Self {
        Self(Mutex::new(files))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Utf8PathBuf, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for MemoryFiles {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        self.all().insert(path.to_owned(), content.to_vec());
        Ok(())
    }

    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        Ok(self.all().get(path).cloned())
    }

    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        self.all().remove(path);
        Ok(())
    }

    fn list(&self, folder: &Utf8Path) -> PortResult<Vec<String>> {
        let all = self.all();
        let below = all.keys().filter_map(|path| path.strip_prefix(folder).ok());
        let mut names: Vec<String> = below.filter_map(|p| p.iter().next()).map(str::to_owned).collect();
        names.dedup();
        Ok(names)
    }

    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()> {
        let mut all = self.all();
        let file = all.entry(path.to_owned()).or_default();
        file.extend_from_slice(line.as_bytes());
        file.push(b'\n');
        Ok(())
    }
}

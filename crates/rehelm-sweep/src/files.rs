//! The folder of a run in memory: what is durable stays when the process dies, and nothing else is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;
use rehelm_core::ports::{Files, PortError, PortResult};

use crate::process::Process;
use crate::twist::FileAct;

/// Files by path. Clones are handles to the same folder.
#[derive(Clone, Default)]
pub struct MemFiles {
    all: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    /// What only the tool believes to be there.
    shadows: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl MemFiles {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shadows(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.shadows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line that is appended is there for the tool, too, where it believes in more than there is.
    fn believe(&self, path: &str, line: &str, anew: bool) {
        let mut shadows = self.shadows();
        if anew && !shadows.contains_key(path) {
            shadows.insert(path.to_owned(), self.get(path).unwrap_or_default());
        }
        if let Some(shadow) = shadows.get_mut(path) {
            shadow.extend_from_slice(line.as_bytes());
            shadow.push(b'\n');
        }
    }

    /// Another folder with the same content.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            all: Arc::new(Mutex::new(self.all().clone())),
            shadows: Arc::default(),
        }
    }

    /// Content of a file.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.all().get(path).cloned()
    }

    /// Looks at every file, in the order of their paths.
    pub fn each(&self, mut look: impl FnMut(&str, &[u8])) {
        for (path, content) in self.all().iter() {
            look(path, content);
        }
    }

    /// True when there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.all().contains_key(path)
    }
}

/// The folder as one process sees it.
pub struct TappedFiles {
    files: MemFiles,
    process: Process,
}

impl TappedFiles {
    /// Writes go past the tap.
    pub fn new(files: MemFiles, process: Process) -> Self {
        Self { files, process }
    }

    fn died() -> PortError {
        PortError::Other("the process was killed".to_owned())
    }

    fn full(path: &Utf8Path) -> PortError {
        PortError::Other(format!("{path}: no space left on device (os error 28)"))
    }
}

impl Files for TappedFiles {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        let act = self.process.file(path.as_str(), None);
        match act {
            FileAct::Die | FileAct::Tear(_) => return Err(Self::died()),
            FileAct::Full | FileAct::FullAfter(_) => return Err(Self::full(path)),
            FileAct::Pretend => return Ok(()),
            FileAct::Shadow => {
                self.files.shadows().insert(path.to_string(), content.to_vec());
                return Ok(());
            }
            FileAct::Pass | FileAct::DieAfter | FileAct::Alter => {}
        }
        let mut content = content.to_vec();
        if act == FileAct::Alter {
            // Another object of the same name.
            content = br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"other"}}"#.to_vec();
        }
        self.files.all().insert(path.to_string(), content);
        match act {
            FileAct::DieAfter => Err(Self::died()),
            _ => Ok(()),
        }
    }

    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        let shadow = self.files.shadows().get(path.as_str()).cloned();
        Ok(shadow.or_else(|| self.files.get(path.as_str())))
    }

    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        let act = self.process.file(path.as_str(), None);
        match act {
            FileAct::Die | FileAct::Tear(_) => return Err(Self::died()),
            FileAct::Full | FileAct::FullAfter(_) | FileAct::Pretend | FileAct::Pass | FileAct::DieAfter => {}
            FileAct::Shadow | FileAct::Alter => {}
        }
        self.files.all().remove(path.as_str());
        match act {
            FileAct::DieAfter => Err(Self::died()),
            _ => Ok(()),
        }
    }

    fn list(&self, folder: &Utf8Path) -> PortResult<Vec<String>> {
        let prefix = format!("{folder}/");
        let all = self.files.all();
        let mut names: Vec<String> = all
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('/').next().map(str::to_owned))
            .collect();
        names.dedup();
        Ok(names)
    }

    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()> {
        let act = self.process.file(path.as_str(), Some(line));
        let part = |hundredths: usize| &line.as_bytes()[..line.len() * hundredths.min(100) / 100];
        let (bytes, answer): (&[u8], _) = match act {
            FileAct::Pass | FileAct::Alter => (line.as_bytes(), Ok(())),
            FileAct::DieAfter => (line.as_bytes(), Err(Self::died())),
            FileAct::Pretend => return Ok(()),
            FileAct::Shadow => {
                self.files.believe(path.as_str(), line, true);
                return Ok(());
            }
            FileAct::Die => return Err(Self::died()),
            FileAct::Full => return Err(Self::full(path)),
            FileAct::Tear(hundredths) => (part(hundredths), Err(Self::died())),
            FileAct::FullAfter(hundredths) => (part(hundredths), Err(Self::full(path))),
        };
        self.files.believe(path.as_str(), line, false);
        let mut all = self.files.all();
        let file = all.entry(path.to_string()).or_default();
        file.extend_from_slice(bytes);
        if matches!(act, FileAct::Pass | FileAct::Alter | FileAct::DieAfter) {
            file.push(b'\n');
        }
        answer
    }
}

//! A process that dies, played in one process: after its N-th journal record nothing that it asks for happens any more.
//!
//! Requests are never answered, files cannot be written, and who runs the command drops it. What comes next opens
//! everything anew from the files, as a new process would.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;
use rehelm_core::journal::{Event, Record};
use rehelm_core::ports::{Files, PortError, PortResult};
use tokio::sync::Notify;

use crate::run_folder::JOURNAL;

/// Says when the process dies. Clones are handles to the same one.
#[derive(Clone, Default)]
pub struct Shut(Arc<State>);

#[derive(Default)]
struct State {
    /// Records written so far.
    records: AtomicU64,
    /// Dies after this one; 0 is never.
    after: AtomicU64,
    /// Dies when a step of this kind has begun.
    at_step: Mutex<Option<String>>,
    dead: AtomicBool,
    died: Notify,
    /// Requests to the API server.
    requests: AtomicU64,
}

impl Shut {
    /// Dies after the N-th record from now on; never when it is None.
    pub fn after(record: Option<u64>) -> Self {
        let shut = Self::default();
        shut.0.after.store(record.unwrap_or(0), Ordering::SeqCst);
        shut
    }

    /// Dies when the next step of this kind has begun (or `undo N`): its intent is in the journal, and nothing of it is done.
    pub fn at_step(&self, kind: &str) {
        *self.step() = Some(kind.to_owned());
    }

    fn step(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.at_step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when the process is to die.
    pub fn is_set(&self) -> bool {
        self.step().is_some() || self.0.after.load(Ordering::SeqCst) != 0
    }

    /// True when the process is dead.
    pub fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::SeqCst)
    }

    /// Ends when the process dies.
    pub async fn died(&self) {
        loop {
            let died = self.0.died.notified();
            if self.is_dead() {
                return;
            }
            died.await;
        }
    }

    /// A new process, which does not die.
    pub fn revive(&self) {
        self.0.after.store(0, Ordering::SeqCst);
        *self.step() = None;
        self.0.dead.store(false, Ordering::SeqCst);
    }

    /// Records written so far, by all processes.
    pub fn records(&self) -> u64 {
        self.0.records.load(Ordering::SeqCst)
    }

    /// Requests sent so far.
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// A request of the process: counted, and never answered when the process is dead.
    pub async fn request<T>(&self, answer: impl Future<Output = T>) -> T {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        answer.await
    }

    fn recorded(&self, line: &str) {
        let count = self.0.records.fetch_add(1, Ordering::SeqCst) + 1;
        let begun = serde_json::from_str(line)
            .ok()
            .and_then(|record: Record| match record.event {
                Event::StepStarted { kind, .. } => Some(kind),
                Event::UndoStarted { step } => Some(format!("undo {step}")),
                _ => None,
            });
        let here = begun.is_some() && *self.step() == begun;
        if here || count == self.0.after.load(Ordering::SeqCst) {
            self.0.dead.store(true, Ordering::SeqCst);
            self.0.died.notify_waiters();
        }
    }
}

/// Files that cannot be written by the dead.
pub struct ShutFiles<F> {
    inner: F,
    shut: Shut,
}

impl<F> ShutFiles<F> {
    /// Counts records and obeys `shut`.
    pub fn new(inner: F, shut: Shut) -> Self {
        Self { inner, shut }
    }

    fn alive(&self) -> PortResult<()> {
        match self.shut.is_dead() {
            true => Err(PortError::Other("the process was killed".to_owned())),
            false => Ok(()),
        }
    }
}

impl<F: Files> Files for ShutFiles<F> {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        self.alive()?;
        self.inner.write(path, content)
    }

    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        self.alive()?;
        self.inner.read(path)
    }

    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        self.alive()?;
        self.inner.remove(path)
    }

    fn list(&self, folder: &Utf8Path) -> PortResult<Vec<String>> {
        self.alive()?;
        self.inner.list(folder)
    }

    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()> {
        self.alive()?;
        self.inner.append(path, line)?;
        if path == JOURNAL {
            self.shut.recorded(line);
        }
        Ok(())
    }

    fn size(&self, path: &Utf8Path) -> PortResult<u64> {
        self.alive()?;
        self.inner.size(path)
    }

    fn cut(&self, path: &Utf8Path, length: u64) -> PortResult<()> {
        self.alive()?;
        self.inner.cut(path, length)
    }
}

#[cfg(test)]
mod tests {
    use rehelm_clients::files::RunFiles;

    use super::*;

    #[tokio::test]
    async fn nothing_happens_after_the_last_record() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Utf8Path::from_path(folder.path()).expect("UTF-8");
        let shut = Shut::after(Some(2));
        let files = ShutFiles::new(RunFiles::open(root).expect("a folder"), shut.clone());
        files.append(JOURNAL.into(), "1").expect("written");
        assert!(!shut.is_dead());
        files.append(JOURNAL.into(), "2").expect("written");
        shut.died().await;
        assert!(files.append(JOURNAL.into(), "3").is_err() && files.write("a".into(), b"").is_err());
        let mut asked = std::pin::pin!(shut.request(async {}));
        assert!(futures_now(asked.as_mut()).is_none());
        shut.revive();
        assert_eq!(files.read(JOURNAL.into()).expect("readable"), Some(b"1\n2\n".to_vec()));
        shut.request(async {}).await;
        assert_eq!((shut.records(), shut.requests()), (2, 1));
    }

    fn futures_now<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}

//! The doors to this machine: its files and its time.

use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8Path;

use super::PortResult;

/// Files of a run (`.rehelm/`), private to the user.
pub trait Files: Send + Sync {
    /// Writes a file whole or not at all (0600; folders 0700), durable when it returns.
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()>;
    /// Reads a file; None when absent.
    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>>;
    /// Removes a file; Ok when absent.
    fn remove(&self, path: &Utf8Path) -> PortResult<()>;
    /// Names in a folder, sorted; empty when absent.
    fn list(&self, folder: &Utf8Path) -> PortResult<Vec<String>>;
    /// Appends one line and makes it durable.
    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()>;
    /// Bytes of a file; 0 when absent.
    fn size(&self, path: &Utf8Path) -> PortResult<u64> {
        Ok(self.read(path)?.map_or(0, |content| content.len() as u64))
    }
    /// Cuts a file down to its first bytes, durable when it returns; Ok when absent.
    fn cut(&self, path: &Utf8Path, length: u64) -> PortResult<()> {
        match self.read(path)? {
            None => Ok(()),
            Some(content) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX).min(content.len());
                self.write(path, &content[..length])
            }
        }
    }
}

/// Time, so that a simulation can own it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> jiff::Timestamp;
    /// Time since some moment in the past that never changes; it only grows, whatever happens to the calendar.
    fn elapsed(&self) -> Duration;
    /// Sleeps.
    async fn sleep(&self, time: Duration);
    /// While what is returned lives, a program outside is at work and waited for: a clock that leaps when everybody waits
    /// must not then.
    fn outside(&self) -> Box<dyn Send> {
        Box::new(())
    }
}

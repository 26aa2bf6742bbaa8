//! The files of a run, in one folder that only its user can read.
//!
//! - Folders are 0700, files 0600, whatever the umask says.
//! - A file is written whole or not at all, and is on the disk when the call returns.
//! - Nothing outside the root is reached: no absolute paths, no `..`, and no symbolic link is followed below it.

pub mod backup;
pub mod bundle;

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use fs_err as fs;
use rehelm_core::ports::{Files, PortError, PortResult};
use rustix::fs::OFlags;

/// Begins the names of files that are being written.
const UNFINISHED: &str = ".writing-";

/// A folder for one run's plan, journal and backup.
#[derive(Clone, Debug)]
pub struct RunFiles {
    root: Utf8PathBuf,
}

impl RunFiles {
    /// Takes the folder, which is made when absent and closed to others in any case.
    pub fn open(root: &Utf8Path) -> PortResult<Self> {
        match fs::symlink_metadata(root) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(refused(root, "it is not a folder")),
            Err(e) if e.kind() == ErrorKind::NotFound => fs::create_dir_all(root).map_err(|e| failed(&e))?,
            Err(e) => return Err(failed(&e)),
        }
        fs::set_permissions(root, PermissionsExt::from_mode(0o700)).map_err(|e| failed(&e))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// Where a path is, after a look at everything on the way to it.
    fn place(&self, path: &Utf8Path) -> PortResult<Utf8PathBuf> {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let mut place = self.root.clone();
        for component in relative.components() {
            match component {
                Utf8Component::Normal(name) => place.push(name),
                Utf8Component::CurDir => continue,
                _ => return Err(refused(path, "it leaves the run's folder")),
            }
            match fs::symlink_metadata(&place) {
                Ok(found) if found.is_symlink() => return Err(refused(&place, "it is a symbolic link")),
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(failed(&e)),
            }
        }
        Ok(place)
    }

    fn folder_of<'a>(&self, place: &'a Utf8Path) -> PortResult<&'a Utf8Path> {
        let folder = place.parent().filter(|folder| folder.starts_with(&self.root));
        let folder = folder.ok_or_else(|| refused(place, "it is the run's folder itself"))?;
        let mut missing: Vec<&Utf8Path> = folder
            .ancestors()
            .take_while(|f| *f != self.root && !f.exists())
            .collect();
        while let Some(next) = missing.pop() {
            match fs::create_dir(next) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(failed(&e)),
                _ => fs::set_permissions(next, PermissionsExt::from_mode(0o700)).map_err(|e| failed(&e))?,
            }
        }
        Ok(folder)
    }
}

impl Files for RunFiles {
    fn write(&self, path: &Utf8Path, content: &[u8]) -> PortResult<()> {
        let place = self.place(path)?;
        let folder = self.folder_of(&place)?;
        whole(folder, &place, content)
    }

    fn read(&self, path: &Utf8Path) -> PortResult<Option<Vec<u8>>> {
        let place = self.place(path)?;
        let mut file = match options().read(true).open(&place) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(&e)),
        };
        if !file.metadata().map_err(|e| failed(&e))?.is_file() {
            return Err(refused(&place, "it is not a regular file"));
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|e| failed(&e))?;
        Ok(Some(content))
    }

    fn remove(&self, path: &Utf8Path) -> PortResult<()> {
        let place = self.place(path)?;
        match fs::remove_file(&place) {
            Ok(()) => sync(place.parent().unwrap_or(&self.root)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(failed(&e)),
        }
    }

    fn list(&self, folder: &Utf8Path) -> PortResult<Vec<String>> {
        let entries = match fs::read_dir(self.place(folder)?) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(&e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry
                .map_err(|e| failed(&e))?
                .file_name()
                .to_string_lossy()
                .into_owned();
            if !name.starts_with(UNFINISHED) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn append(&self, path: &Utf8Path, line: &str) -> PortResult<()> {
        let place = self.place(path)?;
        if line.contains('\n') {
            return Err(refused(&place, "one line at a time"));
        }
        let folder = self.folder_of(&place)?;
        let new = !place.exists();
        let mut file = options()
            .read(true)
            .append(true)
            .create(true)
            .open(&place)
            .map_err(|e| failed(&e))?;
        let mut text = String::with_capacity(line.len() + 2);
        if torn(&mut file).map_err(|e| failed(&e))? {
            // What a crash cut off stays a line of its own, for the reader to recognise.
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
        let before = file.metadata().map_err(|e| failed(&e))?.len();
        if let Err(e) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            // A disk that is full takes a part of the line; who reads it must not find that.
            let _ = file.set_len(before).and_then(|()| file.sync_data());
            return Err(failed(&e));
        }
        if new { sync(folder) } else { Ok(()) }
    }

    fn size(&self, path: &Utf8Path) -> PortResult<u64> {
        match fs::symlink_metadata(self.place(path)?) {
            Ok(found) => Ok(found.len()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(0),
            Err(e) => Err(failed(&e)),
        }
    }

    fn cut(&self, path: &Utf8Path, length: u64) -> PortResult<()> {
        match options().write(true).open(self.place(path)?) {
            Ok(file) => file
                .set_len(length)
                .and_then(|()| file.sync_all())
                .map_err(|e| failed(&e)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(failed(&e)),
        }
    }
}

/// Writes a file whole or not at all (0600), durable when it returns.
pub(crate) fn whole(folder: &Utf8Path, place: &Utf8Path, content: &[u8]) -> PortResult<()> {
    let named = |e: std::io::Error| PortError::Other(format!("{place}: {e}"));
    let mut file = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(PermissionsExt::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(named)?;
    file.write_all(content)
        .and_then(|()| file.as_file().sync_all())
        .map_err(named)?;
    file.persist(place).map_err(|e| named(e.error))?;
    sync(folder)
}

fn options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    options.options_mut().mode(0o600).custom_flags(no_follow);
    options
}

/// Does the file end in the middle of a line?
fn torn(file: &mut fs::File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Makes new and removed names durable.
fn sync(folder: &Utf8Path) -> PortResult<()> {
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|e| failed(&e))
}

fn refused(path: &Utf8Path, why: &str) -> PortError {
    PortError::Invalid(path.to_string(), why.to_owned())
}

/// The message names the file.
fn failed(e: &std::io::Error) -> PortError {
    PortError::Other(e.to_string())
}

#[cfg(test)]
mod tests;

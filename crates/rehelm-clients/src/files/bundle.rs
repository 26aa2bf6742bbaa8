//! Reading a backup's folder that somebody brought: nothing outside it, nothing that is no plain file, nothing endless.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use rehelm_core::ports::{PortError, PortResult};

use super::{UNFINISHED, failed, options, refused};

/// Bytes that all files together may have.
const LIMIT: u64 = 512 * 1024 * 1024;
/// Folders below one another.
const DEPTH: usize = 4;
/// Files altogether.
const COUNT: usize = 20_000;

/// Every file below a folder, by its path there.
///
/// # Errors
/// NotFound without the folder; Invalid for a symbolic link, a device, a name that is no text, or too much of it.
pub fn read(folder: &Utf8Path) -> PortResult<BTreeMap<Utf8PathBuf, Vec<u8>>> {
    match fs::symlink_metadata(folder) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(refused(folder, "it is not a folder")),
        Err(e) if e.kind() == ErrorKind::NotFound => return Err(PortError::NotFound(folder.to_string())),
        Err(e) => return Err(failed(&e)),
    }
    let (mut files, mut room) = (BTreeMap::new(), LIMIT);
    below(folder, "".into(), &mut files, &mut room)?;
    Ok(files)
}

fn below(
    folder: &Utf8Path,
    inside: &Utf8Path,
    files: &mut BTreeMap<Utf8PathBuf, Vec<u8>>,
    room: &mut u64,
) -> PortResult<()> {
    if inside.components().count() > DEPTH {
        return Err(refused(&folder.join(inside), "it is too deep for a backup"));
    }
    for entry in fs::read_dir(folder.join(inside)).map_err(|e| failed(&e))? {
        let entry = entry.map_err(|e| failed(&e))?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| refused(&folder.join(inside), "a name in it is no text"))?;
        let (path, place) = (inside.join(&name), folder.join(inside).join(&name));
        let kind = entry.file_type().map_err(|e| failed(&e))?;
        if kind.is_symlink() {
            return Err(refused(&place, "it is a symbolic link"));
        }
        if kind.is_dir() {
            below(folder, &path, files, room)?;
            continue;
        }
        if !kind.is_file() {
            return Err(refused(&place, "it is no plain file"));
        }
        // What a crash left of a write was never a part of the backup.
        if name.starts_with(UNFINISHED) {
            continue;
        }
        let mut content = Vec::new();
        let file = options().read(true).open(&place).map_err(|e| failed(&e))?;
        file.take(*room + 1).read_to_end(&mut content).map_err(|e| failed(&e))?;
        *room = room
            .checked_sub(content.len() as u64)
            .filter(|_| files.len() < COUNT)
            .ok_or_else(|| refused(folder, "it is too large for a backup"))?;
        files.insert(path, content);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_and_what_leads_out_of_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Utf8Path::from_path(dir.path()).unwrap().join("backup");
        fs::create_dir_all(folder.join("before")).unwrap();
        fs::write(folder.join("before/a.json"), "1").unwrap();
        fs::write(folder.join("before/.writing-x"), "half").unwrap();
        let read_now = || read(&folder);
        assert_eq!(
            read_now().unwrap(),
            BTreeMap::from([("before/a.json".into(), b"1".to_vec())])
        );
        std::os::unix::fs::symlink("/etc/passwd", folder.join("before/b.json")).unwrap();
        assert!(matches!(read_now(), Err(PortError::Invalid(..))));
        fs::remove_file(folder.join("before/b.json")).unwrap();
        std::os::unix::fs::symlink(dir.path(), folder.join("secrets")).unwrap();
        assert!(matches!(read_now(), Err(PortError::Invalid(..))));
        fs::remove_file(folder.join("secrets")).unwrap();
        fs::create_dir_all(folder.join("a/b/c/d/e/f")).unwrap();
        assert!(matches!(read_now(), Err(PortError::Invalid(..))));
        assert!(read(&folder.join("none")).unwrap_err().is_not_found());
        assert!(matches!(
            read(&folder.join("before/a.json")),
            Err(PortError::Invalid(..))
        ));
    }
}

//! The output folder: what may be replaced, and replacing it in one step.

use std::io::Write;

use camino::{Utf8Path, Utf8PathBuf};
use fs_err as fs;
use rehelm_core::secrets::{ConvertedSecret, SecretRules, is_previous_output};
use rehelm_core::yaml;

use super::SecretsFolderError as Error;

fn io(path: &Utf8Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::Io {
        path: path.clone(),
        error,
    }
}

/// Refuses a target that is the source, holds it, or lies in it.
pub(super) fn check_apart(from: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    let real_from = from.canonicalize_utf8().map_err(io(from))?;
    // The target need not exist: its nearest existing ancestor says where it will be.
    let absolute = camino::absolute_utf8(to).map_err(io(to))?;
    let Some((base, real_base)) = absolute
        .ancestors()
        .find_map(|a| Some((a, a.canonicalize_utf8().ok()?)))
    else {
        return Ok(());
    };
    let real_to = absolute
        .strip_prefix(base)
        .map_or_else(|_| real_base.clone(), |rest| real_base.join(rest));
    if real_from.starts_with(&real_to) || real_to.starts_with(&real_from) {
        return Err(Error::Overlap {
            from: from.to_owned(),
            to: to.to_owned(),
        });
    }
    Ok(())
}

/// Refuses a target that is not a folder of an earlier conversion.
pub(super) fn check_replaceable(to: &Utf8Path, rules: &SecretRules) -> Result<(), Error> {
    let Ok(about) = std::fs::symlink_metadata(to) else {
        return Ok(());
    };
    if about.is_symlink() {
        return Err(Error::NotAFolder(to.to_owned(), "link"));
    }
    if !about.is_dir() {
        return Err(Error::NotAFolder(to.to_owned(), "file"));
    }
    let mut foreign = Vec::new();
    for entry in to.read_dir_utf8().map_err(io(to))? {
        let entry = entry.map_err(io(to))?;
        let is_file = entry.file_type().is_ok_and(|t| t.is_file());
        let text = if is_file {
            fs::read_to_string(entry.path()).ok()
        } else {
            None
        };
        if !text.is_some_and(|text| is_previous_output(entry.file_name(), &text, rules)) {
            foreign.push(entry.file_name().to_owned());
        }
    }
    foreign.sort();
    match foreign.is_empty() {
        true => Ok(()),
        false => Err(Error::ForeignFiles {
            folder: to.to_owned(),
            files: foreign,
        }),
    }
}

/// Writes a new folder beside the target and puts it in its place; what was there is removed afterwards.
pub(super) fn replace(to: &Utf8Path, converted: &[ConvertedSecret]) -> Result<(), Error> {
    let parent = match to.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent.to_owned(),
        _ => Utf8PathBuf::from("."),
    };
    fs::create_dir_all(&parent).map_err(io(&parent))?;
    let prefix = format!(".{}.", to.file_name().unwrap_or("secrets"));
    // Whatever happens before the exchange, dropping it removes it.
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let new = builder.tempdir_in(&parent).map_err(io(&parent))?;
    let path = Utf8PathBuf::from_path_buf(new.path().to_owned())
        .map_err(|_| io(&parent)(std::io::ErrorKind::InvalidFilename.into()))?;
    for secret in converted {
        write_private(
            &path.join(&secret.file_name),
            yaml::to_string(&secret.object.0).as_bytes(),
        )?;
    }
    sync_folder(&path)?;
    put(&path, to)?;
    // From here on the path is gone, or holds the folder that was replaced.
    let _ = new.keep();
    sync_folder(&parent)?;
    match path.exists() {
        true => fs::remove_dir_all(&path).map_err(io(&path)),
        false => Ok(()),
    }
}

fn write_private(path: &Utf8Path, content: &[u8]) -> Result<(), Error> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    fs_err::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(io(path))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(io(path))
}

fn sync_folder(path: &Utf8Path) -> Result<(), Error> {
    // Only a Unix folder can be opened and flushed.
    if cfg!(unix) {
        fs::File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(io(path))?;
    }
    Ok(())
}

/// Moves the new folder to the target. Where the system can exchange two folders there is no moment without one.
fn put(new: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    if !to.exists() {
        return fs::rename(new, to).map_err(io(to));
    }
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new.as_std_path(), CWD, to.as_std_path(), RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    // A file system without exchange: the old folder steps aside, and back if the new one cannot follow.
    let aside = Utf8PathBuf::from(format!("{new}.old"));
    fs::rename(to, &aside).map_err(io(to))?;
    if let Err(error) = fs::rename(new, to) {
        fs::rename(&aside, to).map_err(io(to))?;
        return Err(io(to)(error));
    }
    fs::remove_dir_all(&aside).map_err(io(&aside))
}

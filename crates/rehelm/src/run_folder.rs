//! `.rehelm/` beside `rehelm.yaml`: everything that a run leaves on disk, for its owner's eyes only (0700).

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_clients::files::RunFiles;
use rehelm_core::ports::Files;

use crate::config::File;
use crate::errors::{Context, Result};

/// Name of the folder.
pub const NAME: &str = ".rehelm";

/// The plan in it.
pub const PLAN: &str = "plan.json";

/// The journal in it.
pub const JOURNAL: &str = "journal.jsonl";

/// What belongs to one run and is put away with it.
const OF_A_RUN: [&str; 2] = [JOURNAL, "backup"];

/// Puts everything of a run that is over into `runs/<run>/`, so that the next one begins with nothing.
///
/// # Errors
/// When something cannot be moved.
pub fn archive(beside: &Utf8Path, run: &str) -> Result<()> {
    let folder = ensure(beside)?;
    let place = folder.join("runs").join(run);
    fs_err::create_dir_all(&place).context(|| format!("cannot make {place}"))?;
    close(&place)?;
    // The journal goes last: while it is there, putting away can be repeated.
    for name in OF_A_RUN.iter().rev() {
        let from = folder.join(name);
        if from.exists() {
            fs_err::rename(&from, place.join(name)).context(|| format!("cannot put {from} away"))?;
        }
    }
    Ok(())
}

/// The folder, made when it is not there. An existing one is closed to others.
///
/// # Errors
/// When it cannot be made.
pub fn ensure(beside: &Utf8Path) -> Result<Utf8PathBuf> {
    let folder = beside.join(NAME);
    fs_err::create_dir_all(&folder).context(|| format!("cannot make {folder}"))?;
    close(&folder)?;
    Ok(folder)
}

#[cfg(unix)]
fn close(folder: &Utf8Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs_err::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).context(|| format!("cannot close {folder}"))
}

#[cfg(not(unix))]
fn close(_folder: &Utf8Path) -> Result<()> {
    Ok(())
}

/// JSON Schema of `rehelm.yaml`, indented, with a newline at the end.
pub fn schema() -> String {
    let schema = schemars::schema_for!(File);
    format!("{:#}\n", schema.as_value())
}

/// Writes the schema into the folder, so that editors find it without a network; gives its path as `rehelm.yaml` names it.
///
/// # Errors
/// When it cannot be written.
pub fn write_schema(beside: &Utf8Path) -> Result<String> {
    let folder = ensure(beside)?;
    let name = "rehelm.schema.json";
    let written = RunFiles::open(&folder).and_then(|files| files.write(name.into(), schema().as_bytes()));
    written.context(|| format!("cannot write {folder}/{name}"))?;
    Ok(format!("{NAME}/{name}"))
}

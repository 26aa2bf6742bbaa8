//! Renders that were made before, kept under the user's cache folder (0700, files 0600: values may hold secrets).
//!
//! A render is named by everything that it depends on, so that nothing kept is ever wrong; the oldest go when it is too much.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rehelm_core::values::render::RenderError;

/// Bytes that are kept for all charts together.
const MOST: u64 = 256 << 20;

/// The folder of kept renders; nothing is kept when there is none.
pub(crate) struct Renders(Option<PathBuf>);

impl Renders {
    /// `$XDG_CACHE_HOME/rehelm/renders`, else `~/.cache/rehelm/renders`.
    pub fn open() -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let root = var("XDG_CACHE_HOME").or_else(|| var("HOME").map(|home| home.join(".cache")));
        Self::at(root.map(|root| root.join("rehelm/renders")))
    }

    /// In a folder of the caller's choice.
    pub fn at(folder: Option<PathBuf>) -> Self {
        let folder = folder.filter(|folder| {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
            let private = fs::set_permissions(folder, PermissionsExt::from_mode(0o700));
            made.and(private).is_ok()
        });
        let renders = Self(folder);
        renders.sweep(MOST);
        renders
    }

    /// What Helm printed or why it refused.
    pub fn find(&self, name: &str) -> Option<Result<String, RenderError>> {
        let bytes = fs::read(self.0.as_ref()?.join(name)).ok()?;
        let text = String::from_utf8(zstd::decode_all(&bytes[..]).ok()?).ok()?;
        match text.split_at_checked(1)? {
            ("+", printed) => Some(Ok(printed.to_owned())),
            ("-", words) => Some(Err(RenderError::Refused(words.to_owned()))),
            _ => None,
        }
    }

    /// Keeps it; a disk that is full only costs time later.
    pub fn keep(&self, name: &str, outcome: &Result<String, RenderError>) {
        let (Some(folder), Some(text)) = (&self.0, text(outcome)) else {
            return;
        };
        if let Err(why) = write(folder, name, &text) {
            tracing::debug!("a render is not kept: {why}");
        }
    }

    /// Removes the oldest until the rest is small enough.
    fn sweep(&self, most: u64) {
        let Some(folder) = &self.0 else { return };
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let about = entry.metadata().ok()?;
                Some((about.modified().ok()?, about.len(), entry.path()))
            })
            .collect();
        let mut all: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort();
        for (_, size, path) in files {
            if all <= most {
                break;
            }
            let _ = fs::remove_file(path);
            all -= size;
        }
    }
}

fn text(outcome: &Result<String, RenderError>) -> Option<String> {
    match outcome {
        Ok(printed) => Some(format!("+{printed}")),
        Err(RenderError::Refused(words)) => Some(format!("-{words}")),
        Err(RenderError::Broken(_)) => None,
    }
}

/// Whole or not at all, so that renders side by side do not read halves of each other's.
fn write(folder: &Path, name: &str, text: &str) -> std::io::Result<()> {
    let aside = folder.join(format!("{name}.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)?;
    std::io::Write::write_all(&mut file, &zstd::encode_all(text.as_bytes(), 1)?)?;
    fs::rename(&aside, folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_are_kept_privately_and_the_oldest_go_first() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("a/renders");
        let renders = Renders::at(Some(folder.clone()));
        let (made, refused) = (Ok("kind: X".to_owned()), Err(RenderError::Refused("no".to_owned())));
        renders.keep("1", &made);
        renders.keep("2", &refused);
        renders.keep("3", &Err(RenderError::Broken("no Helm".to_owned())));
        assert_eq!(
            (renders.find("1"), renders.find("2"), renders.find("3")),
            (Some(made), Some(refused), None)
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("1"))), (0o700, 0o600));
        renders.sweep(0);
        assert_eq!(renders.find("1"), None);
        Renders::at(None).keep("1", &Ok(String::new()));
    }
}

//! What a plan is bound to when Helm runs a post-renderer: its program, and the patches that lie beside it.

use camino::{Utf8Path, Utf8PathBuf};
use rehelm_core::digest;
use rehelm_core::plan::ValuesFile;
use serde_json::{Map, Value};

use crate::errors::{Context, Error, Result};

/// The flag that names a program to Helm 3, and to Helm 4 through a plugin.
const FLAG: &str = "--post-renderer=";
/// More files than a folder of patches has: somebody's home was named.
const MOST: usize = 10_000;

/// The post-renderer that the flags name, with a hash over it. None without one, and for the name of an installed plugin,
/// which is no file of ours.
///
/// # Errors
/// When it cannot be read.
pub fn among(flags: &[String]) -> Result<Option<ValuesFile>> {
    let Some(program) = flags.iter().find_map(|flag| flag.strip_prefix(FLAG)) else {
        return Ok(None);
    };
    let program = Utf8Path::new(program);
    if !program.is_file() {
        return Ok(None);
    }
    // Patches lie beside the program; another program stands for itself.
    let folder = program
        .parent()
        .filter(|folder| folder.join("kustomization.yaml").is_file());
    let mut files = Map::new();
    match folder {
        Some(folder) => {
            let mut all = Vec::new();
            list(folder, &mut all)?;
            for path in all {
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string();
                files.insert(name, hash(&path)?);
            }
        }
        None => {
            files.insert(program.to_string(), hash(program)?);
        }
    }
    Ok(Some(ValuesFile {
        path: program.to_string(),
        digest: digest::of_value(&Value::Object(files)),
    }))
}

fn hash(path: &Utf8Path) -> Result<Value> {
    let bytes = fs_err::read(path).context(|| "cannot read the post-renderer".to_owned())?;
    Ok(Value::from(digest::of_bytes(&bytes)))
}

fn list(folder: &Utf8Path, out: &mut Vec<Utf8PathBuf>) -> Result<()> {
    let failed = || format!("cannot read the post-renderer's folder {folder}");
    for entry in folder.read_dir_utf8().context(failed)? {
        let entry = entry.context(failed)?;
        if entry.file_type().context(failed)?.is_dir() {
            list(entry.path(), out)?;
        } else {
            out.push(entry.path().to_owned());
        }
        if out.len() > MOST {
            return Err(
                Error::usage(format!("the post-renderer's folder {folder} holds more than patches"))
                    .hint("give it a folder of its own"),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_beside_the_program_counts_and_a_name_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = Utf8Path::from_path(folder.path()).expect("UTF-8");
        fs_err::create_dir(at.join("patches")).expect("made");
        for (name, text) in [
            ("post-renderer", "#!/bin/sh\n"),
            ("kustomization.yaml", "{}\n"),
            ("patches/a.yaml", "a: 1\n"),
        ] {
            fs_err::write(at.join(name), text).expect("written");
        }
        let flags = [format!("--post-renderer={}", at.join("post-renderer"))];
        let digest = || among(&flags).expect("readable").expect("one").digest;
        let first = digest();
        assert_eq!(first, digest());
        fs_err::write(at.join("patches/a.yaml"), "a: 2\n").expect("written");
        assert_ne!(first, digest());
        assert_eq!(
            among(&["--post-renderer=some-plugin".to_owned()]).expect("no file"),
            None
        );
        assert_eq!(among(&["--plain-http".to_owned()]).expect("none"), None);
    }
}

//! Finds the product's profile: built into the program by name, or a folder on disk.
//!
//! A profile is data (`profiles/*` in the source tree). This file only fetches its texts; `rehelm-core` understands them.

use std::collections::BTreeMap;

use camino::Utf8Path;
use include_dir::{Dir, include_dir};
use rehelm_clients::input;
use rehelm_core::secrets::SecretRules;
use serde::Deserialize;

use crate::errors::{Context, Error, Result, nearest};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../profiles");

/// File of a profile that every profile has.
const MAIN: &str = "profile.yaml";

/// The texts of one profile, by file name.
#[derive(Clone, Debug)]
pub struct ProfileFiles {
    /// What messages call it: its name, or its folder.
    pub origin: String,
    /// File name → text.
    pub files: BTreeMap<String, String>,
}

/// What the command line itself needs from a profile: names to start with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Head {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The product as people call it.
    #[serde(default)]
    pub title: String,
    /// Usual name of the release.
    #[serde(default)]
    pub release: Option<String>,
    /// Usual namespace of the release.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Usual namespace of the Kustomize install.
    #[serde(default)]
    pub source_namespace: Option<String>,
}

/// Names of the built-in profiles, sorted.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = BUILT_IN
        .dirs()
        .filter(|dir| dir.get_file(dir.path().join(MAIN)).is_some())
        .filter_map(|dir| dir.path().file_name()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Groups of secrets of the built-in profiles as (name, help): products differ in what they have beside the common set.
/// Each is a flag of `secrets convert`.
pub fn secret_groups() -> BTreeMap<String, String> {
    names()
        .iter()
        .filter_map(|name| ProfileFiles::built_in(name).and_then(|p| p.secrets()).ok())
        .flat_map(|rules| rules.groups)
        .collect()
}

impl ProfileFiles {
    /// Finds a profile: a value with a `/` (or `.`) is a folder, relative to `base`; anything else is a built-in name.
    ///
    /// # Errors
    /// A usage error that names the built-in profiles, or the folder that has no `profile.yaml`.
    pub fn find(name: &str, base: &Utf8Path) -> Result<Self> {
        if name.contains('/') || name.starts_with('.') {
            Self::from_folder(&if base == "." { name.into() } else { base.join(name) })
        } else {
            Self::built_in(name)
        }
    }

    fn built_in(name: &str) -> Result<Self> {
        let Some(dir) = BUILT_IN
            .get_dir(name)
            .filter(|d| d.get_file(d.path().join(MAIN)).is_some())
        else {
            let known = names();
            let refused = Error::usage(format!("there is no built-in profile `{name}`"));
            let refused = match nearest(name, known.iter().map(String::as_str)) {
                Some(word) => refused.hint(format!("did you mean `{word}`?")),
                None => refused,
            };
            return Err(refused
                .hint(format!("built in: {}", known.join(", ")))
                .hint(format!("for a folder write ./{name}")));
        };
        let files = dir
            .files()
            .filter_map(|file| {
                Some((
                    file.path().file_name()?.to_str()?.to_owned(),
                    file.contents_utf8()?.to_owned(),
                ))
            })
            .collect();
        Ok(Self {
            origin: name.to_owned(),
            files,
        })
    }

    /// Reads a profile from a folder.
    ///
    /// # Errors
    /// A usage error for a folder that holds none.
    pub fn from_folder(folder: &Utf8Path) -> Result<Self> {
        if !folder.join(MAIN).is_file() {
            return Err(Error::usage(format!("the profile folder {folder} has no {MAIN}")));
        }
        let mut files = BTreeMap::new();
        for entry in folder.read_dir_utf8().context(|| format!("cannot read {folder}"))? {
            let entry = entry.context(|| format!("cannot read {folder}"))?;
            if entry.path().is_file() {
                let text = input::text(entry.path(), input::TEXT)
                    .map_err(|e| Error::usage(format!("the profile {folder} cannot be used")).because(e))?;
                files.insert(entry.file_name().to_owned(), text);
            }
        }
        Ok(Self {
            origin: folder.to_string(),
            files,
        })
    }

    /// How the product's secrets move; no rules when the profile has none.
    ///
    /// # Errors
    /// When `secrets.yaml` is not what it should be.
    pub fn secrets(&self) -> Result<SecretRules> {
        match self.files.get("secrets.yaml") {
            None => Ok(SecretRules::default()),
            Some(text) => rehelm_core::yaml::from_str(text, "secrets.yaml")
                .context(|| format!("cannot read secrets.yaml of profile {}", self.origin)),
        }
    }

    /// The names to start with.
    ///
    /// # Errors
    /// When `profile.yaml` is no YAML mapping.
    pub fn head(&self) -> Result<Head> {
        let text = self.files.get(MAIN).map(String::as_str).unwrap_or_default();
        serde_saphyr::from_str(text).context(|| format!("cannot read {MAIN} of profile {}", self.origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_by_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = Utf8Path::from_path(folder.path()).expect("UTF-8");
        fs_err::create_dir(base.join("p")).expect("made");
        fs_err::write(base.join("p/profile.yaml"), "name: p\nnamespace: target\nother: [1]\n").expect("written");
        let head = ProfileFiles::find("./p", base)
            .and_then(|p| p.head())
            .expect("a profile");
        assert_eq!((head.name.as_str(), head.namespace.as_deref()), ("p", Some("target")));
    }

    #[test]
    fn a_folder_without_a_profile_is_refused() {
        let error = ProfileFiles::find("./none", "/nowhere".into()).unwrap_err();
        assert!(error.message().contains("has no profile.yaml"), "{error}");
    }
}

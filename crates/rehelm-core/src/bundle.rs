//! The backup as something that stands alone: with its plan and a list of its files, it brings the originals back without
//! the run that made it.
//!
//! `backup/bundle.json` is written last by the backup step. Whoever reads a bundle believes nothing: only files that the
//! plan itself leads to are taken, at the paths that their objects have, with the content that the list names. Anything
//! else in the folder is a refusal.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest;
use crate::object::{ObjRef, Object};
use crate::plan::Plan;
use crate::ports::{PortError, PortResult};
use crate::steps::StepSpec;
use crate::steps::backup::{Backup, FOLDER, secret_path};
use crate::world::{StepResult, World};

/// Version of the bundle's form.
pub const FORMAT: u32 = 1;

/// Name of the list, below the run's folder.
pub const LIST: &str = "backup/bundle.json";

/// The list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// [`FORMAT`] when it was written.
    pub format: u32,
    /// Version of rehelm that wrote it.
    pub version: String,
    /// Name of the run.
    pub run: String,
    /// The plan, which holds no secret content: what was there, and what the release makes.
    pub plan: Plan,
    /// `sha256:…` of every file, by its path below the backup's folder.
    pub files: BTreeMap<Utf8PathBuf, String>,
}

/// Why a folder is no bundle that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// There is no list, or it cannot be read.
    #[error("{LIST}: {0}")]
    NoList(String),
    /// Written by a newer rehelm.
    #[error("{LIST} has format {0}, this rehelm reads up to {FORMAT}")]
    Newer(u32),
    /// A file that is in the list is not there.
    #[error("{0} is missing")]
    Missing(Utf8PathBuf),
    /// A file is not what it was when the backup was made.
    #[error("{0} is damaged: {1}")]
    Damaged(Utf8PathBuf, String),
    /// A file that does not belong to the backup.
    #[error("{0} does not belong to the backup")]
    Foreign(Utf8PathBuf),
}

/// A bundle that was read and checked.
#[derive(Debug)]
pub struct Bundle {
    /// The list.
    pub list: List,
    /// Before-images, in the plan's order.
    pub images: Vec<Object>,
    /// Secrets as they are kept: sealed, or as YAML.
    pub secrets: Vec<(ObjRef, Vec<u8>)>,
    /// True when the secrets are sealed.
    pub sealed: bool,
}

/// Writes the list over what the backup step kept.
pub(crate) fn write(world: &World<'_>, backup: &Backup) -> StepResult<()> {
    let mut files = BTreeMap::new();
    for path in paths(backup).map(|(path, _)| path) {
        if let Some(content) = world.files.read(&path)? {
            let below = path.strip_prefix(FOLDER).unwrap_or(&path).to_owned();
            files.insert(below, digest::of_bytes(&content));
        }
    }
    let list = List {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: world.state().run,
        plan: world.plan.clone(),
        files,
    };
    let text = serde_json::to_vec_pretty(&list).map_err(|e| PortError::Other(e.to_string()))?;
    Ok(world.files.write(LIST.into(), &text)?)
}

/// Every file that a backup may have, and whether it is a secret.
fn paths(backup: &Backup) -> impl Iterator<Item = (Utf8PathBuf, (&ObjRef, bool))> {
    let images = backup.objects.iter().map(|o| (World::before_path(o), (o, false)));
    let secret = |o| (secret_path(o, backup.sealed), (o, true));
    images.chain(backup.secrets.iter().map(secret))
}

impl Bundle {
    /// Checks what was read from a folder: content by path below the backup's folder.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(files: &BTreeMap<Utf8PathBuf, Vec<u8>>) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let name = Utf8Path::new(LIST).strip_prefix(FOLDER).unwrap_or(LIST.into());
        let text = files
            .get(name)
            .ok_or_else(|| BundleError::NoList("there is none; only backups of rehelm that ended have one".into()))?;
        let unreadable = |e: serde_json::Error| BundleError::NoList(e.to_string());
        let head: Head = serde_json::from_slice(text).map_err(unreadable)?;
        if head.format > FORMAT {
            return Err(BundleError::Newer(head.format));
        }
        let list: List = serde_json::from_slice(text).map_err(unreadable)?;
        let mut bundle = Self {
            images: Vec::new(),
            secrets: Vec::new(),
            sealed: false,
            list,
        };
        let backups: Vec<Backup> = bundle.backups().cloned().collect();
        let mut known = vec![name.to_owned()];
        for (path, (object, secret)) in backups.iter().flat_map(paths) {
            let path = path.strip_prefix(FOLDER).unwrap_or(&path).to_owned();
            bundle.take(files, &path, object, secret)?;
            known.push(path);
        }
        bundle.sealed = backups.iter().any(|backup| backup.sealed);
        let mut listed = bundle.list.files.keys().chain(files.keys());
        match listed.find(|path| !known.contains(path)) {
            Some(foreign) => Err(BundleError::Foreign(foreign.clone())),
            None => Ok(bundle),
        }
    }

    fn take(
        &mut self,
        files: &BTreeMap<Utf8PathBuf, Vec<u8>>,
        path: &Utf8Path,
        object: &ObjRef,
        secret: bool,
    ) -> Result<(), BundleError> {
        let (content, digest) = match (files.get(path), self.list.files.get(path)) {
            (Some(content), Some(digest)) => (content, digest),
            (None, Some(_)) => return Err(BundleError::Missing(path.to_owned())),
            (Some(_), None) => return Err(BundleError::Foreign(path.to_owned())),
            // It was gone already when the backup was made.
            (None, None) => return Ok(()),
        };
        let damaged = |why: String| BundleError::Damaged(path.to_owned(), why);
        if digest::of_bytes(content) != *digest {
            return Err(damaged("its content is not the one of the list".into()));
        }
        if secret {
            self.secrets.push((object.clone(), content.clone()));
            return Ok(());
        }
        let image: serde_json::Value = serde_json::from_slice(content).map_err(|e| damaged(e.to_string()))?;
        let image = Object(image);
        if image.reference().key() != object.key() {
            return Err(damaged(format!("it holds {}, not {object}", image.reference())));
        }
        self.images.push(image);
        Ok(())
    }

    fn backups(&self) -> impl Iterator<Item = &Backup> {
        self.list.plan.steps.iter().filter_map(|step| match &step.spec {
            StepSpec::Backup(backup) => Some(backup),
            _ => None,
        })
    }

    /// The secrets as objects, opened with `open`.
    ///
    /// # Errors
    /// What `open` says; Invalid for one that is not the object that it should be.
    pub fn opened(&self, open: &dyn Fn(&[u8]) -> PortResult<Vec<u8>>) -> PortResult<Vec<Object>> {
        let each = self.secrets.iter().map(|(reference, content)| {
            let invalid = |why: &str| PortError::Invalid(reference.to_string(), why.to_owned());
            let plain = open(content)?;
            // An error of the parser could quote what it reads.
            let value = std::str::from_utf8(&plain)
                .ok()
                .and_then(|text| crate::yaml::parse_document(text, "secret").ok().flatten())
                .ok_or_else(|| invalid("its backup is no YAML"))?;
            let object = Object(value);
            if object.reference().key() == reference.key() {
                Ok(object)
            } else {
                Err(invalid("its backup is another object"))
            }
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests;

//! `backup`: every object that will be touched, as it is now, before anything is touched.
//!
//! Before-images of everything but secrets are plain JSON (0600): the undo reads them. Secrets of the old install are
//! never changed by a migration; they are kept for the worst case, sealed with age when a recipient is given. A file
//! that exists is never overwritten: on a second run the cluster may already show rehelm's own changes. The list of all
//! of it comes last ([`crate::bundle`]): with it, the backup alone brings the originals back.

use async_trait::async_trait;
use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, on};
use crate::bundle;
use crate::object::{ObjRef, Object};
use crate::ports::{Access, PortError};
use crate::world::{StepResult, World};
use crate::yaml;

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backup {
    /// Objects whose before-images the undo may need.
    pub objects: Vec<ObjRef>,
    /// Secrets of the old install.
    pub secrets: Vec<ObjRef>,
    /// True when the secrets are sealed for the configured recipients.
    pub sealed: bool,
}

/// Folder of the backup below the run's folder.
pub const FOLDER: &str = "backup";

/// Where a secret is kept.
pub fn secret_path(secret: &ObjRef, sealed: bool) -> Utf8PathBuf {
    let namespace = secret.namespace.as_deref().unwrap_or("_");
    let suffix = if sealed { ".age" } else { "" };
    Utf8PathBuf::from(format!("{FOLDER}/secrets/{namespace}.{}.yaml{suffix}", secret.name))
}

impl Backup {
    async fn keep(&self, world: &World<'_>, reference: &ObjRef) -> StepResult<()> {
        let path = World::before_path(reference);
        if world.files.read(&path)?.is_some() {
            return Ok(());
        }
        // An object that is planned to be touched but is gone by now is noticed by its own step.
        let Some(object) = world.source.get(reference).await? else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(&object.0).map_err(|e| PortError::Other(e.to_string()))?;
        world.files.write(&path, &text)?;
        Ok(())
    }

    async fn keep_secret(&self, world: &World<'_>, reference: &ObjRef) -> StepResult<()> {
        let path = secret_path(reference, self.sealed);
        if world.files.read(&path)?.is_some() {
            return Ok(());
        }
        let Some(object) = world.source.get(reference).await? else {
            return Ok(());
        };
        let Object(value) = crate::server::without_owned(&object);
        let text = yaml::to_string(&value);
        let bytes = match (self.sealed, world.seal) {
            (false, _) => text.into_bytes(),
            (true, Some(seal)) => seal(text.as_bytes())?,
            (true, None) => return Err(PortError::Other("no recipient to seal the backup for".into()).into()),
        };
        world.files.write(&path, &bytes)?;
        Ok(())
    }
}

#[async_trait]
impl Action for Backup {
    fn undo_kind(&self) -> Undo {
        Undo::Nothing
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, _: &Names) -> Vec<String> {
        self.objects
            .iter()
            .chain(&self.secrets)
            .map(|o| {
                let namespace = o.namespace.as_ref().map(|n| format!(" -n {n}")).unwrap_or_default();
                format!(
                    "kubectl get {}/{}{namespace} -o yaml > backup/{}.{}.yaml",
                    o.kind.to_lowercase(),
                    o.name,
                    o.kind,
                    o.name
                )
            })
            .collect()
    }

    fn rights(&self, _: &Names) -> Vec<Access> {
        self.objects
            .iter()
            .chain(&self.secrets)
            .flat_map(|o| on(o, &["get"]))
            .collect()
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let total = (self.objects.len() + self.secrets.len()) as u64;
        for (done, reference) in self.objects.iter().enumerate() {
            world.check_stop()?;
            self.keep(world, reference).await?;
            world.progress.tick("backup", done as u64 + 1, total);
        }
        for (done, reference) in self.secrets.iter().enumerate() {
            world.check_stop()?;
            self.keep_secret(world, reference).await?;
            world
                .progress
                .tick("backup", (self.objects.len() + done) as u64 + 1, total);
        }
        bundle::write(world, self)
    }

    async fn verify(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        for reference in &self.objects {
            if world.source.get(reference).await?.is_some() {
                world.before(reference)?;
            }
        }
        match world.files.read(bundle::LIST.into())? {
            Some(_) => Ok(()),
            None => Err(PortError::NotFound(bundle::LIST.to_owned()).into()),
        }
    }
}

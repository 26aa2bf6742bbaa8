//! Bringing the originals back from a bundle alone, whatever became of them: an unfinished run, a lost journal, a cleanup.
//!
//! The way is the rollback's own: every step of the bundle's plan counts as touched, and each undo looks at the cluster.
//! Around it, what a rollback may take for granted is made sure of: secrets and objects that are gone are created first
//! (workloads stopped, so that nothing writes before the volumes are back), and at the end every object is brought to its
//! before-image. Nothing is deleted but what the release made, by its marks. A volume that is gone cannot be brought
//! back: that is said before anything is changed.

use crate::bundle::Bundle;
use crate::executor::{self, RunError};
use crate::finding::Finding;
use crate::journal::Event;
use crate::object::Object;
use crate::plan::Phase;
use crate::ports::{PatchKind, PortError};
use crate::server::{self, Stop};
use crate::steps::StepSpec;
use crate::steps::retain::{self, is_retained};
use crate::world::{StepError, StepResult, World};
use crate::{diff, restore};

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is gone and is created.
    Create,
    /// It differs in these fields, and is brought back.
    Change(Vec<String>),
    /// A claim whose volume is held by another one, which hands it over.
    HandOver(String),
    /// The release made it, and it is deleted.
    Delete,
}

/// One object, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub object: String,
    /// What.
    pub deed: Deed,
}

/// Everything that differs from the bundle; reads only.
///
/// # Errors
/// A refusal when something is lost for good; a port's error.
pub async fn look(world: &World<'_>, bundle: &Bundle, secrets: &[Object]) -> StepResult<Vec<Difference>> {
    let mut all = Vec::new();
    let mut lost = Vec::new();
    let mut tell = |object: String, deed: Deed| all.push(Difference { object, deed });
    for image in bundle.images.iter().chain(secrets) {
        let reference = image.reference();
        let live = world.source.get(&reference).await?;
        let deed = match (&live, reference.kind.as_str()) {
            (None, "PersistentVolume") => {
                lost.push(Finding::error("volume-gone", reference.to_string()));
                None
            }
            (Some(live), "PersistentVolume") if live.uid() != image.uid() => {
                let finding = Finding::error("object-replaced", reference.to_string());
                lost.push(finding.arg("uid", image.uid()).arg("now", live.uid()));
                None
            }
            (Some(live), "PersistentVolume") => volume_deed(live, image),
            (live, "PersistentVolumeClaim") => claim_deed(world, live.as_ref(), image).await?,
            (None, _) => Some(Deed::Create),
            (Some(live), _) => match restore::strange(world, live, image) {
                Some(finding) => {
                    lost.push(finding);
                    None
                }
                None => change(live, image),
            },
        };
        if let Some(deed) = deed {
            tell(reference.to_string(), deed);
        }
    }
    for step in &world.plan.steps {
        if let StepSpec::Release(release) = &step.spec {
            for made in release.made(world).await? {
                tell(made.reference().to_string(), Deed::Delete);
            }
        }
    }
    if lost.is_empty() {
        Ok(all)
    } else {
        Err(StepError::Refused(lost))
    }
}

fn change(live: &Object, image: &Object) -> Option<Deed> {
    let (clean, wanted) = (server::without_owned(live), server::without_owned(image));
    let mut fields: Vec<String> = diff::changes(&clean.0, &wanted.0)
        .into_iter()
        .map(|c| c.field)
        .collect();
    fields.retain(|field| !field.is_empty());
    (!fields.is_empty()).then_some(Deed::Change(fields))
}

fn volume_deed(live: &Object, image: &Object) -> Option<Deed> {
    let field = "/spec/persistentVolumeReclaimPolicy";
    (live.str(field) != image.str(field)).then(|| Deed::Change(vec![field.to_owned()]))
}

async fn claim_deed(world: &World<'_>, live: Option<&Object>, image: &Object) -> StepResult<Option<Deed>> {
    let Some(name) = image.str("/spec/volumeName") else {
        return Ok(live.is_none().then_some(Deed::Create));
    };
    let volume = world.source.get(&crate::steps::retain::volume_ref(name)).await?;
    let holder = |field: &str| {
        let volume = volume.as_ref();
        volume.and_then(|v| v.str(field)).unwrap_or_default().to_owned()
    };
    if live.is_some_and(|live| live.uid() == holder("/spec/claimRef/uid")) {
        return Ok(None);
    }
    let from = format!(
        "{}/{}",
        holder("/spec/claimRef/namespace"),
        holder("/spec/claimRef/name")
    );
    Ok(Some(Deed::HandOver(from)))
}

/// Brings everything back.
///
/// # Errors
/// With the step whose undo stopped; it can be called again.
pub async fn run(world: &World<'_>, bundle: &Bundle, secrets: &[Object], by: &str) -> Result<(), RunError> {
    let outside = |error: StepError| RunError {
        step: None,
        begun: true,
        undoing: true,
        error,
    };
    begin(world, bundle, by).map_err(outside)?;
    for secret in secrets {
        restore::to_image(world, world.source, secret).await.map_err(outside)?;
    }
    for image in &bundle.images {
        create_missing(world, image).await.map_err(outside)?;
    }
    executor::rollback(world, by).await?;
    for image in &bundle.images {
        settle(world, image).await.map_err(outside)?;
    }
    Ok(())
}

/// A journal in which everything may have happened.
fn begin(world: &World<'_>, bundle: &Bundle, by: &str) -> StepResult<()> {
    let by = by.to_owned();
    world.write(Event::RunStarted {
        format: crate::journal::FORMAT,
        run: bundle.list.run.clone(),
        plan: world.plan.digest(),
        version: None,
        accepted: Vec::new(),
    })?;
    world.write(Event::PhaseDone { phase: Phase::Prepare })?;
    world.write(Event::TakenOver { by })
}

/// Creates an object that is gone, unless a volume hangs on it; one that runs pods is created stopped.
async fn create_missing(world: &World<'_>, image: &Object) -> StepResult<()> {
    let reference = image.reference();
    let volume = ["PersistentVolume", "PersistentVolumeClaim"].contains(&reference.kind.as_str());
    if volume || world.source.get(&reference).await?.is_some() {
        return Ok(());
    }
    let mut object = server::without_owned(image);
    match server::stop(image) {
        Some(Stop::Scale) => object.0["spec"]["replicas"] = 0.into(),
        Some(Stop::Suspend) => object.0["spec"]["suspend"] = true.into(),
        // It cannot be created stopped: it waits until the volumes are back.
        Some(Stop::NodeSelector) => return Ok(()),
        None => {}
    }
    match world.source.create(&object, false).await {
        Ok(_) | Err(PortError::Exists(_)) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

/// Brings an object to its image, after everything else.
async fn settle(world: &World<'_>, image: &Object) -> StepResult<()> {
    match image.kind() {
        "PersistentVolumeClaim" => Ok(()),
        "PersistentVolume" => policy(world, image).await,
        _ => restore::to_image(world, world.source, image).await,
    }
}

/// Gives a volume its own reclaim policy back, while its claim holds it: a cleanup took away the note of it.
async fn policy(world: &World<'_>, image: &Object) -> StepResult<()> {
    let field = "/spec/persistentVolumeReclaimPolicy";
    let Some(live) = world.source.get(&image.reference()).await? else {
        return Ok(());
    };
    let same = live.uid() == image.uid() && live.str(field) != image.str(field);
    if !same || !(is_retained(image) || retain::is_held(world, &live).await?) {
        return Ok(());
    }
    let patch = serde_json::json!({"spec": {"persistentVolumeReclaimPolicy": image.str(field)}});
    let unchanged = restore::precondition(&live);
    world
        .source
        .patch(&image.reference(), PatchKind::Merge, &patch, &unchanged, false)
        .await?;
    Ok(())
}

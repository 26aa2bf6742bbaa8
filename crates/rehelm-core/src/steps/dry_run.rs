//! `dry-run`: the server and Helm are asked about everything that the switch will write.
//!
//! Every rendered object goes to the API server as a dry-run apply: admission, validation and immutable fields answer
//! as they will answer during the outage. Then Helm's own dry run shows that it finds all adopted objects its own.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, Names, Undo, accesses};
use crate::finding::Finding;
use crate::object::{ObjRef, Object};
use crate::parallel::side_by_side;
use crate::ports::{Access, PatchKind, PortError, Precondition};
use crate::world::{StepError, StepResult, World};

/// The step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DryRun {
    /// How many objects the release has.
    pub objects: usize,
}

#[async_trait]
impl Action for DryRun {
    fn undo_kind(&self) -> Undo {
        Undo::Nothing
    }

    fn touches(&self, _: &Names) -> Vec<ObjRef> {
        Vec::new()
    }

    fn commands(&self, names: &Names) -> Vec<String> {
        let values = names.values.iter().map(|v| format!(" -f {v}")).collect::<String>();
        vec![format!(
            "helm upgrade --install {} {} --version {} -n {}{values} --dry-run=server",
            names.release, names.chart, names.version, names.target
        )]
    }

    fn rights(&self, names: &Names) -> Vec<Access> {
        // What is asked of the server is what the release's own step writes: see `rights::of`.
        accesses(&["get", "list"], "", "secrets", Some(&names.target))
    }

    async fn run(&self, world: &World<'_>, _: u32) -> StepResult<()> {
        let spec = world.release_spec().await?;
        let rendered = world.helm.render(&spec, &[]).await?.objects;
        let total = rendered.len() as u64;
        let done = AtomicU64::new(0);
        let asked = rendered.iter().map(|object| async {
            let answer = ask(world, object).await;
            world
                .progress
                .tick("dry-run", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            answer
        });
        let mut refused: Vec<Finding> = side_by_side(asked).await?.into_iter().flatten().collect();
        refused.sort_by(|a, b| a.subject.cmp(&b.subject));
        if !refused.is_empty() {
            return Err(StepError::Refused(refused));
        }
        world.helm.install(&spec, true).await?;
        Ok(())
    }

    async fn verify(&self, _: &World<'_>, _: u32) -> StepResult<()> {
        Ok(())
    }
}

async fn ask(world: &World<'_>, object: &Object) -> StepResult<Option<Finding>> {
    let reference = object.reference();
    let answer = world
        .target
        .patch(&reference, PatchKind::Apply, &object.0, &Precondition::default(), true)
        .await;
    let refused = |message: &str| {
        Ok(Some(
            Finding::error("server-refuses", reference.to_string()).arg("message", message),
        ))
    };
    match answer {
        Ok(_) => Ok(None),
        Err(PortError::Invalid(_, message)) => refused(&message),
        Err(PortError::Forbidden(message)) => refused(&message),
        // A custom resource whose definition the chart brings along cannot be asked about before it is there.
        Err(PortError::NotFound(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

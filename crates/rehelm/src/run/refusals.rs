//! What a command of a run refuses before it begins: a plan that is blocked or stale, a phase whose work is undone.

use rehelm_core::finding::Finding;
use rehelm_core::plan::{Phase, Plan};
use rehelm_core::stale::{self, Inputs};
use rehelm_core::world::World;
use rehelm_core::{executor, planner};

use super::Run;
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::post_renderer;
use crate::session;

impl Run<'_> {
    /// Refuses a plan that is no longer about this cluster, these files, this chart.
    ///
    /// # Errors
    /// Exit code 8, with everything that differs.
    pub async fn refuse_stale(&self, world: &World<'_>) -> Result<()> {
        // What came through a pipe once cannot be read again; the objects themselves are compared all the same.
        let build = if self.session.settings.kustomize.iter().any(|path| path == "-") {
            self.plan.source.build.clone()
        } else {
            planner::build_digest(&self.session.declared().await?.0)
        };
        let (values, _) = session::read_values(&self.session.settings.values)?;
        let inputs = Inputs {
            build,
            values,
            post_renderer: post_renderer::among(&self.session.settings.helm_flags)?,
        };
        let differences = stale::differences(world, &inputs)
            .await
            .context(|| "cannot compare the plan with the cluster".to_owned())?;
        let left: Vec<Finding> = differences
            .into_iter()
            .filter(|f| !self.plan.accepted.contains(&f.code))
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        self.printer
            .insist(self.session.words.findings(&left, &[], false).trim_end());
        Err(Error::new(Exit::StalePlan, "the plan is stale; nothing was changed")
            .hint("look at a new one: rehelm plan"))
    }

    /// Refuses a plan that the checks block.
    ///
    /// # Errors
    /// Exit code 3, with everything that blocks.
    pub fn refuse_blocked(&self) -> Result<()> {
        let blocking: Vec<Finding> = blocking(self.plan);
        if blocking.is_empty() {
            return Ok(());
        }
        self.printer
            .insist(self.session.words.findings(&blocking, &[], false).trim_end());
        Err(Error::new(Exit::Blocked, "blocked by checks; nothing was changed")
            .hint("mend it and make a new plan, or waive an error with `rehelm plan --accept ID`"))
    }

    /// Refuses to call a phase done when something of what it did is no longer so.
    ///
    /// # Errors
    /// Exit code 3, with everything that is gone or changed.
    pub async fn refuse_undone(&self, world: &World<'_>, phase: Phase) -> Result<()> {
        let undone = executor::undone_since(world, phase)
            .await
            .context(|| format!("cannot see whether what {phase} did is still so"))?;
        if undone.is_empty() {
            return Ok(());
        }
        self.printer
            .insist(self.session.words.findings(&undone, &[], true).trim_end());
        let said = format!("{phase} was done, but not all of it is still so; nothing was changed");
        Err(Error::new(Exit::Blocked, said).hint("or go back and do it again: rehelm rollback, rehelm prepare"))
    }
}

/// Errors of a plan that nobody waived.
pub fn blocking(plan: &Plan) -> Vec<Finding> {
    use rehelm_core::finding::Severity;
    let blocks = |f: &&Finding| f.severity == Severity::Error && !plan.accepted.contains(&f.code);
    plan.findings.iter().filter(blocks).cloned().collect()
}

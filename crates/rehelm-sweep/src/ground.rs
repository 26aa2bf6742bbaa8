//! What runs begin from: a cluster, a folder, databases, a plan, and a Helm to play. Made once, forked for each run.

use std::sync::Arc;

use rehelm::config::Settings;
use rehelm::rehearsal::clock::SimClock;
use rehelm::rehearsal::compare::{self, Picture};
use rehelm::rehearsal::databases::MemoryDatabases;
use rehelm_core::plan::Plan;
use rehelm_core::profile::Profile;
use rehelm_report::Words;
use rehelm_sim::Sim;

use crate::bench::Bench;
use crate::files::MemFiles;
use crate::helm::Recording;
use crate::invariants::Known;
use crate::run::{Command, Ended};
use crate::twist::Calm;

/// A state that runs begin from.
#[derive(Clone)]
pub struct Ground {
    /// The cluster; never asked itself.
    pub sim: Sim,
    /// The databases; never asked themselves.
    pub databases: Arc<MemoryDatabases>,
    /// The folder of the run.
    pub files: MemFiles,
    /// What does not change on the way.
    pub base: Arc<Base>,
}

/// What all states of one installed product have in common.
pub struct Base {
    /// `example`, `aws`, …
    pub name: String,
    /// What a person said.
    pub settings: Settings,
    /// The product.
    pub profile: Profile,
    /// Sentences.
    pub words: Arc<Words>,
    /// Name of the context.
    pub context: String,
    /// The plan that every run carries out.
    pub plan: Plan,
    /// What Helm installs.
    pub recording: Arc<Recording>,
    /// What the watchman knows.
    pub known: Arc<Known>,
    /// Everything as it was before anything was done.
    pub before: Picture,
    /// Content of the databases then.
    pub data: Data,
    /// Holds the product's files.
    pub folder: tempfile::TempDir,
}

/// Content of databases.
pub type Data = std::collections::BTreeMap<String, rehelm_core::ports::DatabaseProof>;

impl Ground {
    /// Another one that changes on its own.
    #[must_use]
    pub fn fork(&self) -> Self {
        let sim = self.sim.fork();
        let clock = Arc::new(SimClock(sim.clone()));
        Self {
            databases: Arc::new(self.databases.fork(clock)),
            files: self.files.fork(),
            base: self.base.clone(),
            sim,
        }
    }

    /// Everything that counts, as it is now.
    pub fn picture(&self) -> Picture {
        compare::picture(self.sim.shared_objects())
    }

    /// The state after some commands that nothing disturbs.
    ///
    /// # Errors
    /// When one of them does not end well.
    pub async fn after(&self, commands: &[Command]) -> Result<Self, String> {
        let bench = Bench::set(self, Box::new(Calm), false);
        for command in commands {
            match bench.command(*command).await {
                Ended::Exit(0, _) => {}
                other => {
                    let history = bench.tap.history();
                    let last = history.len().saturating_sub(20);
                    return Err(format!("{command}: {other:?}\n{}", history[last..].join("\n")));
                }
            }
        }
        Ok(bench.ground.fork())
    }
}

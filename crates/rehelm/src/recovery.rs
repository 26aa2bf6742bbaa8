//! What `restore` works with: a world around a bundle, in memory but for the cluster.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use camino::Utf8PathBuf;
use rehelm_clients::helm::HelmCli;
use rehelm_core::bundle::Bundle;
use rehelm_core::finding::Finding;
use rehelm_core::journal::{Event, Journal};
use rehelm_core::lease::{self, Fence, Fenced};
use rehelm_core::object::Object;
use rehelm_core::ports::{Clock, Cluster, Helm, MemoryFiles};
use rehelm_core::profile::Profile;
use rehelm_core::recovery::{self, Difference};
use rehelm_core::steps::backup::FOLDER;
use rehelm_core::world::{StepError, Timeouts, World};
use rehelm_core::{duplicate, executor::RunError, rights};
use rehelm_report::Words;

use crate::cli::global::Global;
use crate::cli::overrides::Overrides;
use crate::config::Settings;
use crate::doors::{self, WallClock};
use crate::errors::{Context, Error, Result};
use crate::exit::Exit;
use crate::live::Live;
use crate::lock::Lock;
use crate::printer::Printer;
use crate::profiles::ProfileFiles;
use crate::run::{journal_state, preflight, unusable};
use crate::run_folder::{self, JOURNAL};
use crate::session;

/// A bundle and the cluster that it is for.
pub struct Recovery<'a> {
    printer: &'a Arc<Printer>,
    global: &'a Global,
    bundle: &'a Bundle,
    cluster: Arc<dyn Cluster>,
    helm: Arc<dyn Helm>,
    clock: Arc<dyn Clock>,
    profile: Profile,
    words: Arc<Words>,
    files: MemoryFiles,
}

impl<'a> Recovery<'a> {
    /// Opens the cluster that the bundle's plan names, unless flags name another context.
    ///
    /// # Errors
    /// A cluster that is not found, no Helm, or a profile that is not there.
    pub async fn open(
        printer: &'a Arc<Printer>,
        global: &'a Global,
        bundle: &'a Bundle,
        files: BTreeMap<Utf8PathBuf, Vec<u8>>,
    ) -> Result<Self> {
        let plan = &bundle.list.plan;
        let profile = profile(global, &plan.profile.name)?;
        let words = Arc::new(session::words(global, &profile)?);
        let inside = |(path, content)| (Utf8PathBuf::from(FOLDER).join(path), content);
        let files = MemoryFiles::new(files.into_iter().map(inside).collect());
        let (cluster, helm, clock): (Arc<dyn Cluster>, Arc<dyn Helm>, Arc<dyn Clock>) = match &global.stage {
            Some(stage) => {
                let session = stage.0.session().await?;
                (session.cluster, session.helm, session.clock)
            }
            None => {
                let context = (plan.source.context != "in-cluster").then_some(plan.source.context.as_str());
                let cluster = Arc::new(doors::cluster(global, context).await?);
                let folder = run_folder::ensure(global.folder())?;
                let helm = HelmCli::new(cluster.clone(), &doors::access(global, context), &folder);
                let helm = helm.context(|| "cannot use Helm".to_owned())?;
                (cluster, Arc::new(helm), Arc::new(WallClock))
            }
        };
        Ok(Self {
            printer,
            global,
            bundle,
            cluster,
            helm,
            clock,
            profile,
            words,
            files,
        })
    }

    /// Refuses a backup of another cluster.
    ///
    /// # Errors
    /// Exit code 3.
    pub async fn same_cluster(&self) -> Result<()> {
        let facts = self.cluster.facts().await;
        let facts =
            facts.map_err(|why| Error::unread("cannot read the cluster's identity; nothing was changed", why))?;
        if facts.cluster_uid == self.bundle.list.plan.cluster.uid {
            return Ok(());
        }
        Err(
            Error::new(Exit::Blocked, "this backup is of another cluster; nothing was changed")
                .hint("choose the cluster with --context"),
        )
    }

    /// Asks for every right that bringing back needs.
    ///
    /// # Errors
    /// Exit code 3, with what is missing.
    pub async fn allowed(&self, secrets: &[Object]) -> Result<()> {
        let originals = self.bundle.images.iter().chain(secrets);
        let originals: Vec<_> = originals.map(Object::reference).collect();
        let wanted = rights::to_restore(&self.bundle.list.plan, &originals);
        preflight::allowed(self.printer, &self.words, &*self.cluster, &wanted).await
    }

    /// Everything that differs; reads only.
    ///
    /// # Errors
    /// Exit code 3 when something is lost for good.
    pub async fn look(&self, stop: &Arc<AtomicBool>, secrets: &[Object]) -> Result<Vec<Difference>> {
        self.within(stop, None, async |world, _| self.compare(world, secrets).await)
            .await
    }

    async fn compare(&self, world: &World<'_>, secrets: &[Object]) -> Result<Vec<Difference>> {
        match recovery::look(world, self.bundle, secrets).await {
            Ok(found) => Ok(found),
            Err(StepError::Refused(findings)) => Err(self.refused(&findings)),
            Err(error) => Err(Error::failed("cannot compare the backup with the cluster").because(error)),
        }
    }

    fn refused(&self, findings: &[Finding]) -> Error {
        self.printer.insist(self.words.findings(findings, &[], true).trim_end());
        Error::new(Exit::Blocked, "the originals cannot be brought back like this")
    }

    /// Takes the lock, says what differs to `agree`, and brings it back unless that fails; gives what differed.
    ///
    /// # Errors
    /// Exit code 9 when a run is at work; 11 when something could not be brought back; that of `agree`.
    pub async fn hold(
        &self,
        stop: &Arc<AtomicBool>,
        secrets: &[Object],
        agree: impl FnOnce(&[Difference]) -> Result<()>,
    ) -> Result<Vec<Difference>> {
        let plan = &self.bundle.list.plan;
        let lease = lease::reference(&plan.source.namespace, &plan.target.release);
        let lock = Lock::take(&self.cluster, &self.clock, lease, stop.clone()).await?;
        let work = async |world: &World<'_>, live: &Live| {
            let found = self.compare(world, secrets).await?;
            agree(&found)?;
            if !found.is_empty() {
                live.begin();
                let done = recovery::run(world, self.bundle, secrets, &doors::who()).await;
                live.end();
                done.map_err(|error| self.stuck(error))?;
            }
            self.close(world).await?;
            Ok(found)
        };
        let outcome = self.within(stop, Some(&lock.fence), work).await;
        lock.give_back().await;
        outcome
    }

    fn stuck(&self, error: RunError) -> Error {
        if let StepError::Refused(findings) = &error.error {
            return self.refused(findings).hint("the same command goes on from here");
        }
        Error::new(Exit::Stuck, "not everything could be brought back")
            .because(error)
            .hint("the same command asks the cluster and goes on")
    }

    /// Whatever was under way is over: its copy in the cluster goes, and the journal here says so.
    async fn close(&self, world: &World<'_>) -> Result<()> {
        let plan = &self.bundle.list.plan;
        let copy = duplicate::reference(&plan.source.namespace, &plan.target.release);
        let gone = duplicate::forget(world.source, &copy, &self.bundle.list.run).await;
        if let Err(why) = gone {
            self.printer.insist(&format!("warning: cannot remove {copy}: {why}"));
        }
        if !self.global.folder().join(run_folder::NAME).join(JOURNAL).exists() {
            return Ok(());
        }
        let files = doors::files(self.global)?;
        // A journal that cannot be read is one reason to be here.
        let ours = journal_state(&files).is_ok_and(|s| s.run == self.bundle.list.run && s.ended.is_none());
        if ours {
            let journal = Journal::open(&files, &*self.clock, JOURNAL.into());
            let written = journal.and_then(|mut journal| journal.write(Event::Restored));
            written.map_err(unusable)?;
        }
        Ok(())
    }

    async fn within<T>(
        &self,
        stop: &Arc<AtomicBool>,
        fence: Option<&Arc<Fence>>,
        work: impl AsyncFnOnce(&World<'_>, &Live) -> Result<T>,
    ) -> Result<T> {
        let plan = &self.bundle.list.plan;
        let journal = Journal::open(&self.files, &*self.clock, "restore.jsonl".into()).map_err(unusable)?;
        let live = Live::prepare(
            self.printer.clone(),
            self.clock.clone(),
            self.words.clone(),
            plan,
            &journal.state,
            false,
        );
        let cluster = fence.map(|fence| Fenced::new(&*self.cluster, fence));
        let helm = fence.map(|fence| Fenced::new(&*self.helm, fence));
        let cluster = cluster.as_ref().map_or(&*self.cluster, |fenced| fenced as &dyn Cluster);
        let world = World {
            plan,
            profile: &self.profile,
            source: cluster,
            target: cluster,
            helm: helm.as_ref().map_or(&*self.helm, |fenced| fenced as &dyn Helm),
            databases: None,
            files: &self.files,
            clock: &*self.clock,
            progress: &live,
            stop,
            timeouts: Timeouts::default(),
            seal: None,
            drop_copies: false,
            copy_back: false,
            copy: None,
            journal: Mutex::new(journal),
        };
        work(&world, &live).await
    }
}

/// The profile of a plan: by its name, or the one that `rehelm.yaml` names.
fn profile(global: &Global, name: &str) -> Result<Profile> {
    let name = global.profile.as_deref().unwrap_or(name);
    let found = ProfileFiles::find(name, ".".into()).and_then(|files| session::profile_of(&files));
    found.or_else(|why| {
        let settings = Settings::load(global, &Overrides::default());
        settings
            .and_then(|settings| session::load_profile(&settings))
            .map_err(|_| why)
    })
}

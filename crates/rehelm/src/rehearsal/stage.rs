//! The stage of a rehearsal: a simulated cluster that listens on loopback, a temporary folder, and sessions on both.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use camino::{Utf8Path, Utf8PathBuf};
use kube::client::Body;
use rehelm_clients::files::RunFiles;
use rehelm_clients::helm::HelmCli;
use rehelm_clients::kube::{ContextFacts, KubeAccess, KubeCluster};
use rehelm_core::finding::Finding;
use rehelm_core::ports::{Clock, Cluster, Files, Helm};
use rehelm_core::profile::Profile;
use rehelm_core::snapshot::{DatabaseShapes, Meta};
use rehelm_report::Words;
use rehelm_sim::{Identity, LoadError, Options, Pace, ServeOptions, Served, Sim, Time};
use serde_json::{Value, json};
use tower::Service as _;

use super::clock::SimClock;
use super::databases::MemoryDatabases;
use super::helm::{Spent, TimedHelm};
use super::shut::{Shut, ShutFiles};
use crate::config::Settings;
use crate::doors;
use crate::errors::{Context, Error, Result};
use crate::run_folder;
use crate::session::Session;

/// Versions of Kubernetes that can be simulated.
const MINORS: std::ops::RangeInclusive<u32> = 21..=35;
/// For one request: nothing is far away.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Everything that outlives a process of the rehearsal.
pub struct Stage {
    /// The cluster.
    pub sim: Sim,
    /// What the person said, but for the folder, which is the temporary one.
    pub settings: Settings,
    /// Sentences.
    pub words: Arc<Words>,
    /// The databases.
    pub databases: Arc<MemoryDatabases>,
    /// Kills processes.
    pub shut: Shut,
    /// Real time that Helm took.
    pub spent: Arc<Mutex<Spent>>,
    profile: Profile,
    context: String,
    folder: Utf8PathBuf,
    kubeconfig: Utf8PathBuf,
    served: Served,
    identity: Mutex<Identity>,
}

/// What a stage is set with.
pub struct Props {
    /// What the person said.
    pub settings: Settings,
    /// The product.
    pub profile: Profile,
    /// Sentences.
    pub words: Arc<Words>,
    /// Name of the context that is played.
    pub context: String,
    /// Databases of the snapshot.
    pub shapes: Option<DatabaseShapes>,
    /// When processes die.
    pub shut: Shut,
}

/// A simulated cluster with these objects; what cannot be simulated is said.
///
/// # Errors
/// When something among them is no object.
pub fn cluster(meta: &Meta, objects: BTreeMap<String, Vec<Value>>) -> Result<(Sim, Vec<Finding>)> {
    let mut findings = Vec::new();
    let version = &meta.version;
    let minor = minor(version).unwrap_or(*MINORS.end());
    let posed = minor.clamp(*MINORS.start(), *MINORS.end());
    if posed != minor {
        findings.push(Finding::warning("rehearsal-version", version.clone()).arg("minor", posed));
    }
    let start = i64::try_from(meta.taken.as_nanosecond()).unwrap_or_default();
    let sim = Sim::new(Options {
        minor: posed,
        git_version: Some(version.clone()),
        start: Time(start),
        bootstrap: false,
        ..Options::default()
    });
    let broken = |error: LoadError| Error::failed("the snapshot cannot be loaded").because(error);
    let text = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let all = objects.into_values().flatten();
    let (definitions, mut others): (Vec<Value>, Vec<Value>) =
        all.partition(|object| object["kind"] == "CustomResourceDefinition");
    sim.load(definitions).map_err(broken)?;
    // An API that another server adds; what it shows is not kept in the cluster's own store.
    let mut unknown = BTreeMap::<(String, String), usize>::new();
    others.retain(|object| {
        let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
        let served = sim.serves(&api_version, &kind);
        if !served {
            *unknown.entry((api_version, kind)).or_default() += 1;
        }
        served
    });
    for ((api_version, kind), count) in unknown {
        findings.push(Finding::warning("rehearsal-kind-unknown", format!("{api_version} {kind}")).arg("count", count));
    }
    sim.load(others).map_err(broken)?;
    Ok((sim, findings))
}

/// 23 of `v1.23.4-eks-1`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.trim_start_matches('v').strip_prefix("1.")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

impl Stage {
    /// Sets the stage around a cluster; everything on disk goes below `folder`.
    ///
    /// # Errors
    /// When no port can be had or the folder cannot be written.
    pub async fn set(sim: Sim, props: Props, folder: &Utf8Path) -> Result<Self> {
        let Props {
            settings,
            profile,
            words,
            context,
            shapes,
            shut,
        } = props;
        let options = ServeOptions {
            pace: Pace::Held,
            ..ServeOptions::default()
        };
        let served = sim
            .serve(options)
            .await
            .context(|| "cannot serve the simulated API".to_owned())?;
        let kubeconfig = folder.join("kubeconfig");
        let clock = Arc::new(SimClock(sim.clone()));
        let renamed: Vec<String> = profile
            .databases
            .renames
            .iter()
            .map(|rename| rename.from.clone())
            .collect();
        let stage = Self {
            databases: Arc::new(MemoryDatabases::new(shapes.as_ref(), &renamed, clock)),
            sim,
            settings: Settings {
                folder: folder.to_owned(),
                ..settings
            },
            words,
            shut,
            spent: Arc::default(),
            profile,
            context,
            folder: folder.to_owned(),
            kubeconfig,
            served,
            identity: Mutex::new(Identity::admin()),
        };
        stage.write_kubeconfig(&stage.served)?;
        Ok(stage)
    }

    /// From now on every client, Helm's included, is somebody else; the cluster's administrator at first.
    ///
    /// # Errors
    /// When the kubeconfig cannot be written.
    pub fn act_as(&self, identity: Identity) -> Result<()> {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        self.write_kubeconfig(&self.served)
    }

    fn identity(&self) -> Identity {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write_kubeconfig(&self, served: &Served) -> Result<()> {
        let text = self.kubeconfig_text(served);
        let files = RunFiles::open(&self.folder).and_then(|files| files.write("kubeconfig".into(), text.as_bytes()));
        files.context(|| format!("cannot write {}", self.kubeconfig))
    }

    /// Where everything of the rehearsal is.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Writes all objects as they are now into the folder, one a line, for who keeps it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn dump(&self, name: &str) -> Result<()> {
        let lines: Vec<String> = self.sim.objects().iter().map(|object| format!("{object}\n")).collect();
        let files = RunFiles::open(&self.folder).and_then(|files| files.write(name.into(), lines.concat().as_bytes()));
        files.context(|| format!("cannot write {name} to {}", self.folder))
    }

    /// Lets the time between `verify` and `cleanup` pass, which takes no time.
    pub fn soak(&self) {
        self.sim.advance(self.settings.soak);
    }

    /// The kubeconfig of the simulated cluster.
    pub fn kubeconfig(&self) -> &Utf8Path {
        &self.kubeconfig
    }

    /// As the kubeconfig of the context that is played, but for where it leads.
    fn kubeconfig_text(&self, served: &Served) -> String {
        let ca = base64::engine::general_purpose::STANDARD.encode(served.ca_pem());
        let name = &self.context;
        let token = served.token_for(&self.identity());
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": served.url(), "certificate-authority-data": ca}}],
            "users": [{"name": "rehearsal", "user": {"token": token}}],
            "contexts": [{"name": name, "context": {
                "cluster": name, "user": "rehearsal", "namespace": self.settings.source_namespace}}],
            "current-context": name,
        });
        format!("{config:#}\n")
    }

    /// Serves the API at the pace of a person, on the same kubeconfig, as long as what is returned lives.
    ///
    /// # Errors
    /// When no port can be had or the kubeconfig cannot be written.
    pub async fn open_to_public(&self) -> Result<Served> {
        let options = ServeOptions {
            pace: Pace::Real { speed: 1.0 },
            ..ServeOptions::default()
        };
        let served = self
            .sim
            .serve(options)
            .await
            .context(|| "cannot serve the simulated API".to_owned())?;
        self.write_kubeconfig(&served)?;
        Ok(served)
    }

    /// A client of the simulated API, as a new process has it.
    pub fn client(&self) -> KubeCluster {
        let (sim, shut, identity) = (self.sim.clone(), self.shut.clone(), self.identity());
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (mut service, shut) = (sim.service_as(identity.clone()), shut.clone());
            async move { shut.request(service.call(request)).await }
        });
        let facts = ContextFacts {
            context: Some(self.context.clone()),
            user: Some("rehearsal".to_owned()),
            namespace: self.settings.source_namespace.clone(),
            url: self.served.url(),
            ca: None,
            files: vec![self.kubeconfig.clone().into()],
        };
        let client = kube::Client::new(service, "default");
        KubeCluster::with_client(client, facts, TIME_LIMIT).with_clock(self.clock())
    }

    /// The virtual clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SimClock(self.sim.clone()))
    }

    /// A session of a new process.
    ///
    /// # Errors
    /// When there is no Helm, or the registry refuses the login.
    pub async fn session(&self) -> Result<Session> {
        self.session_with(self.settings.clone()).await
    }

    /// A session of a new process that was told something else.
    ///
    /// # Errors
    /// As for [`Stage::session`].
    pub async fn session_with(&self, settings: Settings) -> Result<Session> {
        let cluster = Arc::new(self.client());
        let access = KubeAccess {
            kubeconfig: Some(self.kubeconfig.clone()),
            ..KubeAccess::default()
        };
        let helm: HelmCli = doors::helm_for(&access, &settings, cluster.clone()).await?;
        let helm = TimedHelm::new(helm, self.sim.clone(), self.spent.clone());
        self.session_on(settings, Arc::new(helm), cluster)
    }

    /// A session with a Helm of its own.
    ///
    /// # Errors
    /// When the folder of the run cannot be made.
    pub fn session_on(&self, settings: Settings, helm: Arc<dyn Helm>, cluster: Arc<dyn Cluster>) -> Result<Session> {
        let files = RunFiles::open(&self.folder.join(run_folder::NAME));
        let files = files.context(|| format!("cannot use {}", self.folder))?;
        Ok(Session {
            settings,
            profile: self.profile.clone(),
            words: self.words.clone(),
            context: self.context.clone(),
            cluster,
            helm,
            forwards: Vec::new(),
            databases: Some(self.databases.clone()),
            files: Arc::new(ShutFiles::new(files, self.shut.clone())),
            clock: self.clock(),
            stop_after: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minors_of_real_servers() {
        assert_eq!(minor("v1.23.4-eks-1"), Some(23));
        assert_eq!(minor("v1.35.4"), Some(35));
        assert_eq!(minor("v1.29+"), Some(29));
        assert_eq!(minor("2"), None);
    }
}

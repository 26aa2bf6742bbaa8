//! Helm, the program, behind [`Helm`].
//!
//! Every run of it sees only what is given here: the kubeconfig and context that were chosen (Helm's own `HELM_KUBE…`
//! variables are taken away), values files, and secrets in private files or on its standard input, never in arguments.
//! Rendering goes through a read-only proxy ([`proxy`]), so that `lookup` finds the live objects and the planned ones.

mod call;
mod chart;
mod chart_files;
mod definitions;
mod failure;
mod flags;
pub mod offline;
mod planned;
mod plugin;
mod private;
mod proxy;
mod release;
mod render;
mod renders;
mod version;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::base64::Engine;
use async_trait::async_trait;
use camino::{Utf8Path, Utf8PathBuf};
use rehelm_core::constraint::nearest;
use rehelm_core::object::Object;
use rehelm_core::ports::{ChartFacts, Cluster, Helm, PortError, PortResult, ReleaseSpec, ReleaseState, Rendered};
use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;
use tokio::sync::{Mutex, OnceCell};

use self::call::{Call, values_flag, words};
use self::flags::Flags;
use self::planned::Planned;
use self::private::{PrivateDir, utf8, values_text};
use self::proxy::ReadProxy;
use self::version::HelmVersion;
use crate::kube::{KubeAccess, KubeCluster};
use crate::leftover;
use crate::process;

const QUICK: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(300);
/// For each hook of an install unless the flags say otherwise; Helm's own default of 5 minutes is short for an image
/// that has to be pulled first.
/// File that names the Helm that is at work.
const MARK: &str = "helm.pid";
const HOOK_TIME: Duration = Duration::from_secs(600);

/// The Helm program with the cluster that it works on.
pub struct HelmCli {
    program: PathBuf,
    cluster: Arc<KubeCluster>,
    access: KubeAccess,
    private: PrivateDir,
    /// Lies there while an install works.
    mark: PathBuf,
    version: OnceCell<HelmVersion>,
    /// Chart reference with version and flags → the packed chart.
    pulled: Mutex<HashMap<Vec<String>, Utf8PathBuf>>,
    logged_in: AtomicBool,
}

impl HelmCli {
    /// Finds Helm (`HELM_BIN`, then PATH). `access` is what `cluster` was opened with; secrets and pulled charts live
    /// in a folder of their own in `private_dir` as long as this value does.
    pub fn new(cluster: Arc<KubeCluster>, access: &KubeAccess, private_dir: &Utf8Path) -> PortResult<Self> {
        let program = process::find("helm", "HELM_BIN")?;
        Self::with_program(&program, cluster, access, private_dir)
    }

    /// As [`HelmCli::new`], with a program that the caller has chosen.
    pub fn with_program(
        program: &Path,
        cluster: Arc<KubeCluster>,
        access: &KubeAccess,
        private_dir: &Utf8Path,
    ) -> PortResult<Self> {
        Ok(Self {
            program: program.to_owned(),
            cluster,
            access: access.clone(),
            private: PrivateDir::create(private_dir)?,
            mark: private_dir.join(MARK).into_std_path_buf(),
            version: OnceCell::new(),
            pulled: Mutex::default(),
            logged_in: AtomicBool::new(false),
        })
    }

    /// Logs in to an OCI registry, for this value only: the user's own registry file is neither read nor changed from
    /// then on. `registry` is a host with an optional port, or an `oci://` reference on it.
    pub async fn login(
        &self,
        registry: &str,
        username: &str,
        password: &SecretString,
        flags: &[String],
    ) -> PortResult<()> {
        let flags = Flags::read(flags)?;
        let plain_http = self.known().await?.logs_in_plainly();
        let host = registry
            .trim_start_matches("oci://")
            .split('/')
            .next()
            .unwrap_or_default();
        let mut args = words(["registry", "login", "--password-stdin"]);
        args.push(format!("--username={username}").into());
        args.push(self.registry_config());
        args.extend(words(flags.login(plain_http)));
        self.run(Call {
            args,
            names: words([host]),
            stdin: Some(password),
            time: QUICK,
            about: host,
            secrets: vec![password],
            ..Call::default()
        })
        .await?;
        self.logged_in.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn known(&self) -> PortResult<&HelmVersion> {
        self.version
            .get_or_try_init(|| async {
                let program = self.program.display().to_string();
                let call = Call {
                    args: words(["version", "--template", "{{.Version}}"]),
                    time: QUICK,
                    about: &program,
                    ..Call::default()
                };
                HelmVersion::parse(&self.run(call).await?, &program)
            })
            .await
    }

    /// The chart as a folder or file on this machine; pulled at most once.
    async fn local(&self, spec: &ReleaseSpec) -> PortResult<Utf8PathBuf> {
        if chart::is_local(spec) {
            return Ok(spec.chart.clone().into());
        }
        if spec.chart.starts_with(['/', '.']) {
            return Err(PortError::NotFound(format!("chart {}", spec.chart)));
        }
        let flags = Flags::read(&spec.flags)?;
        let mut key = vec![spec.chart.clone(), spec.version.clone().unwrap_or_default()];
        key.extend(flags.fetch().into_iter().map(str::to_owned));
        let mut pulled = self.pulled.lock().await;
        if let Some(file) = pulled.get(&key) {
            return Ok(file.clone());
        }
        let folder = self.private.folder(&format!("chart-{}", pulled.len()))?;
        let mut args = words(["pull", "--destination"]);
        args.push(folder.clone().into());
        args.extend(spec.version.iter().map(|version| format!("--version={version}").into()));
        args.extend(words(flags.fetch()));
        if self.logged_in.load(Ordering::Relaxed) {
            args.push(self.registry_config());
        }
        let call = Call {
            args,
            names: words([&spec.chart]),
            time: LONG,
            about: &spec.chart,
            ..Call::default()
        };
        self.run(call).await?;
        let file = chart::pulled(&folder)?;
        pulled.insert(key, file.clone());
        Ok(file)
    }

    /// What the chart's `crds/` folders define.
    async fn crds(&self, spec: &ReleaseSpec, file: &Utf8Path) -> PortResult<Vec<Object>> {
        let call = Call {
            args: words(["show", "crds"]),
            names: words([file]),
            time: QUICK,
            about: &spec.chart,
            ..Call::default()
        };
        definitions::read(&self.run(call).await?, &spec.chart)
    }

    fn registry_config(&self) -> OsString {
        let mut flag = OsString::from("--registry-config=");
        flag.push(self.private.path().join("registry.json"));
        flag
    }

    /// Values files and the private one, which lives as long as the returned guard.
    fn values(&self, spec: &ReleaseSpec) -> PortResult<(Vec<OsString>, Option<NamedTempFile>)> {
        let mut args: Vec<OsString> = spec.values.iter().map(|file| values_flag(file)).collect();
        let guard = match &spec.private_values {
            Some(values) => Some(
                self.private
                    .file(".json", values_text(values).expose_secret().as_bytes())?,
            ),
            None => None,
        };
        if let Some(file) = &guard {
            args.push(values_flag(utf8(file.path())?.as_str()));
        }
        Ok((args, guard))
    }

    /// The cluster as it was chosen: files, context, impersonation.
    fn cluster_args(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        if let Some(context) = &self.cluster.context().context {
            args.push(format!("--kube-context={context}").into());
        }
        if let Some(user) = &self.access.impersonate {
            args.push(format!("--kube-as-user={user}").into());
        }
        let groups = self.access.impersonate_groups.iter();
        args.extend(groups.map(|group| format!("--kube-as-group={group}").into()));
        args
    }
}

#[async_trait]
impl Helm for HelmCli {
    async fn version(&self) -> PortResult<String> {
        Ok(self.known().await?.to_string())
    }

    async fn chart(&self, spec: &ReleaseSpec) -> PortResult<ChartFacts> {
        self.known().await?;
        let file = self.local(spec).await?;
        let call = Call {
            args: words(["show", "chart"]),
            names: words([&file]),
            time: QUICK,
            about: &spec.chart,
            ..Call::default()
        };
        let shown = self.run(call).await?;
        let digest = tokio::task::spawn_blocking(move || chart::digest(file.as_std_path())).await;
        chart::facts(&shown, digest.map_err(|e| PortError::Other(e.to_string()))??)
    }

    async fn render(&self, spec: &ReleaseSpec, planned: &[Object]) -> PortResult<Rendered> {
        let flags = Flags::read(&spec.flags)?;
        let version = self.known().await?;
        let file = self.local(spec).await?;
        let facts = self.cluster.facts().await?;
        let planned = Planned::place(&*self.cluster, planned).await?;
        let crds = self.crds(spec, &file).await?;
        let own = definitions::of(&crds);
        let mut served = facts.api_versions;
        served.extend(
            own.iter()
                .flat_map(|d| [d.api_version(), format!("{}/{}", d.api_version(), d.kind)]),
        );
        served.sort();
        served.dedup();
        let proxy = ReadProxy::start(self.cluster.reader(), planned, own).await?;
        let kubeconfig = self.private.file(".kubeconfig", &proxy.kubeconfig(&spec.namespace))?;
        let mut args = words(["template", "--namespace", &spec.namespace]);
        args.extend(served.iter().map(|served| format!("--api-versions={served}").into()));
        if version.looks_up() {
            args.extend(words(["--dry-run=server"]));
        }
        if version.applies_on_server() {
            // It would check owners and schemas too, which are the planner's business.
            args.extend(words(["--take-ownership", "--disable-openapi-validation"]));
        }
        let (values, _guard) = self.values(spec)?;
        args.extend(values);
        args.extend(words(flags.render()));
        let print = async |kubernetes: &str| {
            let call = Call {
                args: [args.clone(), words(["--kube-version", kubernetes])].concat(),
                names: words([spec.release.as_str(), file.as_str()]),
                kubeconfig: Some(kubeconfig.path()),
                time: LONG,
                about: &spec.chart,
                spec: Some(spec),
                secrets: vec![proxy.token()],
                ..Call::default()
            };
            self.run(call).await
        };
        let mut posed = None;
        let printed = match print(&facts.version).await {
            Err(error) if failure::refuses_version(&error) => {
                // What the chart would make is worth seeing all the same; that it refuses is the checks' finding.
                let wanted = self.chart(spec).await?.kube_version;
                let Some(other) = wanted.and_then(|range| nearest(&range, &facts.version)) else {
                    return Err(error);
                };
                proxy.pose(&other);
                let printed = print(&other).await?;
                posed = Some(other);
                printed
            }
            printed => printed?,
        };
        let mut rendered = render::read(&*self.cluster, &printed, &spec.chart, &spec.namespace, crds).await?;
        if !version.looks_up() {
            rendered.notes.push(render::blind(&version.to_string()));
        }
        rendered
            .notes
            .extend(posed.map(|other| render::posed(&facts.version, &other)));
        Ok(rendered)
    }

    async fn install(&self, spec: &ReleaseSpec, dry_run: bool) -> PortResult<()> {
        let flags = Flags::read(&spec.flags)?;
        let version = self.known().await?;
        let file = self.local(spec).await?;
        let mut args = words(["upgrade", "--install", "--namespace", &spec.namespace]);
        if version.applies_on_server() {
            // Adopted objects have fields of other managers, which a server-side apply would refuse to take over.
            args.extend(words(["--server-side=false"]));
        }
        if dry_run {
            args.extend(words([if version.looks_up() {
                "--dry-run=server"
            } else {
                "--dry-run"
            }]));
        }
        let hooks = flags.timeout().unwrap_or(HOOK_TIME);
        if flags.timeout().is_none() {
            args.push(format!("--timeout={}s", hooks.as_secs()).into());
        }
        args.extend(self.cluster_args());
        let (values, _guard) = self.values(spec)?;
        args.extend(values);
        args.extend(words(flags.install()));
        let call = Call {
            args,
            names: words([spec.release.as_str(), file.as_str()]),
            // Each hook has that time; a chart has a handful of them.
            time: hooks * 4 + LONG,
            about: &spec.release,
            spec: Some(spec),
            changes: !dry_run,
            ..Call::default()
        };
        self.run(call).await.map(drop)
    }

    async fn end_leftover(&self) -> PortResult<()> {
        leftover::end(&self.mark).await
    }

    async fn release(&self, namespace: &str, release: &str) -> PortResult<Option<ReleaseState>> {
        let records = release::records(&*self.cluster, namespace, release).await?;
        let Some(newest) = records.last() else { return Ok(None) };
        let mut state = release::decode(newest)?;
        let manifest = std::mem::take(&mut state.manifest);
        state.manifest = render::place(&*self.cluster, manifest, namespace, &[]).await?;
        Ok(Some(state))
    }

    async fn delete_release_record(&self, namespace: &str, release: &str) -> PortResult<()> {
        release::forget(&*self.cluster, namespace, release).await
    }
}

fn base64(bytes: &[u8]) -> String {
    ::base64::engine::general_purpose::STANDARD.encode(bytes)
}

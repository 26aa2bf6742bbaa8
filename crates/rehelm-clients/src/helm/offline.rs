//! Helm without a cluster: `helm template` with the capabilities that were asked for, many at once, remembered.
//!
//! Values go over standard input, so that no file and no argument holds them.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use camino::Utf8PathBuf;
use rehelm_core::digest;
use rehelm_core::ports::{ChartFacts, PortError, PortResult};
use rehelm_core::values::chart::ChartFiles;
use rehelm_core::values::learn::Asked;
use rehelm_core::values::render::{RenderError, Rendered, Renderer};
use rehelm_core::yaml;
use secrecy::ExposeSecret;
use serde_json::Value;
use tempfile::TempDir;

use super::call::{values_flag, words};
use super::flags::Flags;
use super::private::values_text;
use super::renders::Renders;
use super::version::HelmVersion;
use super::{chart, chart_files, failure, render};
use crate::process::{self, Ran, Run};

const QUICK: Duration = Duration::from_secs(60);
/// Outputs of templates whose objects are kept at hand.
const REMEMBERED: usize = 1024;
const LONG: Duration = Duration::from_secs(300);

/// A chart to render, and as what.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
    /// `oci://…`, a folder, a packed chart.
    pub chart: String,
    /// Version of the chart, for one that is pulled.
    pub version: Option<String>,
    /// Values files, in order.
    pub values: Vec<Utf8PathBuf>,
    /// `--kube-version` of the render; Helm's own when None.
    pub kube_version: Option<String>,
    /// `--api-versions` of the render.
    pub api_versions: Vec<String>,
    /// Further flags of Helm.
    pub flags: Vec<String>,
}

/// A chart on this machine that can be rendered.
pub struct OfflineHelm {
    program: PathBuf,
    version: HelmVersion,
    task: Task,
    chart: Utf8PathBuf,
    facts: ChartFacts,
    files: ChartFiles,
    values: Value,
    /// Everything but the values that a render depends on.
    depends: Vec<Value>,
    renders: Renders,
    /// Text of a template's output → its objects: most are the same from render to render.
    read: Mutex<HashMap<[u8; 32], Arc<Vec<Rendered>>>>,
    /// Keeps a pulled chart.
    _pulled: Option<TempDir>,
}

impl OfflineHelm {
    /// Finds Helm (`HELM_BIN`, then PATH), fetches the chart if it is elsewhere, and reads its files.
    ///
    /// # Errors
    /// No Helm, no such chart, a file that is not what it should be.
    pub async fn open(task: Task) -> PortResult<Self> {
        Self::with_renders(task, Renders::open()).await
    }

    /// As [`OfflineHelm::open`], remembering renders in a folder of the caller's choice, or not at all.
    ///
    /// # Errors
    /// As there.
    pub async fn remembering(task: Task, folder: Option<&Path>) -> PortResult<Self> {
        Self::with_renders(task, Renders::at(folder.map(Path::to_owned))).await
    }

    async fn with_renders(task: Task, renders: Renders) -> PortResult<Self> {
        let program = process::find("helm", "HELM_BIN")?;
        let said = call(&program, words(["version", "--template", "{{.Version}}"]), None, QUICK).await?;
        let version = HelmVersion::parse(&said.stdout, &program.display().to_string())?;
        let flags = Flags::read(&task.flags)?;
        let (chart, pulled) = local(&program, &task, &flags).await?;
        let (place, name) = (chart.clone(), task.chart.clone());
        let read = tokio::task::spawn_blocking(move || {
            let files = chart_files::read(place.as_std_path())?;
            let own = files.0.get("Chart.yaml").cloned().unwrap_or_default();
            let facts = chart::facts(&own, chart::digest(place.as_std_path())?)?;
            PortResult::Ok((files, facts))
        });
        let (files, facts) = read.await.map_err(|e| PortError::Other(format!("{name}: {e}")))??;
        let mut values = Value::Object(serde_json::Map::new());
        for file in &task.values {
            let text = fs_err::read_to_string(file).map_err(|e| PortError::Other(e.to_string()))?;
            let document = yaml::parse_document(&text, file.as_str())
                .map_err(|e| PortError::Invalid("values".to_owned(), e.to_string()))?;
            rehelm_core::values::chart::merge(
                &mut values,
                &document.unwrap_or_else(|| Value::Object(Default::default())),
            );
        }
        let mut depends: Vec<Value> = vec![facts.digest.clone().into(), version.to_string().into(), values.clone()];
        depends.push(serde_json::json!([
            task.release,
            task.namespace,
            task.kube_version,
            task.api_versions,
            flags.render()
        ]));
        Ok(Self {
            program,
            version,
            chart,
            facts,
            files,
            values,
            depends,
            renders,
            read: Mutex::default(),
            _pulled: pulled,
            task,
        })
    }

    /// Version of the program.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// The chart.
    pub fn facts(&self) -> &ChartFacts {
        &self.facts
    }

    /// The chart's texts.
    pub fn files(&self) -> &ChartFiles {
        &self.files
    }

    /// What the task's values files say together.
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// What was asked for.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What there is to learn about the chart.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            files: &self.files,
            chart: self.facts.clone(),
            release: self.task.release.clone(),
            namespace: self.task.namespace.clone(),
            helm: self.version(),
            start: &self.values,
        }
    }

    fn args(&self) -> Result<Vec<OsString>, RenderError> {
        let flags = Flags::read(&self.task.flags).map_err(|e| RenderError::Broken(e.to_string()))?;
        let mut args = words(["template", "--namespace", &self.task.namespace]);
        if let Some(version) = &self.task.kube_version {
            args.push(format!("--kube-version={version}").into());
        }
        args.extend(
            self.task
                .api_versions
                .iter()
                .map(|v| format!("--api-versions={v}").into()),
        );
        args.extend(self.task.values.iter().map(|file| values_flag(file.as_str())));
        args.push("--values=-".into());
        args.extend(words(flags.render()));
        args.push("--".into());
        args.extend(words([self.task.release.as_str(), self.chart.as_str()]));
        Ok(args)
    }

    async fn print(&self, values: &Value) -> Result<String, RenderError> {
        let broken = |e: PortError| RenderError::Broken(e.to_string());
        let text = values_text(values);
        let ran = call(&self.program, self.args()?, Some(text.expose_secret().as_bytes()), LONG)
            .await
            .map_err(broken)?;
        if ran.success {
            return Ok(ran.stdout);
        }
        // Helm prints no content of values but what templates say on purpose.
        Err(RenderError::Refused(failure::core(&ran.stderr)))
    }

    /// Objects of what Helm printed.
    fn objects(&self, printed: &str) -> Result<Vec<Rendered>, RenderError> {
        let mut all = Vec::new();
        for (source, text) in render::sections(printed) {
            let key = self.key_of(source, &text);
            let known = self.read.lock().ok().and_then(|read| read.get(&key).cloned());
            let objects = match known {
                Some(objects) => objects,
                None => {
                    let objects = Arc::new(self.section(source, &text)?);
                    // What the first renders show comes again and again; what is changed in later ones hardly ever does.
                    if let Ok(mut read) = self.read.lock()
                        && read.len() < REMEMBERED
                    {
                        read.insert(key, objects.clone());
                    }
                    objects
                }
            };
            all.extend(objects.iter().cloned());
        }
        Ok(all)
    }

    fn key_of(&self, source: &str, text: &str) -> [u8; 32] {
        use sha2::Digest as _;
        sha2::Sha256::new()
            .chain_update(source)
            .chain_update([0])
            .chain_update(text)
            .finalize()
            .into()
    }

    fn section(&self, source: &str, text: &str) -> Result<Vec<Rendered>, RenderError> {
        let (objects, _) = yaml::parse_objects(text, source).map_err(|e| RenderError::Refused(e.to_string()))?;
        let rendered = objects.into_iter().map(|mut object| {
            if object.namespace() == Some(self.task.namespace.as_str()) {
                object.metadata_mut().shift_remove("namespace");
            }
            let hooks = object.annotation("helm.sh/hook").unwrap_or_default();
            let hooks = hooks.split(',').map(str::trim).filter(|hook| !hook.is_empty());
            Rendered {
                hooks: hooks.map(str::to_owned).collect(),
                object,
                source: source.to_owned(),
            }
        });
        Ok(rendered.collect())
    }
}

#[async_trait]
impl Renderer for OfflineHelm {
    async fn render(&self, values: &Value, turn: u32) -> Result<Vec<Rendered>, RenderError> {
        let mut depends = self.depends.clone();
        depends.extend([values.clone(), turn.into()]);
        let name = digest::of_value(&Value::Array(depends)).replace("sha256:", "");
        let outcome = match self.renders.find(&name) {
            Some(outcome) => outcome,
            None => {
                let outcome = self.print(values).await;
                self.renders.keep(&name, &outcome);
                outcome
            }
        };
        tokio::task::block_in_place(|| self.objects(&outcome?))
    }

    fn at_once(&self) -> usize {
        std::thread::available_parallelism().map_or(2, usize::from)
    }
}

/// The chart as a folder or file on this machine.
async fn local(program: &Path, task: &Task, flags: &Flags) -> PortResult<(Utf8PathBuf, Option<TempDir>)> {
    if !task.chart.contains("://") && Path::new(&task.chart).exists() {
        return Ok((task.chart.clone().into(), None));
    }
    if !task.chart.contains("://")
        && (task.chart.starts_with(['/', '.']) || !task.chart.contains('/'))
        && !flags.names_repository()
    {
        return Err(PortError::NotFound(format!("chart {}", task.chart)));
    }
    let folder = tempfile::Builder::new()
        .prefix("rehelm-chart-")
        .tempdir()
        .map_err(|e| PortError::Other(format!("folder for the chart: {e}")))?;
    let mut args = words(["pull", "--destination"]);
    args.push(folder.path().into());
    args.extend(task.version.iter().map(|version| format!("--version={version}").into()));
    args.extend(words(flags.fetch()));
    args.push("--".into());
    args.push(task.chart.clone().into());
    let ran = call(program, args, None, LONG).await?;
    if !ran.success {
        return Err(failure::from_words(&task.chart, &ran.stderr));
    }
    Ok((chart::pulled(folder.path())?, Some(folder)))
}

async fn call(program: &Path, args: Vec<OsString>, stdin: Option<&[u8]>, time_limit: Duration) -> PortResult<Ran> {
    let mut env: Vec<_> = super::call::TAKEN_AWAY.iter().map(|name| (*name, None)).collect();
    env.push(("KUBECONFIG", Some("/dev/null".into())));
    process::run(Run {
        program,
        args,
        env,
        stdin,
        time_limit,
        mark: None,
    })
    .await
}
